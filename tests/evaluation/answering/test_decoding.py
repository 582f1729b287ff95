"""Greedy decoding writes what transformers' own `generate` writes, whichever rows end when and come when."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from transformers import Qwen2VLForConditionalGeneration

from groupshare.attention import Prompts, _at_hand
from groupshare.cohorts import Room
from groupshare.questions import Question
from visualzero.evaluation.answering.asking import Asked, ask, batches_of
from visualzero.evaluation.answering.decoding import STRIDE, greedy
from visualzero.evaluation.answering.preparing import prepare, questions_of
from visualzero.evaluation.answering.transformers_engine import stop_tokens
from visualzero.models.loading import load_model
from visualzero.models.processor import ImageProcessor, load_processor

if TYPE_CHECKING:
    import pandas as pd

pytestmark = pytest.mark.usefixtures("one_thread")
TINY_BASE = Path(__file__).resolve().parents[3] / "models" / "tiny-base"
Inputs = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def model(tiny_model: Path) -> Qwen2VLForConditionalGeneration:
    return load_model(tiny_model, "float32")


@pytest.fixture(scope="module")
def processor(tiny_model: Path) -> ImageProcessor:
    return load_processor(tiny_model, "r1_zero", 3136, 12544)


@pytest.fixture(scope="module")
def asked(processor: ImageProcessor, toyspace: "pd.DataFrame") -> list[Asked]:
    return ask(toyspace, processor, "lettered")


@pytest.fixture(scope="module")
def inputs(processor: ImageProcessor, asked: list[Asked]) -> Inputs:
    """Twelve questions with their images, padded by different amounts."""
    batch = prepare(asked[:12], processor)
    assert len(set(batch["attention_mask"].sum(1).tolist())) >= 4
    return batch


@pytest.fixture(scope="module")
def questions(model: Qwen2VLForConditionalGeneration, processor: ImageProcessor, asked: list[Asked]) -> list[Question]:
    """The same as the decoder takes them."""
    return questions_of(asked[:12], processor, model)


def generated(
    model: Qwen2VLForConditionalGeneration, inputs: Inputs, ends: set[int], n: int, **options: float
) -> list[list[int]]:
    """What `model.generate` writes, up to what ended it."""
    output = model.generate(
        **inputs, do_sample=False, max_new_tokens=n, eos_token_id=sorted(ends), pad_token_id=min(ends), **options
    )
    rows = output[:, inputs["input_ids"].shape[1] :].tolist()
    return [row[: next((k for k, token in enumerate(row, 1) if token in ends), None)] for row in rows]


def ending_apart(rows: Sequence[Sequence[int]]) -> set[int]:
    """Two tokens that end the rows at many different lengths, some not at all."""
    tokens = {token for row in rows for token in row}

    def lengths(ends: set[int]) -> list[int]:
        return [next((k for k, token in enumerate(row) if token in ends), -1) for row in rows]

    pairs = [{a, b} for a in tokens for b in tokens if a < b]
    return max(pairs, key=lambda ends: (min(lengths(ends)) == -1, len(set(lengths(ends))), sorted(ends)))


def test_a_batch_is_written_as_generate_writes_it(
    model: Qwen2VLForConditionalGeneration, inputs: Inputs, questions: list[Question]
) -> None:
    assert greedy(model, questions, {0}, 24) == generated(model, inputs, {0}, 24)


def test_rows_that_end_change_nothing_for_the_others(
    model: Qwen2VLForConditionalGeneration, inputs: Inputs, questions: list[Question]
) -> None:
    ends = ending_apart(generated(model, inputs, {0}, 24))
    rows = greedy(model, questions, ends, 24)
    assert rows == generated(model, inputs, ends, 24)
    lengths = {len(row) for row in rows}
    assert len(lengths) >= 4
    assert 24 in lengths, "one should have gone on to the last token"


def watched(model: Qwen2VLForConditionalGeneration, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many tokens go through the decoder at a time, without those of prompts."""
    sizes: list[int] = []
    decoder = model.get_decoder()
    forward: Callable[..., object] = decoder.forward

    def counted(**arguments: Any) -> object:
        if not isinstance(_at_hand.get(), Prompts):
            sizes.append(arguments["inputs_embeds"].shape[1])
        return forward(**arguments)

    monkeypatch.setattr(decoder, "forward", counted)
    return sizes


def test_fewer_rows_are_decoded_as_they_end(
    model: Qwen2VLForConditionalGeneration, inputs: Inputs, questions: list[Question], monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = ending_apart(generated(model, inputs, {0}, 24))
    sizes = watched(model, monkeypatch)
    rows = greedy(model, questions, ends, 24)
    assert sizes[0] <= 12
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] <= sum(len(row) >= 20 for row in rows)


