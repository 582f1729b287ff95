"""Responses: one row per question, and neither shards nor interruptions leave a trace in the result."""

import json
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from visualzero.config import Evaluate
from visualzero.errors import UserError
from visualzero.evaluation.answering import transformers_engine
from visualzero.evaluation.answering.asking import Answer, Batch, Engine, ask, batches_of
from visualzero.evaluation.answering.generate import Job, predict
from visualzero.evaluation.answering.preparing import prepare
from visualzero.evaluation.answering.shards import Shard, shards
from visualzero.evaluation.reading.score import read_rows
from visualzero.models.processor import ImageProcessor, load_processor
from visualzero.prompts import question_text, render

if TYPE_CHECKING:
    import pandas as pd

pytestmark = pytest.mark.usefixtures("one_thread")
SETTINGS = Evaluate(max_new_tokens=8, batch_size=3, window=5, dtype="float32", threads=1)
LABELS = {
    "run": "base/untrained",
    "arm": "base",
    "seed": None,
    "benchmark": "toyspace",
    "control": None,
    "prompt": "r1_zero",
    "engine": "transformers",
}
JOB = Job(LABELS, "lettered", SETTINGS.window)


@pytest.fixture(scope="module")
def processor(tiny_model: Path) -> ImageProcessor:
    return load_processor(tiny_model, "r1_zero", 3136, 12544)


@pytest.fixture
def engine(tiny_model: Path, processor: ImageProcessor) -> Engine:
    return engine_of(tiny_model, processor, SETTINGS)


def engine_of(weights: Path, processor: ImageProcessor, settings: Evaluate) -> Engine:
    return partial(transformers_engine.answers, weights=weights, processor=processor, settings=settings)


def of(engine: Engine, batches: list[Batch]) -> dict[str, Answer]:
    """Answers by question."""
    asked = [one for batch in batches for one in batch]
    given = [answer for some in engine(batches) for answer in some]
    return {one.id: answer for one, answer in zip(asked, given, strict=True)}


# Asking


def test_a_prompt_is_that_of_training(processor: ImageProcessor, toyspace: "pd.DataFrame") -> None:
    one = ask(toyspace, processor, "lettered")[0]
    row = toyspace.iloc[0]
    assert one.prompt == render("r1_zero", question_text(row.question, list(row.choices), "lettered"))
    assert len(one.prompt_sha) == 16


@pytest.mark.parametrize("style", ["plain", "r1_zero", "chat", "chat_think"])
def test_without_an_image_only_the_image_is_missing(tiny_model: Path, toyspace: "pd.DataFrame", style: str) -> None:
    processor = load_processor(tiny_model, style, 3136, 12544)
    [seen, *_], [blind, *_] = (ask(table, processor, "lettered") for table in (toyspace, toyspace.assign(image=None)))
    assert blind.prompt == seen.prompt.replace("<|vision_start|><|image_pad|><|vision_end|>", "")
    assert blind.prompt != seen.prompt
    assert blind.picture() is None


def test_batches_are_of_like_length_longest_first(processor: ImageProcessor, toyspace: "pd.DataFrame") -> None:
    asked = ask(toyspace, processor, "lettered")
    batches = batches_of(asked, processor, 5)
    assert [len(batch) for batch in batches] == [5, 5, 5, 1]
    assert sorted(one.id for batch in batches for one in batch) == sorted(toyspace["id"])
    lengths = [len(processor.tokenizer.encode(one.prompt)) for batch in batches for one in batch]
    assert lengths == sorted(lengths, reverse=True)


def test_an_image_counts_by_its_tokens(tiny_model: Path, toyspace: "pd.DataFrame") -> None:
    asked = ask(toyspace.iloc[:2], load_processor(tiny_model, "r1_zero", 3136, 12544), "lettered")
    small, large = (load_processor(tiny_model, "r1_zero", 784, pixels) for pixels in (784, 12544))
    blind = [asked[0]._replace(image=None), asked[1]]
    for processor, tokens in ((small, 1), (large, 16)):
        [inputs] = [prepare([blind[1]], processor)]
        assert int((inputs["input_ids"] == processor.image_token_id).sum()) == tokens
        assert batches_of(blind, processor, 1)[0] == [blind[1]]


def test_a_broken_image_names_its_question(processor: ImageProcessor, toyspace: "pd.DataFrame") -> None:
    broken = toyspace.assign(image=[{"bytes": b"no image", "path": "x.png"}] * len(toyspace))
    with pytest.raises(UserError, match=f"question {toyspace['id'][0]}: its image can't be used"):
        batches_of(ask(broken, processor, "lettered"), processor, 4)


# Answers


