"""Whether two arms differ on another benchmark as they do on the first: a difference of differences."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot, sqrt

import numpy as np
from scipy.special import stdtr, stdtrit

from visualzero.evaluation.statistics.crossed import critical, crossed
from visualzero.evaluation.statistics.crossed import p_value as crossed_p_value
from visualzero.evaluation.statistics.paired import ScoreRows, differences
from visualzero.evaluation.statistics.seeds import by_seed
from visualzero.evaluation.statistics.shares import LEVEL, Interval, clustered_error, unseen

LIMIT = 2.0  # a difference lies between -1 and 1, and so the difference of two between -2 and 2


@dataclass(frozen=True)
class Transfer:
    """Accuracy of a minus that of b on another benchmark, less the same on the first; `values` has each seed's.

    `interval` and `p_value` take the questions of both benchmarks as drawn at random, and seeds if there are several.
    """

    difference: float
    values: tuple[float, ...]
    error: float
    interval: Interval
    p_value: float


def transfer(other: Sequence[tuple[ScoreRows, ScoreRows]], first: Sequence[tuple[ScoreRows, ScoreRows]]) -> Transfer:
    """Compare two arms' difference on two benchmarks; both hold the score rows of a and b under the same seeds.

    The questions are others, so their parts of the variance add up. The runs are the same: what a seed does on both is
    seen in the spread of the seeds' values, and cancels where it is alike.

    Raises:
        ValueError: if the rows of a benchmark aren't all about the same questions, each once.
    """
    return _single(other[0], first[0]) if len(first) == 1 else _several(other, first)


def _single(other: tuple[ScoreRows, ScoreRows], first: tuple[ScoreRows, ScoreRows]) -> Transfer:
    means, errors, groups = [], [], []
    for a, b in (other, first):
        values, images = list(differences(a, b).values()), [row["image_id"] for row in a]
        means.append(sum(values) / len(values))
        errors.append(clustered_error(values, images))
        groups.append(len(set(images)))
    difference, error = means[0] - means[1], hypot(*errors)
    if not error:
        return _bounded(difference, (difference,), error, sum(map(unseen, groups)), float(not difference))
    # Welch and Satterthwaite's degrees of freedom of a sum of two variances
    degrees = error**4 / sum(one**4 / (n - 1) for one, n in zip(errors, groups, strict=True) if one)
    margin = -float(stdtrit(degrees, LEVEL / 2)) * error
    return _bounded(difference, (difference,), error, margin, 2 * float(stdtr(degrees, -abs(difference) / error)))


def _several(other: Sequence[tuple[ScoreRows, ScoreRows]], first: Sequence[tuple[ScoreRows, ScoreRows]]) -> Transfer:
    found = []
    for pairs in (other, first):
        values = by_seed([differences(a, b) for a, b in pairs])
        found.append(crossed(values, [row["image_id"] for row in pairs[0][0]], (-1.0, 1.0)))
    there, here = found
    values = np.subtract(there.values, here.values)
    seeds, clusters = len(values), min(there.clusters, here.clusters)
    parts = float(np.var(values, ddof=1).round(24)) / seeds, there.question_variance + here.question_variance
    if not any(parts):
        parts = 0.0, (there.run_variance + here.run_variance) / seeds
    difference, error = float(values.mean()), sqrt(sum(parts))
    each = tuple(values.tolist())
    if not error:
        return _bounded(difference, each, error, unseen(there.clusters) + unseen(here.clusters), float(not difference))
    share = parts[0] / error**2
    margin = critical(share, seeds, clusters) * error
    return _bounded(difference, each, error, margin, crossed_p_value(difference / error, share, seeds, clusters))


def _bounded(difference: float, values: tuple[float, ...], error: float, margin: float, p_value: float) -> Transfer:
    bounds = max(-LIMIT, difference - margin), min(LIMIT, difference + margin)
    return Transfer(difference, values, error, bounds, p_value)
