"""Responses: a batch answers as one question at a time does, and an interruption leaves no trace in the result."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from transformers import Qwen2VLForConditionalGeneration

from visualzero.config import Evaluate
from visualzero.evaluation import generate as module
from visualzero.evaluation.generate import Job, generate, predict
from visualzero.evaluation.score import read_rows
from visualzero.models.loading import load_model
from visualzero.models.processor import ImageProcessor, load_processor
from visualzero.prompts import question_text, render

if TYPE_CHECKING:
    import pandas as pd

pytestmark = pytest.mark.usefixtures("one_thread")
SETTINGS = Evaluate(max_new_tokens=8, batch_size=5, dtype="float32", threads=1)
LABELS = {"run": "base/untrained", "arm": "base", "seed": None, "benchmark": "toyspace", "prompt": "r1_zero"}
JOB = Job(LABELS, "lettered", SETTINGS)


@pytest.fixture(scope="module")
def model(tiny_model: Path) -> Qwen2VLForConditionalGeneration:
    return load_model(tiny_model, "float32")


@pytest.fixture(scope="module")
def processor(tiny_model: Path) -> ImageProcessor:
    return load_processor(tiny_model, "r1_zero", 3136, 12544)


def prompts_of(questions: "pd.DataFrame") -> list[str]:
    return [
        render("r1_zero", question_text(row.question, list(row.choices), "lettered")) for row in questions.itertuples()
    ]


def tokens_of(
    model: Qwen2VLForConditionalGeneration, processor: ImageProcessor, questions: "pd.DataFrame", n: int
) -> list[int]:
    """The first question's greedy tokens, with nothing that ends them."""
    [image] = [module.decode_image(row.image, row.id) for row in questions.iloc[:1].itertuples()]
    inputs = processor(images=[image], text=prompts_of(questions.iloc[:1]), return_tensors="pt")
    output = model.generate(**inputs, do_sample=False, max_new_tokens=n, eos_token_id=-1)
    return output[0, inputs["input_ids"].shape[1] :].tolist()


def test_a_batch_answers_as_one_question_at_a_time(
    model: Qwen2VLForConditionalGeneration, processor: ImageProcessor, toyspace: "pd.DataFrame"
) -> None:
    questions = toyspace.iloc[:6]
    prompts = prompts_of(questions)
    assert len({len(processor.tokenizer.encode(prompt)) for prompt in prompts}) >= 4  # padded by different amounts
    together = list(generate(model, processor, questions, prompts, 16))
    alone = [
        answer
        for i in range(len(prompts))
        for answer in generate(model, processor, questions.iloc[[i]], [prompts[i]], 16)
    ]
    assert together == alone
    assert len({answer["response"] for answer in together}) == len(prompts)


def test_the_image_is_looked_at(
    model: Qwen2VLForConditionalGeneration, processor: ImageProcessor, toyspace: "pd.DataFrame"
) -> None:
    questions = toyspace.iloc[:2]
    same_text = [prompts_of(questions)[0]] * 2
    one, two = generate(model, processor, questions, same_text, 16)
    assert one["response"] != two["response"]


def test_padding_on_the_right_is_refused(
    tiny_model: Path, model: Qwen2VLForConditionalGeneration, toyspace: "pd.DataFrame"
) -> None:
    processor = load_processor(tiny_model, "r1_zero", 3136, 12544)
    processor.tokenizer.padding_side = "right"
    with pytest.raises(AssertionError, match="padding on the left"):
        list(generate(model, processor, toyspace.iloc[:1], prompts_of(toyspace.iloc[:1]), 4))


def test_a_response_that_ends_by_itself_is_cut_at_its_end(
    tiny_model: Path, processor: ImageProcessor, toyspace: "pd.DataFrame"
) -> None:
    model = load_model(tiny_model, "float32")
    tokens = tokens_of(model, processor, toyspace, 12)
    stop = next(k for k in range(3, 12) if tokens[k] not in tokens[:k])
    model.generation_config.eos_token_id = [tokens[stop]]
    questions = toyspace.iloc[:4]  # the others go on, so that the first is padded after its end
    first, *others = generate(model, processor, questions, prompts_of(questions), 12)
    assert first == {
        "response": processor.tokenizer.decode(tokens[:stop], skip_special_tokens=True),
        "n_tokens": stop,
        "finish_reason": "stop",
    }
    assert any(other["finish_reason"] == "length" for other in others)


def test_a_response_that_ends_with_the_last_token_allowed_is_not_cut_off(
    tiny_model: Path, processor: ImageProcessor, toyspace: "pd.DataFrame"
) -> None:
    model = load_model(tiny_model, "float32")
    tokens = tokens_of(model, processor, toyspace, 12)
    stop = next(k for k in range(3, 12) if tokens[k] not in tokens[:k])
    model.generation_config.eos_token_id = tokens[stop]
    questions = toyspace.iloc[:1]
    for allowed, reason in ((stop + 1, "stop"), (stop, "length")):
        [answer] = generate(model, processor, questions, prompts_of(questions), allowed)
        assert (answer["n_tokens"], answer["finish_reason"]) == (stop, reason)


