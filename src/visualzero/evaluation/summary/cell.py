"""The scores of one run on one benchmark: accuracies with their intervals, rates, letters and lengths."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

import numpy as np
import pandas as pd

from visualzero.evaluation.reading.free.kinds import CHOICE, chance
from visualzero.evaluation.statistics import (
    ScoreRows,
    clustered_error,
    combined_interval,
    half_score,
    is_parsed,
    official_bootstrap,
    official_score,
    share_interval,
    share_right,
    wilson,
)

PARSE_CLASSES = ("parsed", "ambiguous", "conflicting", "none")


@dataclass(frozen=True)
class ScoredBenchmark:
    """A benchmark: its Question table (images not needed) and the sources of its 2D and 3D half, if it has halves."""

    questions: pd.DataFrame
    sources_2d: Sequence[str] = ()
    sources_3d: Sequence[str] = ()


def cell(rows: ScoreRows, benchmark: ScoredBenchmark) -> dict[str, Any]:
    """The scores of one run on one benchmark, rows in its order; docs/statistics.md says what each number is."""
    n, right = len(rows), sum(row["correct"] for row in rows)
    tokens = np.array([row["n_tokens"] for row in rows])
    classes = Counter(row["parse_class"] for row in rows)
    sources = {source: _share(some) for source, some in _groups(rows, "source").items()}
    return {
        "micro": right / n,
        "micro_interval": _interval(rows),
        "micro_wilson_interval": wilson(right, n),
        "micro_error": clustered_error(_right(rows), _images(rows)),
        **_official(rows, sources, benchmark),
        "tasks": {task: _share(some) for task, some in _groups(rows, "task").items()},
        "sources": sources,
        "chance_adjusted": _chance_adjusted(rows),
        "accuracy_given_parsed": share_right([row for row in rows if is_parsed(row)]),
        "parse_rate": sum(row["parse_class"] == "parsed" for row in rows) / n,
        "format_rate": sum(row["format"] for row in rows) / n,
        "truncated_rate": sum(row["finish_reason"] == "length" for row in rows) / n,
        "parse_classes": {name: classes[name] for name in dict.fromkeys([*PARSE_CLASSES, *sorted(classes)])},
        "letters": _letters(rows),
        "n": n,
        "n_images": len(set(_images(rows))),
        "response_tokens": {
            "mean": float(tokens.mean()),
            "median": float(np.median(tokens)),
            "p95": float(np.percentile(tokens, 95)),
        },
    }


def _right(rows: ScoreRows) -> list[bool]:
    return [bool(row["correct"]) for row in rows]


def _images(rows: ScoreRows) -> list[str]:
    return [row["image_id"] for row in rows]


def _interval(rows: ScoreRows) -> tuple[float, float]:
    return share_interval(_right(rows), _images(rows))


def _share(rows: ScoreRows) -> dict[str, Any]:
    return {"accuracy": sum(_right(rows)) / len(rows), "n": len(rows), "interval": _interval(rows)}


def _groups(rows: ScoreRows, column: str) -> dict[str, list[Any]]:
    """Rows by the value of a column, in the order of the rows."""
    groups: dict[str, list[Any]] = {}
    for row in rows:
        groups.setdefault(row[column], []).append(row)
    return groups


def _official(rows: ScoreRows, sources: dict[str, dict[str, Any]], benchmark: ScoredBenchmark) -> dict[str, Any]:
    """The official score and its halves, with intervals; None where the benchmark has none."""
    two, three = benchmark.sources_2d, benchmark.sources_3d
    accuracy = {source: share["accuracy"] for source, share in sources.items()}
    official = official_score(accuracy, two, three)
    if official is None:
        return {"official": None, "official_interval": None, "official_bootstrap_interval": None, "halves": None}

    def half(names: Sequence[str]) -> dict[str, Any]:
        interval = combined_interval([accuracy[name] for name in names], [sources[name]["interval"] for name in names])
        return {"accuracy": half_score(accuracy, names), "interval": interval}

    halves = {"2D": half(two), "3D": half(three)}
    return {
        "official": official,
        "official_interval": combined_interval(
            [one["accuracy"] for one in halves.values()], [one["interval"] for one in halves.values()]
        ),
        "official_bootstrap_interval": official_bootstrap(
            _right(rows), [row["source"] for row in rows], _images(rows), two, three
        ),
        "halves": halves,
    }


def _chance_adjusted(rows: ScoreRows) -> float:
    """Accuracy on a scale where chance is 0 and all right is 1: sum(right - 1 / options) / sum(1 - 1 / options)."""
    guessed = sum(chance(row.get("answer_kind", CHOICE), row["n_choices"]) for row in rows)
    return (sum(_right(rows)) - guessed) / (len(rows) - guessed)


def _letters(rows: ScoreRows) -> dict[str, dict[str, dict[str, Any]]]:
    """By number of options and letter: how often it is the right one, how often it is predicted, and its recall.

    By number of options, since a letter that few questions offer can't be compared with one that all do. Open
    questions offer none.
    """
    found = {}
    for options in sorted({row["n_choices"] for row in rows} - {1}):
        mine = [row for row in rows if row["n_choices"] == options]
        predicted = Counter(row["prediction"] for row in mine)
        gold = {index: [row for row in mine if row["answer_index"] == index] for index in range(options)}
        found[str(options)] = {
            ascii_uppercase[index]: {
                "n": len(some),
                "predicted": predicted[index],
                "recall": share_right(some),
            }
            for index, some in gold.items()
        }
    return found