def test_a_batch_answers_as_one_question_at_a_time(
    engine: Engine, processor: ImageProcessor, toyspace: "pd.DataFrame"
) -> None:
    asked = ask(toyspace.iloc[:6], processor, "lettered")
    together = of(engine, [asked])
    assert together == of(engine, [[one] for one in asked])
    assert len({answer["response"] for answer in together.values()}) == len(asked)


def test_the_image_is_looked_at(engine: Engine, processor: ImageProcessor, toyspace: "pd.DataFrame") -> None:
    one, two = ask(toyspace.iloc[:2], processor, "lettered")
    [[first, second]] = engine([[one, two._replace(prompt=one.prompt)]])
    assert first["response"] != second["response"]


def test_padding_on_the_right_is_refused(tiny_model: Path, toyspace: "pd.DataFrame") -> None:
    processor = load_processor(tiny_model, "r1_zero", 3136, 12544)
    processor.tokenizer.padding_side = "right"
    with pytest.raises(AssertionError, match="padding on the left"):
        prepare(ask(toyspace, processor, "lettered"), processor)


@pytest.mark.parametrize(
    ("tokens", "n_tokens", "reason"), [([40, 41, 0], 2, "stop"), ([0], 0, "stop"), ([40, 41, 42], 3, "length")]
)
def test_what_ends_a_response_is_no_part_of_it(
    processor: ImageProcessor, tokens: list[int], n_tokens: int, reason: str
) -> None:
    answer = transformers_engine.answer(tokens, {0}, processor)
    assert answer["response"] == processor.tokenizer.decode(tokens[:n_tokens])
    assert (answer["n_tokens"], answer["finish_reason"]) == (n_tokens, reason)


def test_a_response_ends_with_the_tokens_of_checkpoint_and_tokenizer(processor: ImageProcessor) -> None:
    own = processor.tokenizer.eos_token_id
    assert transformers_engine.stop_tokens([own, 7], processor) == {own, 7}
    assert transformers_engine.stop_tokens(7, processor) == {own, 7}
    assert transformers_engine.stop_tokens(None, processor) == {own}


# The stage


@pytest.fixture(scope="module")
def undisturbed(
    tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, processor: ImageProcessor, toyspace: "pd.DataFrame"
) -> Path:
    """What `predict` writes when nothing happens."""
    folder = tmp_path_factory.mktemp("undisturbed")
    engine = engine_of(tiny_model, processor, SETTINGS)
    predict(JOB, engine, processor, toyspace, folder / "out.jsonl", folder / "work")
    return folder / "out.jsonl"


def test_there_is_one_row_for_each_question_in_order(undisturbed: Path, toyspace: "pd.DataFrame") -> None:
    rows = read_rows(undisturbed)
    assert [row["id"] for row in rows] == toyspace["id"].tolist()
    for row in rows:
        assert {key: row[key] for key in LABELS} == LABELS
        assert set(row) == {*LABELS, "id", "prompt_sha", "response", "n_tokens", "finish_reason"}
    assert not (undisturbed.parent / "work" / "responses.jsonl").exists()


@pytest.mark.parametrize("changed", [{"batch_size": 16}, {"batch_size": "auto"}, {"batch_size": 1}, {"window": 16}])
def test_how_many_are_answered_together_changes_no_response(
    undisturbed: Path,
    tmp_path: Path,
    tiny_model: Path,
    processor: ImageProcessor,
    toyspace: "pd.DataFrame",
    changed: dict[str, Any],
) -> None:
    settings = SETTINGS.model_copy(update=changed)
    job, engine = Job(LABELS, "lettered", settings.window), engine_of(tiny_model, processor, settings)
    predict(job, engine, processor, toyspace, tmp_path / "out.jsonl", tmp_path / "work")
    assert (tmp_path / "out.jsonl").read_bytes() == undisturbed.read_bytes()


@pytest.mark.parametrize("count", [2, 3, 7])
def test_shards_are_asked_the_same_batches_and_share_them_all(
    undisturbed: Path, tmp_path: Path, engine: Engine, processor: ImageProcessor, toyspace: "pd.DataFrame", count: int
) -> None:
    whole = batches_of(ask(toyspace, processor, "lettered"), processor, SETTINGS.window)
    seen: list[Batch] = []

    def watched(batches: Iterable[Batch]) -> Iterator[list[Answer]]:
        seen.extend(batches := list(batches))
        return engine(batches)

    rows = {}
    for shard in shards(count):
        job, out = Job(LABELS, "lettered", SETTINGS.window, shard), tmp_path / f"{shard}.jsonl"
        predict(job, watched, processor, toyspace, out, tmp_path / str(shard))
        rows |= {row["id"]: row for row in read_rows(out)}
    assert sorted(seen, key=whole.index) == whole
    assert [rows[name] for name in toyspace["id"]] == read_rows(undisturbed)


def killed_after_one_batch(engine: Engine) -> Engine:
    def killed(batches: Iterable[Batch]) -> Iterator[list[Answer]]:
        yield next(engine(batches))
        raise InterruptedError

    return killed


