"""A gain in parts that add up: form, prior, sight and thought.

An arm's accuracy is the share of its answers that can be read times the accuracy of these, which is the sum of

    prior    their accuracy without the image (control `no_image`)
    thought  what is lost where the thought is emptied, set against the thought that is kept (`comparing/altered.py`)
    sight    the rest: what the image adds, beyond what is only reached through the thought

So accuracy = form * (prior + sight + thought). The difference of two arms is divided by Shapley's value: each factor
counts by what it adds when it changes over, on average over all orders in which the four may change over. For this
formula the average has a closed form, the difference of the factor at the mean of what it is multiplied with, which is
Kitagawa's split (`gain.py`) with its second part divided further.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from visualzero.evaluation.statistics.shares import Column, Floats, Interval, cluster_codes, t_quantile

DRAWS = 2_000
PARTS = ("form", "prior", "sight", "thought")
COLUMNS = (
    "parsed",
    "right",
    "blind_parsed",
    "blind_right",
    "kept_parsed",
    "kept_right",
    "emptied_parsed",
    "emptied_right",
)


@dataclass(frozen=True)
class Measured:
    """What was measured of an arm, as means over its seeds; `counts` [Q, 8] has a column for each of `COLUMNS`.

    Answers from a kept and from an emptied thought are 0 of questions that were not asked so; where a response has no
    thought, both are the response itself. Without `thoughts` they were not asked for at all.
    """

    counts: Floats
    thoughts: bool


@dataclass(frozen=True)
class Split:
    """The parts of a difference, in points, which add up to it; `thought` is part of `sight` where it wasn't tested.

    `intervals` are by bootstrap over questions: of other trainings they say nothing.
    """

    difference: float
    parts: dict[str, float]
    intervals: dict[str, Interval]


def split(a: Measured, b: Measured, clusters: Column, draws: int = DRAWS, seed: int = 0) -> Split | None:
    """Divide accuracy of a minus that of b; None where an arm has no readable answer of a kind that is needed.

    Clusters (images) are drawn anew with their questions, one fewer than there are (Rao and Wu, JASA 83, 1988), and the
    percentiles are those of a t distribution.
    """
    thoughts = a.thoughts and b.thoughts
    names = PARTS if thoughts else PARTS[:-1]
    codes, groups = cluster_codes(clusters)
    sums = np.zeros((groups, 2 * len(COLUMNS) + 1))
    np.add.at(sums, codes, np.hstack([a.counts, b.counts, np.ones((len(codes), 1))]))
    found = _parts(sums.sum(axis=0)[None], thoughts)[0]
    if not np.isfinite(found).all():
        return None
    drawn = np.random.default_rng(seed).multinomial(groups - 1, np.full(groups, 1 / groups), size=draws)
    tail = float(norm.sf(t_quantile(groups - 1))) if groups > 1 else 0.0
    spread = _parts(drawn @ sums, thoughts)
    low, high = np.nanquantile(spread, [tail, 1 - tail], axis=0) if groups > 1 else (found - 1, found + 1)
    return Split(
        difference=float(found.sum()),
        parts=dict(zip(names, found.tolist(), strict=True)),
        intervals={name: (float(low[k]), float(high[k])) for k, name in enumerate(names)},
    )


def _parts(sums: Floats, thoughts: bool) -> Floats:
    """The parts [N, 3 or 4] of sums over questions [N, 17]: both arms' columns, then the number of questions."""
    width = len(COLUMNS)
    with np.errstate(divide="ignore", invalid="ignore"):
        a, b = (_factors(sums[:, k * width : (k + 1) * width], sums[:, -1], thoughts) for k in (0, 1))
    form, given = (a[:, 0] + b[:, 0]) / 2, (a[:, 1:].sum(axis=1) + b[:, 1:].sum(axis=1)) / 2
    found: Floats = (a - b) * np.column_stack([given, *[form] * (a.shape[1] - 1)])
    return found


def _factors(sums: Floats, n: Floats, thoughts: bool) -> Floats:
    """Form, prior, sight and, where it was tested, thought of an arm; [N, 3 or 4]."""
    parsed, right, blind_parsed, blind_right, kept_parsed, kept_right, emptied_parsed, emptied_right = sums.T
    prior, given = blind_right / blind_parsed, right / parsed
    if not thoughts:
        return np.column_stack([parsed / n, prior, given - prior])
    thought = kept_right / kept_parsed - emptied_right / emptied_parsed
    return np.column_stack([parsed / n, prior, given - prior - thought, thought])
