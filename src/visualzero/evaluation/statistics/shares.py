"""Intervals of a share of right answers, and standard errors that know that questions share images.

Two questions about one image are no two independent observations. `clustered_error` is the standard error of a mean
with images as clusters; `share_interval` is Wilson's interval for as many independent questions as they are worth.
"""

from collections.abc import Sequence
from functools import cache
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest, norm, t

LEVEL = 0.05  # of every test, and what every interval leaves out
Z = float(norm.ppf(1 - LEVEL / 2))
AT_MOST = 4.0  # independent questions that a cluster counts for
Interval = tuple[float, float]
Floats = npt.NDArray[np.float64]
Column = Sequence[Any] | npt.NDArray[Any]  # one value for each question


def wilson(successes: int, n: int) -> Interval:
    """Wilson's 95 % interval of a share of `n` independent questions.

    Raises:
        ValueError: if n is 0 or there are more successes than that.
    """
    interval = binomtest(successes, n).proportion_ci(confidence_level=1 - LEVEL, method="wilson")
    return float(interval.low), float(interval.high)


def share_interval(right: Column, clusters: Column) -> Interval:
    """95 % interval of the share of right answers, of which those in the same cluster may be correlated.

    Wilson's formula with the effective sample size n * (plain variance / clustered variance), and with its quantile
    widened from n - 1 to (clusters - 1) degrees of freedom (Dean and Pagano, J. Surv. Stat. Methodol. 3, 2015). It is
    Wilson's interval where every cluster has one question. Where the data can't show a correlation, because all
    answers are right or all are wrong, a cluster counts as one question.
    """
    n, groups, share = len(right), len(np.unique(clusters)), float(np.mean(right))
    if groups == 1:
        return _wilson(share, 1, Z)
    error = clustered_error(right, clusters)
    effective = n * (share * (1 - share) / (n - 1)) / error**2 if error else groups
    return _wilson(share, effective, Z * t_quantile(groups - 1) / t_quantile(n - 1))


def fraction_interval(values: Column, clusters: Column) -> Interval:
    """95 % interval of a mean of values from 0 to 1, each the estimate of a question's share.

    As `share_interval`; but no cluster counts for more than `AT_MOST` independent questions. Where nearly all values
    are 0 or 1 those that aren't may not have been seen, their spread is too small, and without this the interval covers
    the truth as rarely as the bootstrap's does (test_sampled_simulation.py).
    """
    n, groups, share = len(values), len(np.unique(clusters)), float(np.mean(values))
    if groups == 1:
        return _wilson(share, 1, Z)
    error = clustered_error(values, clusters)
    effective = n * (share * (1 - share) / (n - 1)) / error**2 if error else groups
    return _wilson(share, min(effective, AT_MOST * groups), Z * t_quantile(groups - 1) / t_quantile(n - 1))


def _wilson(share: float, n: float, z: float) -> Interval:
    center = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    margin = z * sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return max(0.0, center - margin), min(1.0, center + margin)


def clustered_error(values: Column, clusters: Column) -> float:
    """Standard error of the mean of `values`, of which those in the same cluster may be correlated.

    SE^2 = G / (G - 1) * n^-2 * sum over the G clusters of (sum of value - mean)^2: equation 4 of Miller, "Adding error
    bars to evals" (arXiv 2411.00640), with the correction for few clusters. With one value per cluster it is the plain
    standard error; with a single cluster it is 0, since one says nothing about others.
    """
    data = np.asarray(values, dtype=np.float64)
    sums = cluster_sums(data - data.mean(), clusters).round(12)  # so that no spread is 0, not 1e-17
    groups = len(sums)
    return sqrt(groups / (groups - 1) * float(sums @ sums)) / len(data) if groups > 1 else 0.0


def cluster_sums(values: Column, clusters: Column) -> Floats:
    """The sum of the values of each cluster, clusters in sorted order."""
    codes, _ = cluster_codes(clusters)
    return np.bincount(codes, weights=np.asarray(values, dtype=np.float64)).astype(np.float64)


def cluster_codes(clusters: Column) -> tuple[npt.NDArray[np.int64], int]:
    """The number of each value's cluster, counted from 0 in sorted order, and how many there are."""
    names, codes = np.unique(np.asarray(clusters), return_inverse=True)
    return codes, len(names)


@cache
def t_quantile(degrees: int) -> float:
    """How many standard errors a 95 % interval reaches with so many degrees of freedom (Student's t)."""
    return float(t.ppf(1 - LEVEL / 2, degrees))


def unseen(clusters: int) -> float:
    """The largest share of which not one is seen among so many clusters more than 2.5 % of the time.

    It stands for the margin where all observations are alike and their spread would be 0 (Clopper and Pearson).
    """
    return 1.0 - (LEVEL / 2) ** (1 / clusters)
