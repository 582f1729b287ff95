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
from pydantic import BaseModel, ConfigDict, ValidationError

from visualzero.errors import UserError

Seed = int | str | None  # None: an untrained arm, which is evaluated once
Interval = tuple[float, float]


@dataclass(frozen=True)
class ReportInputs:
    """Paths of one study at one scale, and its arms in the order in which they are shown.

    `runs[arm, seed]` is a run folder (manifest.json, history.parquet, rollouts.parquet); `predictions` and `scores` are
    JSONL files by (arm, seed, benchmark); `benchmarks` and `train` are Question tables; an arm is a dict with title,
    recipe, init, prompt, reward, paper (percent by task and `micro`, or None); `timings` are Snakemake benchmark files
    by job name; `models` are manifests by model name; `curve` is the CSV of accuracy against steps, where there is one.
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


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)


class TaskScore(_Part):
    """Accuracy (0..1) over the `n` questions of a task."""

    accuracy: float
    n: int | None = None
    interval: Interval | None = None


class Tokens(_Part):
    """Length of the responses in tokens."""

    mean: float | None = None
    median: float | None = None
    p95: float | None = None


class Letter(_Part):
    """How many of the `n` questions whose right letter it is are right, and how often it is chosen at all."""

    n: int
    predicted: int
    recall: float | None = None


class Cell(_Part):
    """The scores of one run on one benchmark, all from 0 to 1."""

    micro: float
    micro_interval: Interval | None = None
    official: float | None = None
    official_interval: Interval | None = None
    tasks: dict[str, TaskScore] = {}
    parse_rate: float | None = None
    format_rate: float | None = None
    truncated_rate: float | None = None
    accuracy_given_parsed: float | None = None
    chance_adjusted: float | None = None
    n: int | None = None
    letters: dict[str, dict[str, Letter]] = {}  # by number of options and letter
    response_tokens: Tokens = Tokens()


class Baseline(_Part):
    """What chance or one constant answer scores; `answer` is that answer by task."""

    micro: float | None = None
    official: float | None = None
    tasks: dict[str, float | None] = {}
    answer: dict[str, str | None] = {}


class Comparison(_Part):
    """Accuracy of `a` minus that of `b`; `b10` questions only `a` got right, `b01` only `b`.

    `p_holm` is corrected for all planned comparisons. `ahead` is the arm that is ahead, None if the data can't tell;
    `claim` and `gain_claim` say it in words.
    """

    a: str
    b: str
    seed: str | None = None
    difference: float
    interval: Interval | None = None
    p_value: float | None = None
    p_holm: float | None = None
    mde: float | None = None
    ahead: str | None = None
    claim: str = ""
    gain_claim: str | None = None
    b01: int | None = None
    b10: int | None = None
    n: int | None = None


class SeedsComparison(_Part):
    """Accuracy of `a` minus that of `b` as a mean over `seeds`, which has each seed's value; in words: `claim`."""

    a: str
    b: str
    seeds: dict[str, float] = {}
    difference: float
    interval: Interval | None = None
    p_holm: float | None = None
    ahead: str | None = None
    claim: str = ""


class ArmSummary(_Part):
    """An arm and its scores: `seeds[seed][benchmark]`."""

    title: str | None = None
    recipe: str | None = None
    init: str | None = None
    prompt: str | None = None
    trained: bool = True
    seeds: dict[str, dict[str, Cell | None]] = {}


class Difference(_Part):
    """Accuracy of the questions as they are minus that of the control questions."""

    difference: float
    interval: Interval | None = None


class Control(_Part):
    """A run's scores on control questions; `consistency` of choices only where the options were swapped."""

    micro: float
    micro_interval: Interval | None = None
    parse_rate: float | None = None
    difference: Difference
    consistency: float | None = None


class Thoughts(_Part):
    """Shares of responses without a thought, and with one that has no word."""

    missing: float | None = None
    blank: float | None = None


class Spread(_Part):
    """A length over some responses."""

    median: float | None = None


class Words(_Part):
    """Words in a thought, over all of them."""

    all: Spread = Spread()


class Rate(_Part):
    """A share of all responses."""

    all: float | None = None


class Reflection(_Part):
    """Share of responses that reconsider."""

    rate: Rate = Rate()


class Diversity(_Part):
    """How alike thoughts are."""

    self_similarity: float | None = None
    duplicate_share: float | None = None


class Repetition(_Part):
    """Share of responses that end in a loop."""

    loop: float | None = None


class Consistency(_Part):
    """Share of the thoughts that conclude something whose answer is another."""

    contradicts: float | None = None


class Reasoning(_Part):
    """What the thoughts of a run are like (docs/reasoning.md)."""

    thoughts: Thoughts = Thoughts()
    thought_words: Words = Words()
    reflection: Reflection = Reflection()
    diversity: Diversity = Diversity()
    repetition: Repetition = Repetition()
    consistency: Consistency = Consistency()


class ScorerFacts(_Part):
    """What one scorer makes of all responses."""

    accuracy: float
    parse_rate: float


class ScorerAgreement(_Part):
    """Scorers over the same `n` responses; `same[a][b]` is the share that both read alike."""

    n: int
    scorers: dict[str, ScorerFacts] = {}
    same: dict[str, dict[str, float]] = {}


class Summary(_Part):
    """summary.json, which the evaluation writes."""

    scale: str | None = None
    scorer: str | None = None
    arms: dict[str, ArmSummary] = {}
    baselines: dict[str, dict[str, Baseline]] = {}
    comparisons: dict[str, list[Comparison]] = {}
    comparisons_over_seeds: dict[str, list[SeedsComparison]] = {}
    controls: dict[str, dict[str, dict[str, dict[str, Control]]]] = {}  # by benchmark, arm, seed, control
    reasoning: dict[str, dict[str, dict[str, Reasoning]]] = {}  # by benchmark, arm, seed
    scorer_agreement: dict[str, ScorerAgreement] = {}


def read_json(path: Path, what: str) -> Any:
    """The content of a JSON file; UserError if it can't be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{what}: {path}: {error}: run its stage again") from error


def read_summary(path: Path) -> Summary:
    """The checked summary.json."""
    content = read_json(path, "summary of the evaluation")
    try:
        return Summary.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "top level"
        message = f"summary of the evaluation: {path}: {where}: {first['msg']}: run the evaluate stage again"
        raise UserError(message) from error


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
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"table: {path}: {error}: run the stage that writes it again") from error


def check_numbers(path: Path, table: pa.Table, columns: Iterable[str]) -> None:
    """UserError if one of those columns of the table holds something else than numbers."""
    for column in columns:
        kind = table.schema.field(column).type
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind)):
            raise UserError(f"table: {path}: column {column} is of type {kind}, not numbers: run its stage again")


def read_curve(path: Path | None) -> list[dict[str, str]]:
    """Rows of the CSV of accuracy against steps (evaluation/curve.py); none if there is no such file."""
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
