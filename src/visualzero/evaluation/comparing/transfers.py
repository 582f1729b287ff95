"""The planned comparisons on another benchmark, set against the same on the first: what carries over."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from visualzero.evaluation.comparing.claims import distinguishable, transfer_claim
from visualzero.evaluation.comparing.planned import Pair
from visualzero.evaluation.statistics import holm, transfer


def transfers(others: Sequence[Pair], firsts: Sequence[Pair], other: str, first: str) -> list[dict[str, Any]]:
    """Each pair over the seeds that it has on both benchmarks, called `other` and `first`.

    P-values are corrected over the pairs. A pair that no seed has on both benchmarks has no entry.
    """
    found = []
    for there, here in zip(others, firsts, strict=True):
        seeds = [seed for seed in here.rows if seed in there.rows]
        seeds = seeds if here.trained else seeds[:1]
        if seeds:
            rows = [[pair.rows[seed] for seed in seeds] for pair in (there, here)]
            found.append((here, seeds, transfer(*rows)))
    corrected = holm([one.p_value for _, _, one in found])
    made = []
    for (pair, seeds, one), p_holm in zip(found, corrected, strict=True):
        numbers = asdict(one)
        each = dict(zip(map(str, seeds), numbers.pop("values"), strict=True))
        made.append(
            {
                "a": pair.a,
                "b": pair.b,
                "seeds": each,
                **numbers,
                "p_holm": p_holm,
                "told_apart": distinguishable(p_holm, one.interval),
                "claim": transfer_claim(pair.title_a, pair.title_b, other, first, one, p_holm, len(found)),
            }
        )
    return made
