"""Sampled answers: what the model would say, a prompt computed once, and the same bytes whatever came before."""

import json
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
import torch
from transformers import PreTrainedModel

from visualzero.causes import drawing
from visualzero.causes.drawing import Samples, draw, seed_of
from visualzero.config import Evaluate, Sampling
from visualzero.evaluation.answering.asking import Asked, Batch, Engine, ask, batches_of
from visualzero.evaluation.answering.generate import Job, predict
from visualzero.evaluation.answering.preparing import prepare, questions_of
from visualzero.evaluation.answering.shards import shards
from visualzero.evaluation.answering.transformers_engine import answer, stop_tokens
from visualzero.evaluation.reading.score import read_rows
from visualzero.models.loading import load_model
from visualzero.models.processor import ImageProcessor, load_processor

if TYPE_CHECKING:
    import pandas as pd

pytestmark = pytest.mark.usefixtures("one_thread")
SETTINGS = Evaluate(max_new_tokens=8, batch_size=3, dtype="float32", threads=1)
SAMPLING = Sampling(samples=4)
LABELS: dict[str, Any] = {"run": "base/untrained", "benchmark": "toyspace", "control": None}


@pytest.fixture(scope="module")
def processor(tiny_model: Path) -> ImageProcessor:
    return load_processor(tiny_model, "r1_zero", 3136, 12544)


@pytest.fixture
def asked(processor: ImageProcessor, toyspace: "pd.DataFrame") -> list[Asked]:
    return ask(toyspace, processor, "lettered")


@pytest.fixture
def drawn(tiny_model: Path, processor: ImageProcessor) -> Any:
    """Samples of batches, with other settings where given."""

    def samples(batches: list[Batch], run: str = "base/untrained", **changed: Any) -> list[list[Samples]]:
        sampling = SAMPLING.model_copy(update=changed)
        return list(draw([[batch] for batch in batches], tiny_model, processor, SETTINGS, sampling, run))

    return samples


def test_each_question_gets_as_many_answers_as_asked_for(drawn: Any, asked: list[Asked]) -> None:
    [(first, second)] = drawn([asked[:2]], samples=5)
    for samples in (first, second):
        assert {key: len(value) for key, value in samples.items()} == dict.fromkeys(Samples.__annotations__, 5)
        assert all(0 <= n <= 8 for n in samples["n_tokens"])
    assert len(set(first["responses"])) > 1


def test_almost_without_temperature_every_sample_is_the_greedy_answer(
    drawn: Any, asked: list[Asked], tiny_model: Path, processor: ImageProcessor
) -> None:
    from visualzero.evaluation.answering.transformers_engine import answers

    [greedy] = answers([asked[:3]], tiny_model, processor, SETTINGS)
    [samples] = drawn([asked[:3]], temperature=1e-6)
    assert [set(one["responses"]) for one in samples] == [{one["response"]} for one in greedy]
    assert [set(one["n_tokens"]) for one in samples] == [{one["n_tokens"]} for one in greedy]


def test_a_question_without_an_image_is_sampled_too(
    drawn: Any, processor: ImageProcessor, toyspace: "pd.DataFrame"
) -> None:
    [[samples]] = drawn([ask(toyspace.iloc[:1].assign(image=None), processor, "lettered")])
    assert len(samples["responses"]) == 4