@pytest.mark.parametrize("rows", [1, 2, 5, 11])
def test_those_that_wait_take_the_places_of_those_that_have_ended(
    model: Qwen2VLForConditionalGeneration,
    inputs: Inputs,
    questions: list[Question],
    monkeypatch: pytest.MonkeyPatch,
    rows: int,
) -> None:
    ends = ending_apart(generated(model, inputs, {0}, 24))
    expected = generated(model, inputs, ends, 24)
    sizes = watched(model, monkeypatch)
    assert greedy(model, questions, ends, 24, room=Room(rows=rows)) == expected
    assert max(sizes) == rows
    needed = sum(len(row) - 1 for row in expected)
    assert sum(sizes) < needed + 12 * STRIDE + 24 * rows, (
        "all that is computed in vain: ends that are seen late, the tail"
    )


@pytest.mark.parametrize("rows", [1, 4, 8])
def test_the_room_may_be_said_in_tokens(
    model: Qwen2VLForConditionalGeneration,
    inputs: Inputs,
    questions: list[Question],
    monkeypatch: pytest.MonkeyPatch,
    rows: int,
) -> None:
    expected = generated(model, inputs, {0}, 24)
    sizes = watched(model, monkeypatch)
    longest = int(inputs["attention_mask"][0].sum())
    room = Room(tokens=rows * (longest + 24) + 30)
    assert greedy(model, questions, {0}, 24, room=room) == expected
    assert max(sizes) == rows


def test_nothing_is_computed_once_all_rows_have_ended(
    model: Qwen2VLForConditionalGeneration, questions: list[Question], monkeypatch: pytest.MonkeyPatch
) -> None:
    firsts = {row[0] for row in greedy(model, questions, {0}, 1)}
    sizes = watched(model, monkeypatch)
    assert [len(row) for row in greedy(model, questions, firsts, 24)] == [1] * 12
    assert sizes == []


@pytest.mark.parametrize("n", [1, 2, 5])
def test_no_row_is_longer_than_allowed(
    model: Qwen2VLForConditionalGeneration, inputs: Inputs, questions: list[Question], n: int
) -> None:
    rows = greedy(model, questions, {0}, n)
    assert rows == generated(model, inputs, {0}, n)
    assert {len(row) for row in rows} == {n}


def test_a_batch_without_padding_needs_no_mask(
    model: Qwen2VLForConditionalGeneration, processor: ImageProcessor, asked: list[Asked]
) -> None:
    batch = [asked[0], asked[0]]
    inputs, questions = prepare(batch, processor), questions_of(batch, processor, model)
    assert inputs["attention_mask"].all()
    assert greedy(model, questions, {0}, 12) == generated(model, inputs, {0}, 12)


def test_a_batch_without_images_is_written_too(
    model: Qwen2VLForConditionalGeneration, processor: ImageProcessor, toyspace: "pd.DataFrame"
) -> None:
    batch = ask(toyspace.assign(image=None), processor, "lettered")
    inputs, questions = prepare(batch, processor), questions_of(batch, processor, model)
    assert "pixel_values" not in inputs
    assert greedy(model, questions, {0}, 12) == generated(model, inputs, {0}, 12)


def test_a_repetition_penalty_is_that_of_transformers(
    model: Qwen2VLForConditionalGeneration, processor: ImageProcessor, asked: list[Asked]
) -> None:
    inputs, questions = prepare(asked[:1], processor), questions_of(asked[:1], processor, model)
    penalized = greedy(model, questions, {0}, 24, repetition_penalty=1.3)
    assert penalized == generated(model, inputs, {0}, 24, repetition_penalty=1.3)
    assert penalized != greedy(model, questions, {0}, 24)


def test_a_repetition_penalty_takes_no_notice_of_padding(
    model: Qwen2VLForConditionalGeneration, processor: ImageProcessor, asked: list[Asked], questions: list[Question]
) -> None:
    together = greedy(model, questions, {0}, 16, repetition_penalty=1.3)
    each = [questions_of([one], processor, model) for one in asked[:12]]
    alone = [greedy(model, one, {0}, 16, repetition_penalty=1.3)[0] for one in each]
    assert together == alone


@pytest.mark.skipif(not (TINY_BASE / "model.safetensors").exists(), reason="models/tiny-base has not been made")
def test_a_trained_model_answers_as_with_generate(toyspace: "pd.DataFrame") -> None:
    model, processor = load_model(TINY_BASE, "float32"), load_processor(TINY_BASE, "r1_zero", 3136, 12544)
    ends = stop_tokens(model.generation_config.eos_token_id, processor)
    [batch] = batches_of(ask(toyspace, processor, "lettered"), processor, 16)
    inputs, questions = prepare(batch, processor), questions_of(batch, processor, model)
    rows = greedy(model, questions, ends, 48)
    assert rows == generated(model, inputs, ends, 48)
    assert len({len(row) for row in rows}) > 1
