"""What each scorer makes of responses on which published evaluators differ.

The verdicts of the other systems were measured with their own code at the commits that the scorers' files name,
VisualThinker's with math-verify 0.5.2.
"""

import pytest

from visualzero.evaluation.reading.scorers import SCORERS
from visualzero.evaluation.reading.scorers.letter import choose as letter
from visualzero.evaluation.reading.scorers.visualthinker import choose as visualthinker
from visualzero.evaluation.reading.scorers.vlmevalkit import choose as vlmevalkit

NUMBERS = ["3", "2", "1", "0"]
SIDES = ["left", "right"]
THINGS = ["desk", "chair"]
ECHO = "How many organs are there? Select from the following choices.\n(A) 3\n(B) 2\n(C) 1\n(D) 0"
# Response, options, the right one; then 1 where it is scored correct.
VERDICTS = [
    # ----------------------------------------------------- visualthinker, lmms, vlmevalkit, cambrian, strict
    ("C", NUMBERS, 2, (1, 1, 1, 1, 1)),
    ("(C)", NUMBERS, 2, (1, 1, 1, 1, 1)),
    ("(C) 1", NUMBERS, 2, (1, 1, 1, 1, 1)),
    ("1", NUMBERS, 2, (1, 0, 1, 0, 1)),
    ("There is one organ.", NUMBERS, 2, (0, 0, 0, 0, 1)),
    ("<think>..</think>\n<answer>(C) 1</answer>", NUMBERS, 2, (1, 0, 1, 0, 1)),
    ("<think>Is it (A)? Wait, no.</think> <answer>C</answer>", NUMBERS, 2, (1, 0, 0, 0, 1)),
    ("<answer>A</answer> Wait, look again. <answer>C</answer>", NUMBERS, 2, (0, 0, 0, 0, 1)),
    ("<answer>The answer is\nC</answer>", NUMBERS, 2, (0, 0, 1, 1, 1)),
    ("The answer is (C).", NUMBERS, 2, (1, 0, 1, 1, 1)),
    ("Based on the image, there are three organs.", NUMBERS, 1, (0, 1, 0, 1, 0)),
    ("It is a chair", THINGS, 0, (1, 0, 0, 0, 0)),
    ("Left", SIDES, 0, (0, 0, 1, 0, 1)),
    ("The books are closer than the desk.", ["desk", "books"], 1, (0, 0, 0, 0, 1)),
    ("(C) 3", NUMBERS, 2, (1, 1, 1, 1, 0)),
    (ECHO, NUMBERS, 3, (1, 0, 0, 0, 0)),
    ("C or B", NUMBERS, 2, (1, 1, 0, 1, 0)),
    ("The answer is (F) 5", ["0", "1", "2", "3", "4", "5"], 5, (1, 0, 1, 1, 1)),
]
NAMES = ("visualthinker", "lmms", "vlmevalkit", "cambrian", "strict")


@pytest.mark.parametrize(("response", "choices", "right", "verdicts"), VERDICTS, ids=[row[0][:30] for row in VERDICTS])
def test_every_scorer_gives_its_systems_verdict(
    response: str, choices: list[str], right: int, verdicts: tuple[int, ...]
) -> None:
    given = {name: int(SCORERS[name](response, choices).given(right) == right) for name in NAMES}
    assert given == dict(zip(NAMES, verdicts, strict=True))


CARS = ["4", "3", "2", "1"]


