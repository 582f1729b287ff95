"""Roles, hedges, tags and turns, and exact texts: what each of them comes to, by example."""

import random

import pytest

from visualzero.evaluation.reading.alike import folded, same_to_the_reader
from visualzero.evaluation.reading.answer import parse_answer
from visualzero.evaluation.reading.sections import sections, thought

THINGS = ["lamp", "desk"]
SIDES = ["left", "right"]
NUMBERS = ["3", "2", "1", "0"]
PIECES = [
    *(
        "a",
        "b",
        "x",
        "B",
        "C",
        "3",
        "3.0",
        "5'",
        '5"',
        "two",
        "(",
        ")",
        "[",
        "]",
        ",",
        ":",
        ";",
        ".",
        "?",
        "*",
        "+",
        "-",
    ),
    *("/", "=", "%", "\u00b0", "\u2212", "\u00b2", "\u706f", "\u684c", "lamp", "the", "red", "no"),
]


@pytest.mark.parametrize(
    ("response", "choices", "expected"),
    [
        ("The lamp is in the foreground, so it is closer to the camera than the desk.", THINGS, 0),
        ("The lamp is bigger, so the desk is farther.", THINGS, 0),
        ("The lamp is closer than the desk. The lamp is lower than the desk, suggesting it is closer.", THINGS, 0),
        ("The lamp is in front of the desk.", THINGS, 0),
        ("I believe it is (B) desk. The lamp is behind.", THINGS, 1),
        ("The correct choice based on the image would be (A) left. The right side shows no lamp.", SIDES, 0),
        (
            "Looking at the answer choices: (A) lamp is behind. (B) desk is in front. "
            "Therefore, (B) seems to be the best choice.",
            THINGS,
            1,
        ),
        (r"the final result is \boxed{\text{desk}}", THINGS, 1),
        ("There are 3 lamps: 2 red and 1 blue", NUMBERS, 0),
    ],
)
def test_the_role_of_an_option_decides(response, choices, expected):
    assert parse_answer(response, choices).prediction == expected


@pytest.mark.parametrize(
    "response",
    [
        "The answer is: (A) lamp (B) desk",
        "<answer>(A) lamp (B) desk</answer>",
        "<answer>lamp, desk</answer>",
        "If bright, lamp; if dark, desk",
        "Neither the lamp nor the desk.",
        "Is it the lamp?",
        "A (desk)",
    ],
)
def test_a_hedge_chooses_nothing(response):
    assert parse_answer(response, THINGS).prediction is None


@pytest.mark.parametrize(
    "response",
    [
        "<think>x</think><answer>B</answer>",
        "<think>x <answer>B",
        "<answer>B</answer> <answer></answer>",
        "<answer>B</answer>\nUser: And now?\nAssistant: <answer>A</answer>",
        '<div class="answer">B</div>',
        "**Answer:** B",
        '{"answer": "B"}',
        r"\boxed{B}",
        "<think>It is the lamp.\n**Answer:** B",
    ],
)
def test_an_answer_is_found_in_any_form_and_in_the_first_turn(response):
    assert parse_answer(response, THINGS).prediction == 1


@pytest.mark.parametrize(
    ("response", "choices", "expected"),
    [
        ("\u22125", ["-5", "5"], 0),
        ("45 degrees", ["45\u00b0", "90\u00b0"], 0),
        ("5 meters", ["5 m", "10 m"], 0),
        ("2:1", ["1:2", "2:1"], 1),
        ("2:1", ["2", "1"], None),
        ("3.0", ["3", "2"], 0),
        ("(1,2)", ["(1,2)", "[1,2]"], 0),
        ("The answer is [1,2].", ["(1,2)", "[1,2]"], 1),
        ("5'", ["5'", '5"'], 0),
        ('5"', ["5'", '5"'], 1),
        ("*", ["*", "+"], 0),
        ("x", ["x", "y"], 0),
        ("C", ["B", "A", "D", "C"], None),
        ("\u53f0\u706f", ["\u706f", "\u684c\u5b50"], 0),
        ("\u706f\u7b3c", ["\u706f", "\u684c\u5b50"], None),
    ],
)
def test_an_options_own_text_is_read(response, choices, expected):
    assert parse_answer(response, choices).prediction == expected


def test_whatever_options_look_like_each_is_read_by_its_own_text_unless_that_is_anothers_letter():
    rng = random.Random(0)
    read = 0
    for _ in range(4000):
        choices = ["".join(rng.choices(PIECES, k=rng.randrange(1, 4))) for _ in range(rng.randrange(2, 5))]
        if same_to_the_reader(choices):
            continue
        letters = {letter: index for index, letter in enumerate("abcd"[: len(choices)])}
        for index, choice in enumerate(choices):
            if letters.get(folded(choice).strip("()[]. "), index) != index:
                continue
            for response in (choice, f"<answer> {choice} </answer>", f"<think>x</think>{choice}\n"):
                assert parse_answer(response, choices).prediction == index, (choices, response)
                read += 1
    assert read > 10_000


def test_the_end_of_a_thought_is_the_same_for_the_scorer_and_the_analysis():
    response = "<think>Is it A? No.\n**Answer:** B"
    assert sections(response).answer == "**Answer:** B"
    assert thought(response) == "Is it A? No."