@pytest.mark.parametrize(
    ("damage", "missing"),
    [
        (lambda content: content, 2),
        (lambda content: content + b'{"run": "base/untrained", "id": "train-1-0', 2),
        (lambda content: content[:-50] + "ß".encode()[:1], 3),
        (lambda content: b"", 3),
        (lambda content: b"{}\n", 3),
        (lambda content: content[:40] + bytes([content[40] ^ 1]) + content[41:], 3),
        (lambda content: content[: len(content) // 2] + bytes(len(content) - len(content) // 2), 3),
    ],
    ids=[
        *("between two batches", "in the next line", "in the last line, within a character", "before anything"),
        *("another content", "one bit is another", "zeros, as after a crash of the machine"),
    ],
)
def test_interruptions_leave_no_trace_in_the_result(
    undisturbed: Path,
    tmp_path: Path,
    engine: Engine,
    processor: ImageProcessor,
    toyspace: "pd.DataFrame",
    damage: Callable[[bytes], bytes],
    missing: int,
) -> None:
    killed = killed_after_one_batch(engine)
    answered = 0

    def counted(batches: Iterable[Batch]) -> Iterator[list[Answer]]:
        nonlocal answered
        for answers in engine(batches):
            answered += 1
            yield answers

    out, partial_file = tmp_path / "out.jsonl", tmp_path / "work" / "responses.jsonl"
    with pytest.raises(InterruptedError):
        predict(JOB, killed, processor, toyspace, out, partial_file.parent)
    assert not out.exists()
    assert len(partial_file.read_text().splitlines()) == SETTINGS.window
    partial_file.write_bytes(damage(partial_file.read_bytes()))
    with pytest.raises(InterruptedError):
        predict(JOB, killed, processor, toyspace, out, partial_file.parent)

    predict(JOB, counted, processor, toyspace, out, partial_file.parent)
    assert out.read_bytes() == undisturbed.read_bytes()
    assert answered == missing  # of the four batches
    assert not partial_file.exists()


def test_an_interrupted_shard_goes_on_with_its_own_batches(
    undisturbed: Path, tmp_path: Path, engine: Engine, processor: ImageProcessor, toyspace: "pd.DataFrame"
) -> None:
    job, out, work = Job(LABELS, "lettered", SETTINGS.window, Shard(1, 2)), tmp_path / "out.jsonl", tmp_path / "work"
    with pytest.raises(InterruptedError):
        predict(job, killed_after_one_batch(engine), processor, toyspace, out, work)
    predict(job, engine, processor, toyspace, out, work)
    rows = read_rows(out)
    assert len(rows) == 10  # the first and the third of four batches
    assert rows == [row for row in read_rows(undisturbed) if row["id"] in {row["id"] for row in rows}]


def test_a_finished_job_that_is_asked_again_needs_no_engine(
    undisturbed: Path, tmp_path: Path, engine: Engine, processor: ImageProcessor, toyspace: "pd.DataFrame"
) -> None:
    def unused(batches: Iterable[Batch]) -> Iterator[list[Answer]]:
        raise AssertionError("there was nothing left to answer")

    partial_file = tmp_path / "work" / "responses.jsonl"
    (tmp_path / "out.jsonl").mkdir()
    with pytest.raises(OSError, match="directory"):  # it ends just before it has written the result
        predict(JOB, engine, processor, toyspace, tmp_path / "out.jsonl", partial_file.parent)
    (tmp_path / "out.jsonl").rmdir()
    predict(JOB, unused, processor, toyspace, tmp_path / "out.jsonl", partial_file.parent)
    assert (tmp_path / "out.jsonl").read_bytes() == undisturbed.read_bytes()


def test_an_image_that_breaks_in_the_background_is_told(
    tmp_path: Path, engine: Engine, processor: ImageProcessor, toyspace: "pd.DataFrame"
) -> None:
    cut = {"bytes": toyspace["image"][3]["bytes"][:300], "path": "cut.png"}  # its header is whole
    broken = toyspace.assign(image=[cut if i == 3 else image for i, image in enumerate(toyspace["image"])])
    with pytest.raises(UserError, match=f"question {toyspace['id'][3]}: its image can't be used"):
        predict(JOB, engine, processor, broken, tmp_path / "out.jsonl", tmp_path / "work")
    assert not (tmp_path / "out.jsonl").exists()


@pytest.mark.parametrize("character", ["\u2028", "\u2029", "\x85", "\x0c", "\x1c", "\r", "🙂"], ids=ascii)
def test_a_response_may_hold_any_character(tmp_path: Path, character: str) -> None:
    rows = [{"id": "1", "response": f"before{character}after"}, {"id": "2", "response": character}]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    assert read_rows(path) == rows
