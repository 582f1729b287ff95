"""The answer parser: what counts as choosing an option, and what doesn't."""

import random
import time

import pytest

from visualzero.evaluation.reading.answer import answer_text, is_formatted, parse_answer

NUMBERS = ["3", "2", "1", "0"]
SIDES = ["left", "right"]
THINGS = ["desk", "chair"]


def chosen(response: str, choices: list[str]) -> int | str:
    """The chosen index, or the class of a response that chooses none."""
    parsed = parse_answer(response, choices)
    assert (parsed.prediction is None) == (parsed.parse_class != "parsed")
    return parsed.parse_class if parsed.prediction is None else parsed.prediction


@pytest.mark.parametrize(
    ("response", "choices", "expected"),
    [
        ("C", NUMBERS, 2),
        ("(C)", NUMBERS, 2),
        ("(C) 1", NUMBERS, 2),
        ("1", NUMBERS, 2),
        ("There is one organ.", NUMBERS, 2),
        ("<think>..</think>\n<answer>(C) 1</answer>", NUMBERS, 2),
        ("<think>Is it (A)? Wait, no.</think> <answer>C</answer>", NUMBERS, 2),
        ("<answer>A</answer> Wait, let me look again. <answer>C</answer>", NUMBERS, 2),
        ("<answer>The answer is\nC</answer>", NUMBERS, 2),
        ("The answer is (C).", NUMBERS, 2),
        ("Based on the image, there are three organs.", NUMBERS, 0),  # and not B for "Based"
        ("It is a chair", THINGS, 1),  # and not option A
        ("Left", SIDES, 0),
        ("The books are closer than the desk.", ["desk", "books"], 1),
        ("(C) 3", NUMBERS, "conflicting"),
        ("Select from (A) 3 (B) 2 (C) 1 (D) 0", NUMBERS, "ambiguous"),
        ("(A) 3\n(B) 2\n(C) 1\n(D) 0", NUMBERS, "ambiguous"),
        ("C or B", NUMBERS, "ambiguous"),
        ("The answer is (F) 5", ["0", "1", "2", "3", "4", "5"], 5),
    ],
)
def test_responses_that_other_evaluators_misread_are_read_as_a_person_would(response, choices, expected):
    assert chosen(response, choices) == expected


# fmt: off
FORMS = [
    "B", "(B)", "B.", "B)", "b", "(b)", "b)", "B: 2", "B. 2", "(B) 2", "B 2", "option B", "**B**", "\\boxed{B}",
    "the answer is (B)", "the answer is b", "Answer: B", "$2$", "two", "TWO!", '"2"', "\uff08B\uff09", "There are 2.",
    "The correct option is B", "It must be B because of the shadow.", "__Answer: B__", "\\(B\\)", "'B'", "B - 2",
    "A: B", "Option B is correct.", '{"answer": "B"}', "\u7b54\u6848\u662fB", "\u9009B\u3002", "\u3010B\u3011",
    "B\u200b", "Answer: 'B'", "B -",
]
PIECES = [
    "<think>", "</think>", "<answer>", "</answer>", "(A)", "B.", "two", "3", " is ", "answer:", "not ", " a ", "desk",
    "closer than ", "I", "\u0130", "\u017f", "\u2028", "\\boxed{", "}", "|", "[", "(", "$", "**", "\n", " ",
]
# fmt: on


@pytest.mark.parametrize("response", FORMS)
@pytest.mark.parametrize("frame", ["{}", "<answer>{}</answer>", "<think>(A) or 3?</think>\n<ANSWER> {} </ANSWER>"])
def test_an_option_is_found_in_every_usual_form(response, frame):
    assert chosen(frame.format(response), NUMBERS) == 1


@pytest.mark.parametrize(
    ("response", "choices", "expected"),
    [
        ("a chair", THINGS, 1),
        ("A chair", THINGS, 1),
        ("The answer is a chair", THINGS, 1),
        ("a", THINGS, 0),
        ("The answer is a.", THINGS, 0),
        ("I see a ball", THINGS, "none"),
        ("A three", NUMBERS, 0),
        ("A rather than B", NUMBERS, 0),
    ],
)
def test_the_article_a_is_not_option_a(response, choices, expected):
    assert chosen(response, choices) == expected


