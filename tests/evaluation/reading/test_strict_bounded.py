"""No response keeps our own scorers busy, nor the search for a thought's end: all is linear, long texts are cut."""

import pytest

from growth import growth
from visualzero.evaluation.reading.answer import LONGEST, parse_answer
from visualzero.evaluation.reading.scorers import letter, strict
from visualzero.evaluation.reading.sections import thought

REPEATED = [
    *("<answer>", "</answer>", "<think>", "</think>", "<answer>A</answer>", "<think>x</think>", "User: ", "<|im_end|>"),
    *(
        '<div class="answer">',
        '<div class="answer">A</div>',
        "**Answer:** ",
        '{"answer": "A"}',
        "\\boxed{",
        "</",
        "<b>",
    ),
    *("answer ", "the answer is (A). ", "Therefore, left. ", "based on ", "I choose ", "This suggests that "),
    *(
        "A ",
        "(B) left ",
        "B. ",
        "left, ",
        "left or ",
        "the left is closer than the 3 ",
        "behind ",
        "not a ",
        "if ",
        "it ",
    ),
    *("none ", "I can't tell ", "? ", ".", " ", "\n", "3.0 ", "1. ", "- ", "**", "=", "\u706f\u66f4\u8fd1", "\u2212"),
]


@pytest.mark.parametrize("text", REPEATED)
@pytest.mark.parametrize("choose", [strict.choose, letter.choose])
def test_ten_times_as_many_repeats_take_about_ten_times_as_long(choose, text):
    assert growth(lambda repeats: choose(text * repeats, ["left", "3"]), 10_000, 100_000) < 40


def test_where_a_thought_ends_is_found_as_fast():
    assert growth(lambda repeats: thought("<think>" * repeats), 10_000, 100_000) < 40


def test_of_an_answer_longer_than_any_the_end_is_read():
    assert parse_answer("The answer is left. " + "x " * LONGEST, ["left", "right"]).parse_class == "none"
    assert parse_answer("x " * LONGEST + "The answer is left.", ["left", "right"]).prediction == 0
    assert parse_answer(f"<think>{'x ' * LONGEST}</think>left", ["left", "right"]).prediction == 0