def test_a_response_that_does_not_end_has_all_tokens_allowed(
    model: Qwen2VLForConditionalGeneration, processor: ImageProcessor, toyspace: "pd.DataFrame"
) -> None:
    [answer] = generate(model, processor, toyspace.iloc[:1], prompts_of(toyspace.iloc[:1]), 7)
    assert (answer["n_tokens"], answer["finish_reason"]) == (7, "length")


# The stage


@pytest.fixture(scope="module")
def undisturbed(
    tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, processor: ImageProcessor, toyspace: "pd.DataFrame"
) -> Path:
    """What `predict` writes when nothing happens."""
    folder = tmp_path_factory.mktemp("undisturbed")
    torch.set_num_threads(1)
    predict(JOB, tiny_model, processor, toyspace, folder / "out.jsonl", folder / "work")
    return folder / "out.jsonl"


def test_there_is_one_row_for_each_question_in_order(undisturbed: Path, toyspace: "pd.DataFrame") -> None:
    rows = read_rows(undisturbed)
    assert [row["id"] for row in rows] == toyspace["id"].tolist()
    for row in rows:
        assert {key: row[key] for key in LABELS} == LABELS
        assert set(row) == {*LABELS, "id", "prompt_sha", "response", "n_tokens", "finish_reason", "engine"}
    assert not (undisturbed.parent / "work" / "responses.jsonl").exists()


def test_the_batch_size_changes_no_response(
    undisturbed: Path, tmp_path: Path, tiny_model: Path, processor: ImageProcessor, toyspace: "pd.DataFrame"
) -> None:
    job = Job(LABELS, "lettered", SETTINGS.model_copy(update={"batch_size": 16}))
    predict(job, tiny_model, processor, toyspace, tmp_path / "out.jsonl", tmp_path / "work")
    assert (tmp_path / "out.jsonl").read_bytes() == undisturbed.read_bytes()


@pytest.mark.parametrize(
    ("damage", "missing"),
    [
        (lambda content: content, 2),
        (lambda content: content + b'{"run": "base/untrained", "id": "train-1-0', 2),
        (lambda content: content[:-50] + "ß".encode()[:1], 3),
        (lambda content: b"", 3),
    ],
    ids=["between two batches", "in the next line", "in the last line, within a character", "before anything"],
)
def test_interruptions_leave_no_trace_in_the_result(
    undisturbed: Path,
    tmp_path: Path,
    tiny_model: Path,
    processor: ImageProcessor,
    toyspace: "pd.DataFrame",
    monkeypatch: pytest.MonkeyPatch,
    damage: Callable[[bytes], bytes],
    missing: int,
) -> None:
    calls = 0

    def killed_twice(*arguments: Any) -> Iterator[dict[str, Any]]:
        nonlocal calls
        calls += 1
        if calls in (2, 4):
            raise InterruptedError
        return generate(*arguments)

    monkeypatch.setattr(module, "generate", killed_twice)
    out, partial = tmp_path / "out.jsonl", tmp_path / "work" / "responses.jsonl"
    with pytest.raises(InterruptedError):
        predict(JOB, tiny_model, processor, toyspace, out, partial.parent)
    assert not out.exists()
    assert len(read_rows(partial)) == SETTINGS.batch_size
    partial.write_bytes(damage(partial.read_bytes()))
    with pytest.raises(InterruptedError):
        predict(JOB, tiny_model, processor, toyspace, out, partial.parent)

    predict(JOB, tiny_model, processor, toyspace, out, partial.parent)
    assert out.read_bytes() == undisturbed.read_bytes()
    assert calls - 4 == missing  # of the four batches
    assert not partial.exists()


def test_a_finished_job_that_is_asked_again_needs_no_model(
    undisturbed: Path, tmp_path: Path, processor: ImageProcessor, toyspace: "pd.DataFrame"
) -> None:
    partial = tmp_path / "work" / "responses.jsonl"
    partial.parent.mkdir()
    partial.write_bytes(undisturbed.read_bytes())  # it was killed just before it wrote the result
    predict(JOB, tmp_path / "no model", processor, toyspace, tmp_path / "out.jsonl", partial.parent)
    assert (tmp_path / "out.jsonl").read_bytes() == undisturbed.read_bytes()


@pytest.mark.parametrize("character", ["\u2028", "\u2029", "\x85", "\x0c", "\x1c", "\r", "🙂"], ids=ascii)
def test_a_response_may_hold_any_character(tmp_path: Path, character: str) -> None:
    rows = [{"id": "1", "response": f"before{character}after"}, {"id": "2", "response": character}]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    assert read_rows(path) == rows
