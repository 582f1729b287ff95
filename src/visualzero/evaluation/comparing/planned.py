"""The planned comparisons on one benchmark: per seed, over the seeds, under every scorer, and in words."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from visualzero.evaluation.comparing.claims import claim, distinguishable, equivalent, gain_claim, seeds_claim
from visualzero.evaluation.comparing.scorers import Standing, changes_sign, in_words, parse_rate, read_by, scorers_of
from visualzero.evaluation.statistics import (
    PairedDifference,
    ScoreRows,
    SeedsDifference,
    crossed,
    gain_parts,
    holm,
    of_crossed,
    official_difference,
    official_differences,
    paired_difference,
    seeds_difference,
    split_gain,
)

Halves = tuple[Sequence[str], Sequence[str]]  # the sources of the 2D and of the 3D half, if the benchmark has halves


@dataclass(frozen=True)
class Pair:
    """A planned comparison: two arms with their titles, and the score rows of both under each seed that both have."""

    a: str
    b: str
    title_a: str
    title_b: str
    trained: bool  # whether at least one of them is, so that seeds can differ
    rows: Mapping[int, tuple[ScoreRows, ScoreRows]]


def comparisons(
    pairs: Sequence[Pair], seeds: Sequence[int], margin: float, halves: Halves = ((), ()), under: str | None = None
) -> list[dict[str, Any]]:
    """Each pair under each seed, in the order of the pairs. P-values are corrected over the pairs of the same seed.

    `margin` is the difference up to which arms are called equal; with `halves` the official score is compared too.
    `under` says which seeds the rows are of, where not the same for both.
    """
    found, corrected, family = _under_seeds(pairs, seeds)
    read = {name: _as_read(pairs, name) for name in _scorers(pairs)}
    others = {name: _under_seeds(as_read, seeds) for name, as_read in read.items()}
    made = []
    for key, difference in found.items():
        pair, seed = pairs[key[0]], key[1]
        titles, (a, b), p_holm = (pair.title_a, pair.title_b), pair.rows[seed], corrected[key]
        readings = {
            name: _standing(its[key], p_values[key], [read[name][key[0]].rows[seed]])
            for name, (its, p_values, _) in others.items()
        }
        gain, official = split_gain(a, b), official_difference(a, b, *halves)
        sign = _sign(difference, p_holm)
        said = f"seed {seed}" if under is None else under
        words = in_words(*titles, readings, sign)
        note = words if changes_sign(readings, sign) else ""
        made.append(
            {
                "a": pair.a,
                "b": pair.b,
                "seed": str(seed),
                **asdict(difference),
                "p_holm": p_holm,
                "ahead": _ahead(pair, sign),
                "equivalent": equivalent(difference.interval, margin),
                "claim": claim(*titles, difference, p_holm, family[seed], margin, said if pair.trained else "", note),
                "official": asdict(official) if official else None,
                "gain": asdict(gain),
                "gain_claim": gain_claim(*titles, gain),
                **_told(readings, sign, words),
            }
        )
    return made


def comparisons_over_seeds(pairs: Sequence[Pair], margin: float, halves: Halves = ((), ())) -> list[dict[str, Any]]:
    """Each pair of which an arm is trained and that has at least two seeds; p-values are corrected over these pairs."""
    several = [pair for pair in pairs if pair.trained and len(pair.rows) > 1]
    found, corrected = _over_seeds(several)
    read = {name: _as_read(several, name) for name in _scorers(several)}
    others = {name: _over_seeds(as_read) for name, as_read in read.items()}
    made = []
    for number, (pair, difference, p_holm) in enumerate(zip(several, found, corrected, strict=True)):
        titles, sign = (pair.title_a, pair.title_b), _sign(difference, p_holm)
        readings = {
            name: _standing(its[number], p_values[number], list(read[name][number].rows.values()))
            for name, (its, p_values) in others.items()
        }
        numbers = asdict(difference)
        each = dict(zip(map(str, pair.rows), numbers.pop("values"), strict=True))
        words = in_words(*titles, readings, sign)
        note = words if changes_sign(readings, sign) else ""
        made.append(
            {
                "a": pair.a,
                "b": pair.b,
                "seeds": each,
                **numbers,
                "p_holm": p_holm,
                "ahead": _ahead(pair, sign),
                "equivalent": equivalent(difference.interval, margin),
                "claim": seeds_claim(*titles, difference, p_holm, len(several), margin, note),
                "official": _official(pair, halves),
                "gain": gain_parts(list(pair.rows.values())),
                **_told(readings, sign, words),
            }
        )
    return made


Found = tuple[dict[tuple[int, int], PairedDifference], dict[tuple[int, int], float], dict[int, int]]


def _under_seeds(pairs: Sequence[Pair], seeds: Sequence[int]) -> Found:
    """By number of the pair and seed: the difference, and its corrected p-value; by seed, over how many pairs."""
    found = {
        (number, seed): paired_difference(*pair.rows[seed])
        for number, pair in enumerate(pairs)
        for seed in seeds
        if seed in pair.rows
    }
    corrected: dict[tuple[int, int], float] = {}
    family: dict[int, int] = {}
    for seed in seeds:
        keys = [key for key in found if key[1] == seed]
        family[seed] = len(keys)
        corrected |= zip(keys, holm([found[key].p_clustered for key in keys]), strict=True)
    return found, corrected, family


def _over_seeds(pairs: Sequence[Pair]) -> tuple[list[SeedsDifference], list[float]]:
    """Each pair's difference over its seeds, and its corrected p-value."""
    found = [seeds_difference(list(pair.rows.values())) for pair in pairs]
    return found, holm([difference.p_value for difference in found])


