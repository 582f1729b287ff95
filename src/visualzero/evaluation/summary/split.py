"""Planned gains divided into form, prior, sight and thought, from the scores with and without what makes each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from visualzero.evaluation.statistics import ScoreRows, is_parsed
from visualzero.evaluation.statistics.shares import Floats
from visualzero.evaluation.statistics.split import Measured, split
from visualzero.wording import interval, listed, signed

BySeed = Mapping[str, ScoreRows]


@dataclass(frozen=True)
class Observed:
    """An arm's score rows by seed: as it is asked, without the image, and what is read from its altered thoughts.

    The latter two are None where that wasn't asked for.
    """

    title: str
    seen: BySeed
    blind: BySeed | None
    altered: Mapping[str, Sequence[Mapping[str, Any]]] | None


def splits(arms: Mapping[str, Observed], pairs: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    """Each planned pair of these arms: its parts, or what it lacks, and in words.

    Returns:
        For each pair a, b, lacking (arms that weren't asked without the image), seeds (of both), parts (by name,
        difference and interval; None where it can't be split), thought_tested, claim; where it is split, difference.
    """
    return [_pair(a, b, arms[a], arms[b]) for a, b in pairs if a in arms and b in arms]


def measured(arm: Observed) -> Measured | None:
    """What was measured of an arm, as means over its seeds; None if it wasn't asked without the image."""
    if arm.blind is None:
        return None
    each = [
        _run(rows, arm.blind[seed], None if arm.altered is None else arm.altered[seed])
        for seed, rows in arm.seen.items()
    ]
    return Measured(np.mean(each, axis=0), arm.altered is not None)


def _run(seen: ScoreRows, blind: ScoreRows, altered: Sequence[Mapping[str, Any]] | None) -> Floats:
    """One run's counts, in the order of `seen`; see `COLUMNS`."""
    without = {row["id"]: row for row in blind}
    continued = {row["id"]: row for row in altered or ()}
    return np.array(
        [
            [
                *_shares(row),
                *_shares(without[row["id"]]),
                *(one for kind in ("kept", "emptied") for one in _continued(row, continued.get(row["id"]), kind)),
            ]
            for row in seen
        ],
        dtype=np.float64,
    )


def _shares(row: Mapping[str, Any]) -> tuple[float, float]:
    return float(is_parsed(row)), float(bool(row["correct"]))


def _continued(own: Mapping[str, Any], row: Mapping[str, Any] | None, kind: str) -> tuple[float, float]:
    """Shares of answers from an altered thought that are read, and right; those of the response if it has no thought.

    Both are 0 where the question wasn't asked so.
    """
    if row is None:
        return 0.0, 0.0
    if not (read := row["readings"].get(kind)):
        return _shares(own)
    return 1 - read.count(None) / len(read), read.count(row["answer_index"]) / len(read)


def _pair(a: str, b: str, mine: Observed, theirs: Observed) -> dict[str, Any]:
    measures = {name: measured(arm) for name, arm in ((a, mine), (b, theirs))}
    lacking = [name for name, its in measures.items() if its is None]
    seeds = [seed for seed in {**mine.seen, **theirs.seen} if seed.isdecimal()]
    pair: dict[str, Any] = {"a": a, "b": b, "lacking": lacking, "seeds": seeds}
    one, other = measures.values()
    if one is None or other is None:
        said = f"{mine.title} against {theirs.title}: not split: add {listed(lacking)} to controls.no_image."
        return {**pair, "parts": None, "thought_tested": False, "claim": said}
    images = [row["image_id"] for row in next(iter(mine.seen.values()))]
    found = split(one, other, images)
    tested = one.thoughts and other.thoughts
    if found is None:
        said = f"{mine.title} against {theirs.title}: not split, since one of them answers nothing readably."
        return {**pair, "parts": None, "thought_tested": tested, "claim": said}
    parts = [f"{name} {signed(its)} {interval(found.intervals[name])}" for name, its in found.parts.items()]
    rest = "" if tested else "; what is reached through thoughts wasn't tested and is part of sight"
    points = signed(found.difference)
    return {
        **pair,
        "difference": found.difference,
        "parts": {name: {"difference": its, "interval": found.intervals[name]} for name, its in found.parts.items()},
        "thought_tested": tested,
        "claim": f"{mine.title} against {theirs.title}: {points} points, of which {listed(parts)}{rest}.",
    }
