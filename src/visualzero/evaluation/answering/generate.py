"""Responses to a benchmark: which batches a job answers, in what order, and what it writes. Resumable, and in shards.

A batch is a window of questions that are answered in one another's company and in no other's. The batches of the whole
benchmark are fixed before the first one runs; a shard answers every n-th of them, and each finished batch is appended
to the partial file in `work`. A batch that was not finished is asked again as a whole. So neither the number of shards
nor an interruption changes a byte, even where rounding decides a token.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from visualzero.evaluation.answering.asking import Batch, Engine, ask, batches_of
from visualzero.evaluation.answering.shards import WHOLE, Shard
from visualzero.evaluation.rows import write_rows
from visualzero.models.processor import ImageProcessor
from visualzero.progress import Progress
from visualzero.prompts import Options

Row = dict[str, Any]
ROWS = "rows-at-a-time"  # file in `work` in which an engine keeps how many rows it decodes at a time


@dataclass(frozen=True)
class Job:
    """Who answers what: `labels` (run, arm, seed, benchmark, control, prompt, engine) go into every row.

    `window` is the number of questions of a batch.
    """

    labels: dict[str, Any]
    options: Options
    window: int
    shard: Shard = WHOLE


def predict(
    job: Job, engine: Engine, processor: ImageProcessor, questions: pd.DataFrame, out: Path, work: Path
) -> None:
    """Write one prediction row per question of the job's shard to `out` (JSONL, in the questions' order).

    `work` is this job's own folder of resume state.
    """
    asked = ask(questions, processor, job.options)
    batches = job.shard.of(batches_of(asked, processor, job.window))
    work.mkdir(parents=True, exist_ok=True)
    partial = work / "responses.jsonl"
    rows = _finished(partial)
    missing = [batch for batch in batches if any(one.id not in rows for one in batch)]
    if missing:
        _answer(job, engine, missing, len(batches), rows, partial)
    mine = {one.id for batch in batches for one in batch}
    write_rows([rows[name] for name in questions["id"] if name in mine], out)
    for file in (partial, work / ROWS):
        file.unlink(missing_ok=True)


def _answer(
    job: Job, engine: Engine, missing: Sequence[Batch], total: int, rows: dict[str, Row], partial: Path
) -> None:
    """Answer the missing batches of a total, each written to the partial file as soon as it is there."""
    part = f", shard {job.shard}" if job.shard != WHOLE else ""
    progress = Progress(f"{job.labels['run']} on {_name(job)}{part}", total, "batch")
    with partial.open("a", encoding="utf-8") as file:
        for done, (batch, given) in enumerate(zip(missing, engine(missing), strict=True), total - len(missing) + 1):
            for one, answer in zip(batch, given, strict=True):
                rows[one.id] = {**job.labels, "id": one.id, "prompt_sha": one.prompt_sha, **answer}
            file.writelines(_sealed(rows[one.id]) for one in batch)
            file.flush()
            progress.update(done)


def _name(job: Job) -> str:
    control = job.labels["control"]
    return f"{job.labels['benchmark']} ({control})" if control else job.labels["benchmark"]


def _sealed(row: Row) -> str:
    """A row as a line that begins with its own digest."""
    text = json.dumps(row, ensure_ascii=False)
    return f"{_digest(text)} {text}\n"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _finished(partial: Path) -> dict[str, Row]:
    """Rows of an earlier attempt by id, up to a line that was cut off or damaged; the rest of the file is dropped."""
    if not partial.exists():
        return {}
    rows: dict[str, Row] = {}
    whole = 0
    with partial.open("rb") as file:
        for line in file:
            digest, _, text = line.decode("utf-8", "replace").removesuffix("\n").partition(" ")
            if not line.endswith(b"\n") or digest != _digest(text):
                break
            row = json.loads(text)
            rows[row["id"]] = row
            whole += len(line)
    with partial.open("rb+") as file:
        file.truncate(whole)
    return rows
