"""What several seeds of a run say together.

Two things vary: which questions are asked, and how a training happens to go. An interval over seeds covers the second
for these questions; an interval over questions covers the first for these trainings. A difference is taken for real
only if neither explains it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy.stats import t

from visualzero.evaluation.statistics.paired import DETECTABLE, ScoreRows, differences, mean_interval
from visualzero.evaluation.statistics.shares import Interval, cluster_sums, clustered_error, t_quantile
from visualzero.evaluation.statistics.significance import clustered_mcnemar


@dataclass(frozen=True)
class SeedsDifference:
    """Accuracy of a minus that of b, as a mean over seeds with each seed's own value.

    `interval` is a t interval over the seeds; `question_interval` that of the same mean over questions, by image.
    `p_seeds` is the t test over seeds, `p_questions` the exact test by image, and `p_value` the larger of the two: the
    test of a claim that needs both.
    """

    difference: float
    values: tuple[float, ...]
    interval: Interval
    question_interval: Interval
    p_seeds: float
    p_questions: float
    p_value: float
    mde: float | None
    n: int


def t_interval(values: Sequence[float], within: Interval) -> Interval:
    """95 % interval of the mean of at least two independent values, such as one for each seed (Student's t).

    `within` is what the mean can be; two values that differ give an interval that goes beyond.
    """
    mean, margin = float(np.mean(values)), t_quantile(len(values) - 1) * _error(values)
    return max(within[0], mean - margin), min(within[1], mean + margin)


def seeds_difference(pairs: Sequence[tuple[ScoreRows, ScoreRows]]) -> SeedsDifference:
    """Compare two arms over at least two seeds; `pairs` are the score rows of a and b under each seed.

    Raises:
        ValueError: if the rows aren't all about the same questions, each once.
    """
    per_seed = [differences(a, b) for a, b in pairs]
    ids = list(per_seed[0])
    if any(values.keys() != per_seed[0].keys() for values in per_seed):
        raise ValueError("seeds are compared on the same questions")
    images = [row["image_id"] for row in pairs[0][0]]
    totals = np.array([[values[name] for name in ids] for values in per_seed]).sum(axis=0)
    means = totals / len(pairs)
    values = tuple(sum(values.values()) / len(ids) for values in per_seed)
    p_seeds, p_questions = t_test(values), clustered_mcnemar(cluster_sums(totals, images).astype(np.int64))
    return SeedsDifference(
        difference=float(np.mean(values)),
        values=values,
        interval=t_interval(values, within=(-1.0, 1.0)),
        question_interval=mean_interval(means, images),
        p_seeds=p_seeds,
        p_questions=p_questions,
        p_value=max(p_seeds, p_questions),
        mde=DETECTABLE * clustered_error(means, images) or None,
        n=len(ids),
    )


def t_test(values: Sequence[float]) -> float:
    """Two-sided p-value that the mean of at least two independent values is 0 (Student's t)."""
    mean, error = float(np.mean(values)), _error(values)
    if error == 0:
        return float(mean == 0)
    return float(2 * t.sf(abs(mean) / error, len(values) - 1))


def _error(values: Sequence[float]) -> float:
    return float(np.std(values, ddof=1)) / sqrt(len(values))
