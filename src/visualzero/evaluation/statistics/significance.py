"""Exact tests of two arms on the same questions, and their correction for many comparisons."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.stats import binom, binomtest


def mcnemar(b01: int, b10: int) -> float:
    """Two-sided exact p-value of McNemar's test from the two counts of discordant pairs; 1 if there are none."""
    return float(binomtest(b01, b01 + b10).pvalue) if b01 + b10 else 1.0


def clustered_mcnemar(sums: Sequence[int] | npt.NDArray[np.int64]) -> float:
    """McNemar's exact test with clusters (images) instead of questions as what is exchangeable.

    `sums` are the differences (a right minus b right) summed over each cluster. If the arms are equally good, each sum
    is as likely with either sign; the p-value is the exact probability that random signs give a total at least as far
    from 0. With one question in each cluster it is McNemar's test. With clusters the plain test finds differences that
    are not there.
    """
    sizes, counts = np.unique(np.abs(np.asarray(sums, dtype=np.int64)), return_counts=True)
    total = np.ones(1)  # the distribution of the total, over -reach, ..., reach
    for size, count in zip(sizes.tolist(), counts.tolist(), strict=True):
        steps = np.zeros(2 * size * count + 1)  # of size * (2 heads - count)
        steps[:: max(1, 2 * size)] = binom.pmf(np.arange(count + 1), count, 0.5) if size else 1.0
        total = np.convolve(total, steps)
    reach, observed = len(total) // 2, abs(int(np.sum(sums)))
    return min(1.0, float(total[: reach - observed + 1].sum() + total[reach + observed :].sum()))


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values adjusted so that among all these tests a false finding has at most the level's probability.

    Holm, Scand. J. Stat. 6 (1979): the k-th smallest of m is multiplied by m - k + 1, and never below one before it.
    """
    order = np.argsort(p_values, kind="stable")
    scaled = np.asarray(p_values, dtype=np.float64)[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(scaled))
    return [float(value) for value in adjusted]