@pytest.mark.parametrize(
    ("response", "choices", "accepted"),
    [
        # Letters, numbers and option texts
        ("3", CARS, {1}),
        ("(B)", CARS, {1}),
        ("B", CARS, {1}),
        ("b", CARS, {1}),
        ("B. 3", CARS, {1}),
        ("There are 3 cars.", CARS, {1}),
        ("3%", CARS, {1}),
        ("three", CARS, set()),
        ("3-4", CARS, set()),
        ("Below", ["above", "below"], set()),
        ("Traffic Sign", ["car", "traffic sign"], set()),
        ("A)", SIDES, set()),
        ("a)", SIDES, set()),
        ('"car"', ["truck", "car"], set()),
        ("the car!", ["truck", "car"], set()),
        ("**left**", SIDES, {0}),
        # Which of several counts
        ("(B) 4", CARS, {1}),
        ("(A) 3", CARS, {0}),
        ("a car", ["truck", "car"], {0}),
        ("I looked at the picture for a while. The car is near", ["truck", "car"], {1}),
        ("I looked at A and at nothing else", ["truck", "car"], {0}),
        ("The car is closer to the camera than the truck", ["truck", "car"], {0}),
        ("(A) (B) (C) (D)", NUMBERS, {0}),
        ("A or B", NUMBERS, {0}),
        ("The final answer is B. I hope A is wrong", NUMBERS, {1}),
        ("answer: B, not the answer C", NUMBERS, {1}),
        ("It has 2 legs, so 3", NUMBERS, {0}),
        # Tags
        ("<answer>(B)</answer><answer>(C)</answer>", NUMBERS, {1}),
        ("<answer>\nB\n</answer>", NUMBERS, {1}),
        ("A <answer>so\nB</answer>", NUMBERS, {0}),
        ("<answer></answer> C", NUMBERS, {2}),
        ("", NUMBERS, set()),
        ("<think>The cup is to the", SIDES, set()),
        # LaTeX
        (r"$\boxed{car}$", ["truck", "car"], {1}),
        (r"\boxed{B}", SIDES, {1}),
        (r"\[ \boxed{3} \]", CARS, {1}),
        (r"\boxed{\text{B}}", SIDES, set()),
        (r"\boxed{3 \text{ cars}}", CARS, {1}),
        (r"\boxed{3} and \boxed{2}", CARS, set()),
        (r"\boxed{B}. Not A.", SIDES, {1}),
        (r"\boxed{Left}", SIDES, set()),
        ("see [1, 2] here", CARS, set()),
        # Options that are called like letters: right under both names
        ("A", ["B", "A"], {0, 1}),
        ("2 (3)", ["2", "3", "2 (3)"], {0}),
    ],
)
def test_visualthinker_accepts_what_the_official_script_does(
    response: str, choices: list[str], accepted: set[int]
) -> None:
    assert visualthinker(response, choices).accepted == accepted


def test_an_answer_that_stands_for_two_options_is_right_under_either() -> None:
    parsed = visualthinker("A", ["B", "A"])
    assert [parsed.given(right) for right in (0, 1)] == [0, 1]
    assert parsed.parse_class == "parsed"


@pytest.mark.parametrize("response", ["C", "(C)", "C.", "C)", "(C).", " C\n", "<think>A</think><answer>(C)</answer>"])
def test_letter_takes_a_letter_alone(response: str) -> None:
    assert letter(response, NUMBERS).prediction == 2


@pytest.mark.parametrize(
    "response", ["c", "(C) 1", "1", "Option C", "C or B", "E", "[C]", "**C**", "", "((C))", "<answer>"]
)
def test_letter_takes_nothing_else(response: str) -> None:
    assert letter(response, NUMBERS) == (None, "none", frozenset())


@pytest.mark.parametrize(
    ("response", "choices", "expected"),
    [
        ("I'm sorry, but without the image provided I choose A", SIDES, None),
        ("The cup is on the left of the table", SIDES, None),  # too long for two short options
        ("on the left", SIDES, 0),
        ("13", NUMBERS, None),  # 3 and 1 are in it
        ("A is what the first of these many words says", SIDES, None),
        ("What these many words say in the end is A", SIDES, 0),
        ("The correct answer is **B**, as A is further to the left of it", SIDES, 1),
        ("The answer is certainly not clear to me", NUMBERS, 2),  # "c" of "certainly"
        ("The answer is E because of all of these reasons and more", ["0", "1", "2", "3", "4"], None),
        ("Z", SIDES, None),
    ],
)
def test_vlmevalkit_follows_its_rules_in_their_order(response: str, choices: list[str], expected: int | None) -> None:
    assert vlmevalkit(response, choices).prediction == expected


@pytest.mark.parametrize("name", SCORERS)
@pytest.mark.parametrize("response", ["", " ", "<answer>", "\n\n", "Z", "\u0130\u017f", "(", "$$", "9" * 5000])
def test_no_scorer_reads_what_is_not_there_or_fails_on_it(name: str, response: str) -> None:
    assert SCORERS[name](response, SIDES) == (None, "none", frozenset())
