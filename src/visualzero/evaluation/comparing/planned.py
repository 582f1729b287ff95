"""The planned comparisons on one benchmark: per seed, over the seeds, and in words."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from visualzero.evaluation.comparing.claims import claim, distinguishable, gain_claim, seeds_claim
from visualzero.evaluation.statistics import ScoreRows, holm, paired_difference, seeds_difference, split_gain


@dataclass(frozen=True)
class Pair:
    """A planned comparison: two arms with their titles, and the score rows of both under each seed that both have."""

    a: str
    b: str
    title_a: str
    title_b: str
    trained: bool  # whether at least one of them is, so that seeds can differ
    rows: Mapping[int, tuple[ScoreRows, ScoreRows]]


def comparisons(pairs: Sequence[Pair], seeds: Sequence[int]) -> list[dict[str, Any]]:
    """Each pair under each seed, in the order of the pairs. P-values are corrected over the pairs of the same seed."""
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
    made = []
    for key, difference in found.items():
        pair, seed, p_holm = pairs[key[0]], key[1], corrected[key]
        gain = split_gain(*pair.rows[seed])
        titles = pair.title_a, pair.title_b
        made.append(
            {
                "a": pair.a,
                "b": pair.b,
                "seed": str(seed),
                **asdict(difference),
                "p_holm": p_holm,
                "ahead": _ahead(pair, difference.difference, distinguishable(p_holm, difference.interval)),
                "claim": claim(*titles, difference, p_holm, family[seed], f"seed {seed}" if pair.trained else ""),
                "gain": asdict(gain),
                "gain_claim": gain_claim(*titles, gain),
            }
        )
    return made


def comparisons_over_seeds(pairs: Sequence[Pair]) -> list[dict[str, Any]]:
    """Each pair of which an arm is trained and that has at least two seeds; p-values are corrected over these pairs."""
    several = [pair for pair in pairs if pair.trained and len(pair.rows) > 1]
    found = [seeds_difference(list(pair.rows.values())) for pair in several]
    corrected = holm([difference.p_value for difference in found])
    made = []
    for pair, difference, p_holm in zip(several, found, corrected, strict=True):
        sure = distinguishable(p_holm, difference.interval, difference.question_interval)
        numbers = asdict(difference)
        each = dict(zip(map(str, pair.rows), numbers.pop("values"), strict=True))
        made.append(
            {
                "a": pair.a,
                "b": pair.b,
                "seeds": each,
                **numbers,
                "p_holm": p_holm,
                "ahead": _ahead(pair, difference.difference, sure),
                "claim": seeds_claim(pair.title_a, pair.title_b, difference, p_holm, len(several)),
            }
        )
    return made


def _ahead(pair: Pair, difference: float, sure: bool) -> str | None:
    """The arm that the numbers put ahead; None if they can't tell."""
    return (pair.a if difference > 0 else pair.b) if sure else None
