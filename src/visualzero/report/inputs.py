"""What the report reads: the paths it is given, and readers that say which file is wrong.

A path that is not there is no error: its section of the page says "not run". A file that is there and can't be read is
a `UserError` that names it.
"""

import csv
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from visualzero.errors import UserError

Seed = int | str | None  # None: an untrained arm, which is evaluated once


@dataclass(frozen=True)
class ReportInputs:
    """Paths of one study at one scale, and its arms in the order in which they are shown.

    `runs[arm, seed]` is a run folder (manifest.json, history.parquet, rollouts.parquet); `predictions` and `scores` are
    JSONL files by (arm, seed, benchmark); `benchmarks` and `train` are Question tables; an arm is a dict with title,
    recipe, init, prompt, reward, paper (percent by task and `micro`, or None); `timings` are Snakemake benchmark files
    by job name; `models` are manifests by model name; `curve` is the CSV of accuracy against steps, where there is one.
    `checkpoints[arm, seed, step]` are JSONL files of what kept weights answer to the first benchmark, and `prefixed`
    the arms whose prompt has already written `<think>`.
    """

    scale: str
    summary: Path
    arms: dict[str, dict[str, Any]] = field(default_factory=dict)
    runs: dict[tuple[str, Seed], Path] = field(default_factory=dict)
    predictions: dict[tuple[str, Seed, str], Path] = field(default_factory=dict)
    scores: dict[tuple[str, Seed, str], Path] = field(default_factory=dict)
    benchmarks: dict[str, Path] = field(default_factory=dict)
    train: Path | None = None
    timings: dict[str, Path] = field(default_factory=dict)
    models: dict[str, Path] = field(default_factory=dict)
    curve: Path | None = None
    checkpoints: dict[tuple[str, Seed, int], Path] = field(default_factory=dict)
    prefixed: frozenset[str] = frozenset()


def read_json(path: Path, what: str) -> Any:
    """The content of a JSON file; UserError if it can't be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{what}: {path}: {error}: run its stage again") from error


def read_lines(path: Path | None, need: Iterable[str]) -> list[dict[str, Any]] | None:
    """Rows of a JSONL file, each with the keys `need`; None if there is no such file."""
    if path is None or not path.is_file():
        return None
    rows = []
    try:
        # Not splitlines(): a JSON string may hold U+2028 and its like as they are.
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
            if not line.strip():
                continue
            row = json.loads(line)
            missing = [key for key in need if key not in row] if isinstance(row, dict) else list(need)
            if missing:
                raise UserError(f"rows: {path}:{number}: no {', '.join(missing)}: run the evaluate stage again")
            rows.append(row)
    except (OSError, ValueError) as error:
        raise UserError(f"rows: {path}: {error}: run the evaluate stage again") from error
    return rows


def read_parquet(
    path: Path | None, need: Iterable[str], columns: list[str] | None = None, filters: Any = None
) -> pa.Table | None:
    """A parquet file that has the columns `need`; None if there is no such file."""
    if path is None or not path.is_file():
        return None
    try:
        names = pq.read_schema(path).names
        missing = [column for column in need if column not in names]
        if missing:
            raise UserError(f"table: {path}: no column {', '.join(missing)}: run the stage that writes it again")
        return pq.read_table(path, columns=columns, filters=filters, partitioning=None)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise UserError(f"table: {path}: {error}: run the stage that writes it again") from error


def check_numbers(path: Path, table: pa.Table, columns: Iterable[str]) -> None:
    """UserError if one of those columns of the table holds something else than numbers."""
    for column in columns:
        kind = table.schema.field(column).type
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind)):
            raise UserError(f"table: {path}: column {column} is of type {kind}, not numbers: run its stage again")


def read_curve(path: Path | None) -> list[dict[str, str]]:
    """Rows of the CSV of accuracy against steps (evaluation/summary/curve.py); none if there is no such file."""
    if path is None or not path.is_file():
        return []
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
        for row in rows:
            [float(row[key]) for key in ("step", "accuracy", "tokens", "reflection")]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"curve: {path}: {error!r}: delete it and run `snakemake curve`") from error
    return rows


def read_benchmark(path: Path) -> tuple[float, float | None] | None:
    """Seconds and peak RSS (MB) of a Snakemake benchmark file, over its repeats; None if there is no such file."""
    if not path.is_file():
        return None
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            reader = csv.DictReader(lines, delimiter="\t")
            rows = list(reader)
        if reader.fieldnames and "s" not in reader.fieldnames:
            raise UserError(f"benchmark file: {path}: no column s: delete it and run the job again")
        seconds = sum(float(row["s"]) for row in rows)
        peaks = [float(row["max_rss"]) for row in rows if _is_number(row.get("max_rss"))]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"benchmark file: {path}: {error!r}: delete it and run the job again") from error
    return (seconds, max(peaks, default=None)) if rows else None


def _is_number(text: str | None) -> bool:
    return text is not None and text.replace(".", "", 1).isdigit()