def _official(pair: Pair, halves: Halves) -> dict[str, Any] | None:
    """The difference of the official scores over the seeds; None if the benchmark has none."""
    values = [official_differences(a, b, *halves) for a, b in pair.rows.values()]
    if any(one is None for one in values):
        return None
    images = [row["image_id"] for row in next(iter(pair.rows.values()))[0]]
    found = of_crossed(crossed(np.array(values), images, (-1.0, 1.0)), len(images))
    return {key: getattr(found, key) for key in ("difference", "error", "interval", "p_value", "mde")}


def _scorers(pairs: Iterable[Pair]) -> list[str]:
    return scorers_of(row for pair in pairs for rows in pair.rows.values() for side in rows for row in side)


def _as_read(pairs: Sequence[Pair], scorer: str) -> list[Pair]:
    """The pairs as another scorer reads their responses."""
    return [
        replace(pair, rows={seed: (read_by(a, scorer), read_by(b, scorer)) for seed, (a, b) in pair.rows.items()})
        for pair in pairs
    ]


def _standing(
    found: PairedDifference | SeedsDifference, p_holm: float, rows: Sequence[tuple[ScoreRows, ScoreRows]]
) -> Standing:
    rate_a, rate_b = (sum(map(parse_rate, side)) / len(rows) for side in zip(*rows, strict=True))
    sign = _sign(found, p_holm)
    return Standing(found.difference, found.interval, p_holm, sign, rate_a, rate_b, gain_parts(rows))


def _told(readings: Mapping[str, Standing], sign: int, words: str) -> dict[str, Any]:
    """What an entry says of the other scorers."""
    return {
        "scorers": {name: asdict(one) for name, one in readings.items()},
        "scorers_claim": words,
        "changes_sign": changes_sign(readings, sign),
    }


def _sign(found: PairedDifference | SeedsDifference, p_holm: float) -> int:
    """1 if a is ahead, -1 if b is, 0 if the numbers can't tell."""
    return (found.difference > 0) - (found.difference < 0) if distinguishable(p_holm, found.interval) else 0


def _ahead(pair: Pair, sign: int) -> str | None:
    """The arm that the numbers put ahead; None if they can't tell."""
    return {1: pair.a, -1: pair.b}.get(sign)
