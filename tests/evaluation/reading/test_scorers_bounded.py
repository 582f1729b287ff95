"""No response keeps a scorer busy: cues and tags by the hundred thousand, and formulas that never end."""

import re

import pytest

from growth import growth
from visualzero.evaluation.reading.scorers import cambrian, lmms, visualthinker, vlmevalkit
from visualzero.evaluation.reading.scorers._math_verify import FORMULA, TEXT

PEERS = {"visualthinker": visualthinker, "lmms": lmms, "vlmevalkit": vlmevalkit, "cambrian": cambrian}
REPEATED = [
    *("<answer>", "</answer>", "<answer>\n", "<think>", "<think></think>", "the answer is ", "final answer is "),
    *("Answer: ", "(B) ", "\\boxed{", "\\[", "\\(", "$x$ ", "$$", "1+", "=1*", "1,000 ", "\n", "**left** "),
]
SIDES = ["left", "right"]


@pytest.mark.parametrize("name", PEERS)
@pytest.mark.parametrize("text", REPEATED)
def test_ten_times_as_many_repeats_take_about_ten_times_as_long(name: str, text: str) -> None:
    def choose(repeats: int) -> None:
        for response in (text * repeats, f"A {text * repeats}?"):
            PEERS[name].choose(response, SIDES)

    assert growth(choose, 10_000, 100_000) < 40


TAGGED = [
    *("<answer>left</answer>", "<answer> \n left\n\n</answer>", "<answer>a\nb</answer><answer>left</answer>"),
    *("<answer>a\nb <answer>left</answer>", "<answer>\n<answer>left</answer>", "<answer>left", "left</answer>"),
    *("<answer></answer>left", "<answer>\n \n<answer>left\n</answer>", "<answer>\nx\n<answer>\nleft</answer></answer>"),
    *(
        "<answer>a\n\n</answer>",
        "x\n<answer>\n</answer>",
        "</answer><answer>left</answer>",
        "<answer>a\n b</answer>\nleft",
    ),
]


@pytest.mark.parametrize("response", TAGGED)
def test_the_tag_is_found_that_the_official_pattern_finds(response: str) -> None:
    official = re.search(r"<answer>\s*(.*?)\s*</answer>", response)
    assert visualthinker._tagged(response) == (official[1] if official else "")


def test_of_a_text_longer_than_any_answer_the_end_is_read() -> None:
    assert visualthinker.choose("The final answer is left. " + "x " * TEXT, SIDES).prediction is None
    assert visualthinker.choose("x " * TEXT + "The final answer is left.", SIDES).prediction == 0


def test_a_formula_without_end_is_none() -> None:
    assert visualthinker.choose(f"On the left $ {'x' * (FORMULA - 2)} $", SIDES).prediction is None  # it ends last
    assert visualthinker.choose(f"On the left $ {'x' * FORMULA} $", SIDES).prediction == 0


def test_lmms_reads_on_after_a_closed_thought() -> None:
    assert lmms.choose("<think>Is it A?</think>\n (B) right", SIDES).prediction == 1
    assert lmms.choose("<think>x</think><think>y</think> B", SIDES).prediction == 1
    assert lmms.choose("<think>x</think> <think>B", SIDES).prediction is None  # never closed
    assert lmms.choose("x</think> B", SIDES).prediction is None  # the prompt has opened it
    assert lmms.choose("</think>B<think>", SIDES).prediction is None