@pytest.mark.parametrize(
    ("response", "choices", "expected"),
    [
        ("large red cube", ["red cube", "large red cube"], 1),
        ("the red cube", ["red cube", "large red cube"], 0),
        ("Red-Cube.", ["red cube", "ball"], 0),
        ("2 cubes", ["two cubes", "one cube"], 0),
        ("traffic signs", ["traffic sign", "car"], "none"),
        ("13", NUMBERS, "none"),
        ("3.5", NUMBERS, "none"),
        ("3%", NUMBERS, "none"),
        ("3-4", ["3", "4"], "none"),
        ("left right", SIDES, "ambiguous"),
        ("left/right", SIDES, "ambiguous"),
        ("Left. Right.", SIDES, "ambiguous"),
    ],
)
def test_option_texts_match_whole_and_the_longest_wins(response, choices, expected):
    assert chosen(response, choices) == expected


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ("It is not the desk, it is the chair.", 1),
        ("The answer is the desk, not the chair.", 0),
        ("The answer is not A. The answer is B.", 1),
        ("The desk is closer to the camera compared to the chair.", 0),
        ("The desk is farther away than the chair.", 1),
        ("It isn't the desk.", "none"),
        ("I don't think it's the desk.", "none"),
        ("It cannot be B. It must be A.", 0),
        ("That is no desk but a chair.", 1),
        ("N/A", "none"),
    ],
)
def test_what_is_rejected_is_not_chosen(response, expected):
    assert chosen(response, THINGS) == expected


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ("The desk is closer to the camera, while the chair is further away.", 0),
        ("The chair, which stands on the rug, appears to be slightly closer than the desk.", 1),
        ("The object closest to the camera is the chair, not the desk.", 1),
        ("Between the desk and the chair, the chair is nearest.", 1),
        ("The desk is 3 m away and the chair 1 m, so the chair is closer.", 1),
        ("The desk and the chair are equally close.", "ambiguous"),
        ("The desk or the chair is closer.", "ambiguous"),
        ("It depends on whether the desk is closer or the chair is closer.", "none"),
        ("The desk is not closer than the chair.", "ambiguous"),
        ("The desk is farther away.", 1),
    ],
)
def test_of_two_things_the_one_that_is_called_closer_is_chosen(response, expected):
    assert chosen(response, THINGS) == expected


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ("Point A is closer to the camera. It is on the man, while point B is on a building.", 0),
        ("Point A is nearer, whereas point B is far away.", 0),
        ("In the image, A is on the floor and B on the tree. Point B is closer to the camera.", 1),
        ("Looking at points A and B, the point closer to the camera is B.", 1),
        ("Neither A nor B is closer.", "none"),
    ],
)
def test_letters_that_name_points_are_told_from_the_point_that_is_chosen(response, expected):
    assert chosen(response, ["A is closer", "B is closer"]) == expected


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ("One is on the left. Another one is behind it. So there are 2 cups in total.", 1),
        ("I see 1 red cup and 1 blue cup, thus a total of 2.", 1),
        ("1 + 1 = 2", 1),
        ("3 of them are cups. Therefore, 3.", 0),
        ("1 on the left, 1 on the right. Total: 2", 1),
        ("The total number of cups is 2, of which 1 is red.", 1),
        ("I count them one by one. First, there is", "none"),
        ("So many cups! 2 or 3.", "ambiguous"),
        ("There are 2 cups and 3 plates.", "ambiguous"),
    ],
)
def test_a_conclusion_decides_over_what_led_to_it(response, expected):
    assert chosen(response, NUMBERS) == expected


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ("Option A is incorrect because the desk is at the back. Option B is correct: it is in front.", 1),
        ("(A) desk is wrong.\n(B) chair is correct.", 1),
        ("A is incorrect. B is correct.", 1),
        ("A is not the correct answer. The correct answer is B.", 1),
        ("(A) desk: farther away\n(B) chair: closer", 1),
        ("(A) is incorrect.", "none"),
        ("If A is correct, it is lit from the left; B may be, too.", "ambiguous"),
    ],
)
def test_where_the_options_are_gone_through_the_one_called_correct_is_chosen(response, expected):
    assert chosen(response, THINGS) == expected


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ("There are no organs in the image.", 3),
        ("There aren't any.", 3),
        ("No organs are visible.", 3),
        ("None", 3),
        ("There are 2 organs and no chairs.", 1),
        ("None of the above.", "none"),
        ("There is no image provided.", "none"),
        ("There is no way to tell.", "none"),
    ],
)
def test_nothing_there_is_the_option_zero(response, expected):
    assert chosen(response, NUMBERS) == expected
    assert chosen(response, NUMBERS[:3]) == ("none" if expected == 3 else expected)


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ("It is not possible to tell which is closer, although the desk appears larger.", "none"),
        ("I cannot determine the distance to the desk.", "none"),
        ("I'm sorry, but I can't assist with questions about a chair.", "none"),
        ("I cannot tell exactly, but the desk is closer.", 0),
        ("I can't determine it with certainty. The answer is the chair.", 1),
        ("I can't tell. If I had to guess, it would be (B).", 1),
        ("It is hard to judge: A is large, but I would go with the chair.", 1),
    ],
)
def test_who_cannot_tell_chooses_nothing_unless_they_answer_after_all(response, expected):
    assert chosen(response, THINGS) == expected


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ("(B) 3", "conflicting"),
        ("B. 3", "conflicting"),
        ("The answer is B, 3", "conflicting"),
        ("option C: 3", "conflicting"),
        ("3 (C)", "conflicting"),
        ("C (3)", "conflicting"),
        ("(A) 3, (B) 2", "ambiguous"),
        ("B. 2 C. 1", "ambiguous"),
        ("The answer is A or B", "ambiguous"),
        ("", "none"),
        ("E", "none"),
        ("(Z)", "none"),
    ],
)
def test_answers_that_hedge_choose_nothing(response, expected):
    assert chosen(f"<answer>{response}</answer>", NUMBERS) == expected


