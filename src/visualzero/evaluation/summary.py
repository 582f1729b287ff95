"""Every number of the study in one dict, `summary.json`: arms, baselines, and the planned comparisons.

Pure and deterministic: the same scores give the same bytes. Floats are rounded to six digits; the order of keys is that
of the config, tasks come in the order of the questions.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from visualzero.errors import UserError
from visualzero.evaluation.baselines import baselines
from visualzero.evaluation.statistics import ScoreRows, official_score, paired_difference, wilson

DIGITS = 6
ARM_KEYS = ("title", "recipe", "init", "prompt", "trained")
Scores = Mapping[tuple[str, int | None, str], ScoreRows]


@dataclass(frozen=True)
class ScoredBenchmark:
    """A benchmark: its Question table (images not needed) and the sources of its 2D and 3D half, if it has halves."""

    questions: pd.DataFrame
    sources_2d: Sequence[str] = ()
    sources_3d: Sequence[str] = ()


def summarize(
    scores: Scores,
    *,
    scale: str,
    scorer: str,
    arms: Mapping[str, Mapping[str, Any]],
    seeds: Sequence[int],
    benchmarks: Mapping[str, ScoredBenchmark],
    comparisons: Sequence[tuple[str, str]] = (),
) -> dict[str, Any]:
    """The content of summary.json.

    Args:
        scores: score rows by (arm, seed, benchmark); the seed is None for an arm that isn't trained, whose one
            evaluation is listed under every seed. What is missing is left out.
        scale: name of the scale.
        scorer: name of the scorer that made the scores.
        arms: title, recipe, init, prompt and trained of each arm, in the order to keep.
        seeds: the seeds of the trained arms.
        benchmarks: by name, in the order to keep.
        comparisons: pairs (a, b) of arms; the difference is that of a minus b, for every seed that both have.

    Raises:
        UserError: if scores aren't about the benchmark's questions, or a source of an official score has none.
    """
    for (arm, seed, name), rows in scores.items():
        if {row["id"] for row in rows} != set(benchmarks[name].questions["id"]) or len(rows) != len(
            benchmarks[name].questions
        ):
            where = f"scores of {arm}, seed {seed}, on {name}" if seed is not None else f"scores of {arm} on {name}"
            raise UserError(f"{where}: they are not about the benchmark's questions: run the evaluate stage again")
    for name, benchmark in benchmarks.items():
        known = dict.fromkeys(benchmark.questions["source"])
        for source in (*benchmark.sources_2d, *benchmark.sources_3d):
            if source not in known:
                raise UserError(
                    f"data.benchmarks.{name}: no question has source '{source}': choose from {', '.join(known)}"
                )

    def rows_of(arm: str, seed: int, name: str) -> ScoreRows | None:
        return scores.get((arm, seed if arms[arm]["trained"] else None, name))

    def cells(arm: str, seed: int) -> dict[str, Any]:
        found = {name: (rows_of(arm, seed, name), benchmark) for name, benchmark in benchmarks.items()}
        return {name: cell(rows, benchmark) for name, (rows, benchmark) in found.items() if rows}

    summary = {
        "scale": scale,
        "scorer": scorer,
        "arms": {
            arm: {
                **{key: facts[key] for key in ARM_KEYS},
                "seeds": {str(seed): scored for seed in seeds if (scored := cells(arm, seed))},
            }
            for arm, facts in arms.items()
        },
        "baselines": {
            name: baselines(benchmark.questions, benchmark.sources_2d, benchmark.sources_3d)
            for name, benchmark in benchmarks.items()
        },
        "comparisons": {
            name: [
                {"a": a, "b": b, "seed": str(seed), **asdict(paired_difference(rows_a, rows_b))}
                for a, b in comparisons
                for seed in seeds
                if (rows_a := rows_of(a, seed, name)) and (rows_b := rows_of(b, seed, name))
            ]
            for name in benchmarks
        },
    }
    rounded: dict[str, Any] = _rounded(summary)
    return rounded


def summary_text(summary: Mapping[str, Any]) -> str:
    """The JSON text of a summary."""
    return json.dumps(summary, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def cell(rows: ScoreRows, benchmark: ScoredBenchmark) -> dict[str, Any]:
    """The scores of one run on one benchmark."""
    n = len(rows)
    right = sum(row["correct"] for row in rows)
    by_id = {row["id"]: row for row in rows}
    ordered = [by_id[name] for name in benchmark.questions["id"]]
    by_source = {name: hits / count for name, (hits, count) in _tally(ordered, "source").items()}
    tokens = np.array([row["n_tokens"] for row in ordered])
    return {
        "micro": right / n,
        "micro_interval": wilson(right, n),
        "official": official_score(by_source, benchmark.sources_2d, benchmark.sources_3d),
        "tasks": {
            task: {"accuracy": hits / count, "n": count, "interval": wilson(hits, count)}
            for task, (hits, count) in _tally(ordered, "task").items()
        },
        "parse_rate": sum(row["parse_class"] == "parsed" for row in rows) / n,
        "format_rate": sum(row["format"] for row in rows) / n,
        "truncated_rate": sum(row["finish_reason"] == "length" for row in rows) / n,
        "n": n,
        "response_tokens": {
            "mean": float(tokens.mean()),
            "median": float(np.median(tokens)),
            "p95": float(np.percentile(tokens, 95)),
        },
    }


def _tally(rows: ScoreRows, column: str) -> dict[str, tuple[int, int]]:
    """Right answers and questions by the value of a column, in the order of the rows."""
    tally: dict[str, tuple[int, int]] = {}
    for row in rows:
        hits, count = tally.get(row[column], (0, 0))
        tally[row[column]] = (hits + bool(row["correct"]), count + 1)
    return tally


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, DIGITS) + 0.0  # no -0.0
    if isinstance(value, Mapping):
        return {key: _rounded(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(inner) for inner in value]
    return value
