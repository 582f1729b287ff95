"""A mean over several seeds and the same questions, with both left to chance: one interval, one test.

Two things vary. Other seeds would have trained other weights, and other questions would have been answered otherwise.
With S seeds and G images the variance of the mean has two parts that are estimated apart:

    seed_variance      variance of the seeds' values / S: how trainings turn out, and what each does with a question
    question_variance  mean over pairs of seeds of the covariance of their answers over the images: what a question does
                       to all trainings alike

Their sum is that of two-way clustering (Cameron, Gelbach and Miller, J. Bus. Econ. Stat. 29, 2011). The first part has
no more than S - 1 degrees of freedom. `critical` says how many standard errors that takes. It has to lie between what
the normal distribution and what Student's t with S - 1 degrees of freedom ask, by the share that seeds have in the
variance, and neither Satterthwaite's formula (7.8 % false findings with three seeds) nor a weighted mean (2.9 %) keeps
to 5 %. Trickett and Welch (Biometrika 41, 1954) solved for what does; `_degrees` has its shape in closed form.
"""

from dataclasses import dataclass
from math import exp, log, sqrt

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri, stdtr, stdtrit  # of scipy.stats' norm and t, at a hundredth of their time

from visualzero.evaluation.statistics.shares import LEVEL, Column, Floats, Interval, cluster_codes, unseen

SMALLEST = 1e-300  # p-values below are this


@dataclass(frozen=True)
class Crossed:
    """A mean over seeds and questions: `values` has each seed's, `run_variance` is that of one seed over its questions.

    `interval` and `p_value` (that the mean is 0) take seeds and questions as drawn at random; `error` is the standard
    error behind them.
    """

    mean: float
    values: tuple[float, ...]
    error: float
    interval: Interval
    p_value: float
    seed_variance: float
    question_variance: float
    run_variance: float
    clusters: int


def crossed(values: npt.ArrayLike, clusters: Column, within: Interval) -> Crossed:
    """Put seeds and questions together.

    Args:
        values: at least two seeds x questions; the mean of a row is that seed's value.
        clusters: of each question, such as its image.
        within: what the mean can be.
    """
    data = np.asarray(values, dtype=np.float64)
    each = data.mean(axis=1)
    codes, groups = cluster_codes(clusters)
    sums = np.stack([np.bincount(codes, weights=row, minlength=groups) for row in data - each[:, None]]).round(12)
    seeds, n = data.shape
    correction = groups / (groups - 1) if groups > 1 else 0.0
    own, all_seeds = float(np.sum(sums**2)), sums.sum(axis=0)
    shared = correction * (float(all_seeds @ all_seeds) - own) / (seeds * (seeds - 1)) / n**2
    run_variance = correction * own / seeds / n**2
    parts = float(np.var(each, ddof=1).round(24)) / seeds, max(0.0, shared)
    if not any(parts):  # two seeds may happen to have one value and to be right on other questions
        parts = 0.0, run_variance / seeds
    error, mean = sqrt(sum(parts)), float(each.mean())
    known = error > 0 and groups > 1
    share = parts[0] / error**2 if known else 0.0
    margin = critical(share, seeds, groups) * error if known else unseen(groups)
    return Crossed(
        mean=mean,
        values=tuple(each.tolist()),
        error=error,
        interval=(max(within[0], mean - margin), min(within[1], mean + margin)),
        p_value=p_value(mean / error, share, seeds, groups) if known else _alike(mean, groups),
        seed_variance=parts[0],
        question_variance=parts[1],
        run_variance=run_variance,
        clusters=groups,
    )


def critical(share: float, seeds: int, clusters: int, level: float = LEVEL) -> float:
    """How many standard errors an interval of 1 - `level` reaches; `share` is the seeds' in the variance."""
    return float(criticals(np.array([share]), seeds, clusters, level)[0])


def criticals(share: Floats, seeds: int, clusters: int, level: float = LEVEL) -> Floats:
    """`critical` of many shares."""
    found: Floats = -stdtrit(_degrees(share, seeds, clusters, level), level / 2)
    return found


def p_value(errors: float, share: float, seeds: int, clusters: int) -> float:
    """Two-sided p-value of a mean so many standard errors from 0: the level whose `critical` it just reaches."""
    far = abs(errors)
    fewest = 1 / (1 / (seeds - 1) + 1 / (clusters - 1))
    low, high = (max(SMALLEST, 2 * float(one)) for one in (ndtr(-far), stdtr(fewest, -far)))
    if low > 0.999 or high / low < 1 + 1e-9:
        return min(1.0, low)

    def beyond(logarithm: float) -> float:
        return far - critical(share, seeds, clusters, exp(logarithm))

    return float(exp(brentq(beyond, log(low), log(min(high, 0.9999)), xtol=1e-6))) if beyond(log(low)) < 0 else low


def _degrees(share: Floats, seeds: int, clusters: int, level: float) -> Floats:
    """Degrees of freedom of the sum of both variances.

    Of the seeds' part, with r its share: (S - 1) (1 / r^3 + k) / (1 + k), where k is the third power of how much wider
    t with S - 1 degrees of freedom is than the normal distribution at this level. That is S - 1 where r is 1 and no
    bound where r is 0; the exponents were chosen so that tests keep to their level (test_joint.py integrates it).
    """
    fewest = seeds - 1
    k = min(1e4, float(stdtrit(fewest, level / 2) / ndtri(level / 2))) ** 3
    cube = share**3
    inverse: Floats = (1 + k) * cube / (fewest * (1 + k * cube)) + (1 - share) ** 2 / (clusters - 1)
    return 1 / np.maximum(inverse, 1e-12)


def _alike(mean: float, clusters: int) -> float:
    """P-value where all values are alike: that of as many coins as there are clusters, all with one side up."""
    return 2 * 0.5**clusters if mean and clusters > 1 else 1.0
