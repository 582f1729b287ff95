"""What an arm scores over its seeds: by the study's scorer, and under every other one."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from visualzero.evaluation.comparing.scorers import parse_rate, read_by, scorers_of
from visualzero.evaluation.statistics import ScoreRows, crossed, official_values, share_interval
from visualzero.evaluation.statistics.shares import Floats


def accuracies(by_seed: Mapping[str, ScoreRows]) -> dict[str, dict[str, Any]]:
    """By scorer, what an arm scores on one benchmark under every scorer whose readings its rows have.

    Args:
        by_seed: score rows of the same questions, in one order, by seed; an untrained arm has one.

    Returns:
        accuracy, interval, parse_rate and each seed's accuracy (`seeds`). The accuracy is the mean over the seeds; its
        interval takes questions as drawn at random, and seeds too where there are several.
    """
    found = {}
    for name in scorers_of(row for rows in by_seed.values() for row in rows):
        read = {seed: read_by(rows, name) for seed, rows in by_seed.items()}
        found[name] = {
            **_mean({seed: _right(rows) for seed, rows in read.items()}, next(iter(read.values()))),
            "parse_rate": float(np.mean([parse_rate(rows) for rows in read.values()])),
        }
    return found


def over_seeds(by_seed: Mapping[str, ScoreRows], halves: tuple[Sequence[str], Sequence[str]]) -> dict[str, Any]:
    """Micro and official score of a trained arm over at least two seeds: mean, interval and each seed's value.

    Rows as in `accuracies`.
    The interval takes seeds and questions as drawn at random. `official` is None where the benchmark has none.
    """
    first = next(iter(by_seed.values()))
    micro = {seed: _right(rows) for seed, rows in by_seed.items()}
    official = {
        seed: official_values(right, [row["source"] for row in first], *halves) for seed, right in micro.items()
    }
    scores = {"micro": micro, "official": {seed: one for seed, one in official.items() if one is not None}}
    return {name: _score(values, first) for name, values in scores.items()}


def _score(values: Mapping[str, Floats], rows: ScoreRows) -> dict[str, Any] | None:
    if not values:
        return None
    made = _mean(values, rows)
    return {"mean": made["accuracy"], "interval": made["interval"], "seeds": made["seeds"]}


def _mean(values: Mapping[str, Floats], rows: ScoreRows) -> dict[str, Any]:
    """The mean over seeds of values by question, with its interval and each seed's mean."""
    images, each = [row["image_id"] for row in rows], list(values.values())
    if len(each) == 1:
        interval, mean = share_interval(each[0], images), float(each[0].mean())
    else:
        found = crossed(np.array(each), images, (0.0, 1.0))
        interval, mean = found.interval, found.mean
    return {
        "accuracy": mean,
        "interval": interval,
        "seeds": {seed: float(one.mean()) for seed, one in values.items()},
    }


def _right(rows: ScoreRows) -> Floats:
    return np.array([bool(row["correct"]) for row in rows], dtype=np.float64)