def test_a_questions_prompt_is_computed_once_for_all_its_samples(
    drawn: Any, asked: list[Asked], monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []
    forward = drawing.load_model

    def counting(*arguments: Any) -> PreTrainedModel:
        model = forward(*arguments)
        model.model.visual.register_forward_hook(
            lambda module, args, kwargs, output: looked.append(len(kwargs["grid_thw"])), with_kwargs=True
        )
        return model

    monkeypatch.setattr(drawing, "load_model", counting)
    drawn([asked[:2]], samples=16)
    assert sum(looked) == 2


def test_samples_are_drawn_as_generate_draws_them(
    drawn: Any, asked: list[Asked], tiny_model: Path, processor: ImageProcessor
) -> None:
    batch = asked[:1]
    model = load_model(tiny_model, "float32")
    ends = stop_tokens(model.generation_config.eos_token_id, processor)
    inputs = prepare(batch * 4, processor)
    torch.manual_seed(seed_of(batch, 0, "base/untrained"))
    output = model.generate(
        **inputs, do_sample=True, top_k=0, max_new_tokens=8, pad_token_id=processor.tokenizer.pad_token_id
    )
    theirs = []
    for row in output[:, inputs["input_ids"].shape[1] :].tolist():
        stop = next((k for k, token in enumerate(row, 1) if token in ends), None)
        theirs.append(answer(row[:stop], ends, processor)["response"])
    [[samples]] = drawn([batch])
    assert samples["responses"] == theirs


def test_the_inputs_are_those_of_greedy_evaluation(
    asked: list[Asked], tiny_model: Path, processor: ImageProcessor
) -> None:
    inputs = prepare(asked[:1], processor)
    [made] = questions_of(asked[:1], processor, load_model(tiny_model, "float32"))
    assert made.input_ids.equal(inputs["input_ids"][0])
    assert made.images["pixel_values"].equal(inputs["pixel_values"])
    assert made.positions.shape == (3, len(made.input_ids))


@pytest.mark.parametrize("change", [{"seed": 1}, {"temperature": 0.5}, {"run": "base-grpo/1"}], ids=str)
def test_another_seed_temperature_or_run_draws_others(drawn: Any, asked: list[Asked], change: dict[str, Any]) -> None:
    assert drawn([asked[:2]]) == drawn([asked[:2]])
    assert drawn([asked[:2]]) != drawn([asked[:2]], **change)


def test_a_batch_is_drawn_alike_whatever_came_before(drawn: Any, asked: list[Asked]) -> None:
    first, second = drawn([asked[:2], asked[2:4]])
    assert drawn([asked[2:4]]) == [second]
    assert drawn([asked[2:4], asked[:2]]) == [second, first]


@pytest.mark.parametrize("dtype", ["bfloat16"])
def test_other_precisions_can_be_sampled(
    asked: list[Asked], tiny_model: Path, processor: ImageProcessor, dtype: str
) -> None:
    settings = SETTINGS.model_copy(update={"dtype": dtype})
    [samples] = draw([[asked[:2]]], tiny_model, processor, settings, SAMPLING, "base/untrained")
    assert all(len(one["responses"]) == 4 for one in samples)


def test_a_window_is_drawn_as_its_batches_are(drawn: Any, asked: list[Asked], tiny_model: Path, processor: Any) -> None:
    apart = drawn([asked[:2], asked[2:4], asked[4:5]])
    window = [asked[:2], asked[2:4], asked[4:5]]
    [together] = draw([window], tiny_model, processor, SETTINGS, SAMPLING, "base/untrained")
    assert together == [one for batch in apart for one in batch]


# As greedy evaluation's machinery keeps them


@pytest.fixture
def engine(tiny_model: Path, processor: ImageProcessor) -> Engine:
    """Batches of three, each in a window of its own."""

    def sampled(batches: Iterable[Batch]) -> Iterator[list[Samples]]:
        return draw(([batch] for batch in batches), tiny_model, processor, SETTINGS, SAMPLING, "base/untrained")

    return cast(Engine, sampled)


def test_an_interruption_leaves_no_trace(
    engine: Engine, processor: ImageProcessor, toyspace: "pd.DataFrame", tmp_path: Path
) -> None:
    job = Job(LABELS, "lettered", 3)
    whole, cut_off = tmp_path / "whole.jsonl", tmp_path / "cut.jsonl"
    predict(job, engine, processor, toyspace, whole, tmp_path / "work")

    def dying(batches: Any) -> Iterator[Any]:
        for number, given in enumerate(engine(batches)):
            if number == 2:
                raise KeyboardInterrupt
            yield given

    with pytest.raises(KeyboardInterrupt):
        predict(job, dying, processor, toyspace, cut_off, tmp_path / "again")
    assert not cut_off.exists()
    taken: list[int] = []

    def counting(batches: Any) -> Iterator[Any]:
        taken.append(len(list(batches)))
        return engine(batches)

    predict(job, counting, processor, toyspace, cut_off, tmp_path / "again")
    assert cut_off.read_bytes() == whole.read_bytes()
    assert taken == [4], "of six batches two had been drawn"


def test_shards_leave_no_trace(
    engine: Engine, processor: ImageProcessor, toyspace: "pd.DataFrame", tmp_path: Path
) -> None:
    predict(Job(LABELS, "lettered", 3), engine, processor, toyspace, tmp_path / "whole.jsonl", tmp_path / "work")
    rows = {}
    for shard in shards(2):
        out = tmp_path / f"{shard}.jsonl"
        predict(Job(LABELS, "lettered", 3, shard), engine, processor, toyspace, out, tmp_path / str(shard))
        rows |= {row["id"]: row for row in read_rows(out)}
    assert [rows[name] for name in toyspace["id"]] == read_rows(tmp_path / "whole.jsonl")


def test_a_row_has_the_prompt_and_all_of_a_questions_samples(
    engine: Engine, processor: ImageProcessor, toyspace: "pd.DataFrame", tmp_path: Path
) -> None:
    out = tmp_path / "out.jsonl"
    predict(Job(LABELS, "lettered", 3), engine, processor, toyspace.iloc[:3], out, tmp_path / "work")
    first, *_ = [json.loads(line) for line in out.read_text().splitlines()]
    assert first["id"] == toyspace["id"][0]
    assert {"run", "prompt_sha", "responses", "n_tokens", "finish_reasons"} <= first.keys()
    assert len(first["responses"]) == 4


# Cost


def test_thirty_two_samples_cost_less_than_a_quarter_of_as_many_generations(
    asked: list[Asked], tiny_model: Path, processor: ImageProcessor
) -> None:
    sampling, settings = Sampling(samples=32), SETTINGS.model_copy(update={"max_new_tokens": 24})
    [batch] = batches_of(asked[:2], processor, 2)
    model = load_model(tiny_model, "float32")

    def separate() -> None:
        for one in batch:
            for _ in range(32):
                inputs = prepare([one], processor)
                model.generate(**inputs, do_sample=True, top_k=0, max_new_tokens=24, pad_token_id=0)

    def together() -> None:
        list(draw([[batch]], tiny_model, processor, settings, sampling, "base/untrained"))

    def cost(work: Any) -> float:
        begun = time.process_time()
        work()
        return time.process_time() - begun

    together()  # warm up
    assert cost(together) < cost(separate) / 4
