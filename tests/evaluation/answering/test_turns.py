"""A response ends where a further turn of the user's begins, in every engine, where prompts have turns."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from visualzero.evaluation.answering.asking import ask
from visualzero.evaluation.answering.decoding import STRIDE, greedy
from visualzero.evaluation.answering.preparing import questions_of
from visualzero.evaluation.answering.transformers_engine import answer
from visualzero.evaluation.answering.turns import cut, has_begun
from visualzero.models.loading import load_model
from visualzero.models.processor import load_processor
from visualzero.prompts import further_turn, template

TURN = "\nUser:"
PIECES = ["It", " is", " B.", "\n", "User", ":", " And", "\nUser:", "User: "]


def text(tokens: Sequence[int]) -> str:
    return "".join(PIECES[token] for token in tokens)


@pytest.mark.parametrize(
    ("style", "turn"),
    [("plain", TURN), ("r1_zero", TURN), ("r1_zero_image", TURN), ("chat", None), ("chat_think_newline", None)],
)
def test_styles_without_roles_have_turns(style: str, turn: str | None) -> None:
    assert further_turn(template(style)) == turn


@pytest.mark.parametrize(
    ("tokens", "said"),
    [
        ([0, 1, 2, 3, 4, 5, 6], ("It is B.", 3, True)),
        ([0, 1, 2, 7, 0, 7], ("It is B.", 3, True)),
        ([0, 1, 2, 3, 4], ("It is B.\nUser", 5, False)),
        ([0, 1, 2, 8], ("It is B.User: ", 4, False)),  # the parser's to judge
        ([7, 0], ("", 0, True)),
    ],
)
def test_a_response_is_cut_where_a_turn_begins(tokens: list[int], said: tuple[str, int, bool]) -> None:
    assert cut(tokens, text, TURN) == said


def test_nothing_is_cut_where_there_are_no_turns() -> None:
    assert cut([0, 7, 1], text, None) == ("It\nUser: is", 3, False)


def test_a_turn_is_seen_among_the_new_tokens_only() -> None:
    assert has_begun([0, 1, 2, 3, 4, 5], text, TURN, new=1)
    assert has_begun([0, 3, 4, 5, 6, 6, 6, 6], text, TURN, new=4)
    assert not has_begun([0, 1, 2, 3, 4], text, TURN, new=4)
    assert not has_begun([3, 4, 5, *[6] * 20], text, TURN, new=4)


def test_an_engines_answer_ends_there_and_counts_as_stopped(tiny_model: Path) -> None:
    processor = load_processor(tiny_model, "r1_zero", 3136, 12544)
    tokens = processor.tokenizer("left</think> B\nUser: and? A")["input_ids"]
    n = len(processor.tokenizer("left</think> B")["input_ids"])
    assert answer(tokens, {0}, processor) == {"response": "left</think> B", "n_tokens": n, "finish_reason": "stop"}
    chat = load_processor(tiny_model, "chat", 3136, 12544)
    assert answer(tokens, {0}, chat)["finish_reason"] == "length"
    assert answer(tokens, {0}, chat)["n_tokens"] == len(tokens)


@pytest.mark.usefixtures("one_thread")
def test_a_row_that_has_said_enough_leaves_the_others_as_they_are(tiny_model: Path, toyspace) -> None:
    model, processor = load_model(tiny_model, "float32"), load_processor(tiny_model, "r1_zero", 3136, 12544)
    questions = questions_of(ask(toyspace, processor, "lettered")[:4], processor, model)
    whole = greedy(model, questions, {0}, 16)
    asked: list[int] = []

    def enough(row: Sequence[int]) -> bool:
        asked.append(len(row))
        return list(row[:5]) == whole[0][:5]

    rows = greedy(model, questions, {0}, 16, enough=enough)
    assert set(asked) <= set(range(1, 17, STRIDE))
    assert rows[0] == whole[0][: STRIDE + 1]  # what it had said when it was asked
    assert all(row == full for row, full in zip(rows, whole, strict=True) if full[:5] != whole[0][:5])