def test_the_last_cue_decides_in_untagged_reasoning():
    response = "There are 2 cubes and 3 balls. The answer is (A). No: one is hidden, so the correct answer is:\n\n(B) 2"
    assert chosen(response, NUMBERS) == 1


def test_an_explanation_after_the_option_may_name_others():
    assert chosen("(B) right\n\nThe cup is not left of the plate; left is the fork.", SIDES) == 1
    assert chosen("Yes, the cat is on it, there is no doubt.", ["yes", "no"]) == 0


@pytest.mark.parametrize(
    ("response", "text"),
    [
        ("no tags", "no tags"),
        ("<answer>A <answer>B</answer></answer>", "B"),
        ("thought</think> rest", " rest"),
        ("<think>cut off", ""),
        ("(B) <think>one</think> two", "(B) \n two"),
        ("<think>x</think><answer>B", "B"),
        ("<think>x <answer>B", "B"),
        ("<answer>B</answer><answer> </answer>", "B"),
        ("<answer>B</answer>\nUser: And now? <answer>A</answer>", "B"),
        ("<answer></answer>", "<answer></answer>"),
    ],
)
def test_the_last_answer_that_says_something_is_read_else_all_but_the_thought(response, text):
    assert answer_text(response) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<think>t</think><answer>B</answer>", True),
        (" <think>\nt\n</think>\n\n<answer>\nB\n</answer>\n", True),
        ("<think>t</think> so <answer>B</answer>", False),
        ("<think> </think><answer>B</answer>", False),
        ("<think>t</think><answer>\n</answer>", False),
        ("<think>t</think><answer>A</answer><answer>B</answer>", False),
        ("<think>t<answer>x</answer></think><answer>B</answer>", False),
        ("t</think><answer>B</answer>", False),
        ("<answer>B</answer><think>t</think>", False),
        ("", False),
    ],
)
def test_format_is_one_thought_then_one_answer(text, expected):
    assert is_formatted(text) is expected


def test_any_text_is_read_without_an_error_and_always_the_same():
    rng = random.Random(0)
    for _ in range(2000):
        response = "".join(rng.choices(PIECES, k=rng.randrange(12)))
        for choices in (NUMBERS, THINGS, ["A", "B"], ["i", "\u0130", "(", "no"], [str(n) for n in range(26)]):
            parsed = parse_answer(response, choices)
            assert parsed == parse_answer(response, choices)
            assert parsed.prediction is None or 0 <= parsed.prediction < len(choices)


def test_a_degenerate_response_takes_milliseconds_not_minutes():
    start = time.process_time()
    for piece in (
        "A ",
        "\n",
        "(",
        "(A) 3 ",
        "the left ",
        "answer ",
        "not a ",
        "closer than the left ",
        "<answer>",
        " ",
        "final answer is ",
        "is closer ",
        "the left is closer ",
        "so ",
        "= ",
        "is correct ",
        "(A) is wrong ",
        "there is no ",
        "total ",
        "A: B",
        "\u9009B",
    ):
        parse_answer(piece * 3000, ["left", "3"])
    assert time.process_time() - start < 10
