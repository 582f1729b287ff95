"""Ended anywhere, an evaluation goes on to the bytes of one that was left alone, whatever rounding does.

Where rounding decides a token, what a row says hangs on who is decoded beside it. So that it always does here, each
token is moved by the number of rows at hand.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
import torch
from torch import Tensor

from groupshare.choosing import Choice
from visualzero.causes import drawing
from visualzero.causes.drawing import Samples, draw
from visualzero.config import Evaluate, Sampling
from visualzero.evaluation.answering import transformers_engine
from visualzero.evaluation.answering.asking import Answer, Batch, Engine, portions
from visualzero.evaluation.answering.at_once import AtOnce
from visualzero.evaluation.answering.generate import ROWS, Job, predict
from visualzero.evaluation.answering.shards import WHOLE, Shard, shards
from visualzero.evaluation.reading.score import read_rows
from visualzero.evaluation.rows import write_rows
from visualzero.models.processor import ImageProcessor, load_processor

if TYPE_CHECKING:
    import pandas as pd

pytestmark = pytest.mark.usefixtures("one_thread")
LABELS: dict[str, Any] = {"run": "base/untrained", "benchmark": "toyspace", "control": None}
SETTINGS = Evaluate(max_new_tokens=10, batch_size="auto", window=6, dtype="float32", threads=1)
SAMPLING = Sampling(samples=3, batch_size=2)


class Killed(BaseException):
    """What ends a process of these tests."""


class Machine:
    """Where evaluations run: each attempt is a process that has so much room, and ends after so many token steps."""

    def __init__(self, weights: Path, processor: ImageProcessor, questions: "pd.DataFrame", folder: Path):
        self.weights, self.processor, self.questions, self.folder = weights, processor, questions, folder
        self.steps, self.last, self.most = 0, -1, 1000
        self.room = 4
        self.windows = 0  # begun by this process
        self.short = 0  # the step at which memory was last too little

    def watched(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        for batch in batches:
            self.windows += 1
            yield batch

    def greedy(self, batches: Iterable[Batch], rows: Path) -> Iterator[list[Answer]]:
        given = {"weights": self.weights, "processor": self.processor, "settings": SETTINGS, "rows": rows}
        return transformers_engine.answers(self.watched(batches), **given)

    def samples(self, batches: Iterable[Batch], rows: Path) -> Iterator[list[Samples]]:
        windows = (portions(batch, SAMPLING.batch_size) for batch in self.watched(batches))
        return draw(windows, self.weights, self.processor, SETTINGS, SAMPLING, "base/untrained", rows)

    def run(self, kind: str, name: str, last: int = -1, room: int = 4, shard: Shard = WHOLE) -> Path:
        """What an attempt, the first one or a later one, writes."""
        self.steps, self.last, self.room, self.windows = 0, last, room, 0
        work = self.folder / f"{name}-work"
        engine = partial(self.greedy if kind == "greedy" else self.samples, rows=work / ROWS)
        out = self.folder / f"{name}.jsonl"
        job = Job(LABELS, "lettered", SETTINGS.window, shard)
        predict(job, cast(Engine, engine), self.processor, self.questions, out, work)
        assert not list(work.iterdir())
        return out

    def step(self, rows: int) -> None:
        self.steps += 1
        if self.steps == self.last:
            raise Killed
        if rows > self.most and self.windows > 1:
            self.short = self.steps
            raise torch.OutOfMemoryError


@pytest.fixture
def machine(tmp_path: Path, tiny_model: Path, toyspace: "pd.DataFrame", monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(tiny_model, load_processor(tiny_model, "r1_zero", 3136, 12544), toyspace, tmp_path)
    choose: Callable[..., Any] = Choice.of

    def swayed(self: Choice, logits: Tensor, *given: Any) -> Any:
        made.step(len(logits))
        return choose(self, logits.roll(len(logits), dims=-1), *given)

    monkeypatch.setattr(Choice, "of", swayed)
    monkeypatch.setattr(transformers_engine, "fitting", lambda *_, **__: made.room)
    monkeypatch.setattr(drawing, "fitting", lambda *_, **__: 3 * made.room)
    for engine in (transformers_engine, drawing):
        monkeypatch.setattr(engine, "stop_tokens", lambda *_: set(range(0, 20000, 5)))
    return made


@pytest.mark.parametrize("kind", ["greedy", "samples"])
def test_what_is_said_hangs_on_company_here(machine: Machine, kind: str) -> None:
    four, three = (machine.run(kind, f"{room}", room=room) for room in (4, 3))
    assert four.read_bytes() != three.read_bytes()
    assert machine.run(kind, "again").read_bytes() == four.read_bytes()


@pytest.mark.parametrize("kind", ["greedy", "samples"])
def test_ended_anywhere_it_goes_on_to_the_same_bytes(machine: Machine, kind: str) -> None:
    """Even if there is room for others by then."""
    whole = machine.run(kind, "whole").read_bytes()
    steps, windows = machine.steps, machine.windows
    assert windows == 3
    for end in range(1, steps, steps // 7):
        with pytest.raises(Killed):
            machine.run(kind, f"{end}", last=end)
        with pytest.raises(Killed):
            machine.run(kind, f"{end}", last=3, room=5)
        assert machine.run(kind, f"{end}", room=2).read_bytes() == whole
        assert machine.steps <= steps
    assert machine.windows == 1, "what had been done at the last end"


@pytest.mark.parametrize("kind", ["greedy", "samples"])
def test_an_interrupted_shard_gives_its_part_of_the_same_bytes(machine: Machine, kind: str) -> None:
    whole = machine.run(kind, "whole")
    rows = {}
    for shard, end in zip(shards(2), (machine.steps // 3, 5), strict=True):
        with pytest.raises(Killed):
            machine.run(kind, f"{shard}", last=end, shard=shard)
        rows |= {row["id"]: row for row in read_rows(machine.run(kind, f"{shard}", room=2, shard=shard))}
    joined = machine.folder / "joined.jsonl"
    write_rows([rows[name] for name in machine.questions["id"]], joined)
    assert joined.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("kind", ["greedy", "samples"])
def test_too_little_memory_is_remembered(machine: Machine, kind: str) -> None:
    """A process that goes on has all the memory again, and still takes as few rows as the one before had come to."""
    plenty = machine.run(kind, "plenty").read_bytes()
    machine.most = 2 if kind == "greedy" else 5
    whole = machine.run(kind, "whole").read_bytes()
    assert whole != plenty
    short, steps = machine.short, machine.steps
    for end in (short + 1, (short + steps) // 2, steps):
        machine.most = 2 if kind == "greedy" else 5
        with pytest.raises(Killed):
            machine.run(kind, f"{end}", last=end)
        machine.most = 1000
        assert machine.run(kind, f"{end}").read_bytes() == whole


def test_a_window_for_which_memory_is_too_little_begins_again_with_half_as_many_rows(tmp_path: Path) -> None:
    tried: list[int] = []

    def decode(rows: int) -> str:
        tried.append(rows)
        if rows > 3:
            raise torch.OutOfMemoryError
        return "answers"

    kept = tmp_path / "work" / ROWS
    assert AtOnce(kept).decode(decode, total=20, choose=lambda: 64) == "answers"
    assert tried == [64, 10, 5, 2]
    assert AtOnce(kept).decode(decode, total=20, choose=lambda: 64) == "answers"
    assert tried[4:] == [2]


def test_a_row_for_which_memory_is_too_little_is_told() -> None:
    def decode(rows: int) -> str:
        raise torch.OutOfMemoryError

    with pytest.raises(torch.OutOfMemoryError):
        AtOnce().decode(decode, total=20, choose=lambda: 64)


@pytest.mark.parametrize("content", ["", "\0\0\0", "four"])
def test_a_number_that_cannot_be_read_is_chosen_anew(tmp_path: Path, content: str) -> None:
    (tmp_path / ROWS).write_text(content)
    assert AtOnce(tmp_path / ROWS).decode(lambda rows: rows, total=20, choose=lambda: 8) == 8
    assert (tmp_path / ROWS).read_text() == "8\n"
