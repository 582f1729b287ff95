"""Power: which difference a study can find, and how large it has to be to find one.

One training is compared by its questions alone. A study of several seeds has the test of `crossed`, whose power is
integrated over what the seeds' spread may turn out to be: with three seeds it is known to two degrees of freedom only,
and most of what a study lacks in power it lacks for that.
"""

from dataclasses import dataclass
from math import exp, log, sqrt

import numpy as np
from scipy.optimize import brentq
from scipy.special import gammaln, ndtr
from scipy.stats import chi2, norm, t

from visualzero.evaluation.statistics.crossed import Crossed, criticals
from visualzero.evaluation.statistics.shares import LEVEL, Floats

POWER = 0.8
POINTS = 1000  # at which the distribution of the seeds' spread is looked at
MOST = 1_000_000  # questions


@dataclass(frozen=True)
class Spread:
    """How much a difference varies: the standard deviation over trainings, and variances of a question's difference.

    `shared` is what a question does to all trainings alike, `single` what it does to each on its own; together they are
    the variance within a run, which is the discordance less the squared difference. Questions that share images count
    with what that adds: both are n times the clustered variance of the mean.
    """

    seeds: float
    shared: float
    single: float

    def of_seeds(self, seeds: int, questions: int) -> float:
        """The part of the variance of a study's mean that more seeds make smaller."""
        return (self.seeds**2 + self.single / questions) / seeds

    def of_questions(self, questions: int) -> float:
        """The part that only more questions make smaller."""
        return self.shared / questions


def spread_of(found: Crossed, questions: int) -> Spread:
    """The spread that a study has seen. That of trainings is the seeds' less what questions do to one training."""
    single = max(0.0, found.run_variance - found.question_variance)
    seeds = len(found.values)
    of_trainings = seeds * found.seed_variance / small_sample(seeds) ** 2 - single
    return Spread(sqrt(max(0.0, of_trainings)), found.question_variance * questions, single * questions)


def detectable(
    spread: Spread, seeds: int, questions: int, clusters: int, power: float = POWER, level: float = LEVEL
) -> float:
    """The true difference that a study finds with that power, by a two-sided test at that level.

    Of one seed, it is the difference of that pair of trainings. `clusters` is the number of images.
    """
    if seeds == 1:
        error = sqrt((spread.shared + spread.single) / questions)
        return float(t.isf(level / 2, max(1, clusters - 1)) + norm.ppf(power)) * error
    variance = spread.of_seeds(seeds, questions), spread.of_questions(questions)
    return _detectable(*variance, seeds, clusters, power, level)


def questions_needed(
    difference: float, spread: Spread, seeds: int, per_image: float, power: float = POWER, level: float = LEVEL
) -> int | None:
    """The fewest questions with which a study finds a difference; None if not even `MOST` do.

    `per_image` is how many questions share an image.
    """

    def enough(questions: int) -> bool:
        images = max(2, round(questions / per_image))
        return detectable(spread, seeds, questions, images, power, level) <= difference

    if not enough(MOST):
        return None
    low, high = 1, MOST
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def detectable_again(found: Crossed) -> float | None:
    """The true difference that a study finds with 80 % power if it varies as this one did; None if nothing varied.

    The seeds' part is taken as it is right on average (`small_sample`).
    """
    if not found.error or found.clusters < 2:
        return None
    seeds = len(found.values)
    of_seeds = found.seed_variance / small_sample(seeds) ** 2
    return _detectable(of_seeds, found.question_variance, seeds, found.clusters, POWER, LEVEL)


def power_of(difference: float, of_seeds: float, of_questions: float, seeds: int, clusters: int) -> float:
    """How often a study of at least two seeds finds a true difference, given both parts of its variance."""
    limits = _limits(of_seeds, of_questions, seeds, clusters, LEVEL)
    return _power(difference, sqrt(of_seeds + of_questions), limits)


def _detectable(of_seeds: float, of_questions: float, seeds: int, clusters: int, power: float, level: float) -> float:
    error = sqrt(of_seeds + of_questions)
    limits = _limits(of_seeds, of_questions, seeds, clusters, level)
    most = float(limits.max()) + 10 * error
    return float(brentq(lambda difference: _power(difference, error, limits) - power, 0.0, most))


def _limits(of_seeds: float, of_questions: float, seeds: int, clusters: int, level: float) -> Floats:
    """From where on a mean is called different from 0, for each of `POINTS` equally likely spreads of the seeds."""
    likely = chi2.ppf((np.arange(POINTS) + 0.5) / POINTS, seeds - 1) / (seeds - 1)
    variance = of_seeds * likely + of_questions
    found: Floats = criticals(of_seeds * likely / variance, seeds, clusters, level) * np.sqrt(variance)
    return found


def _power(difference: float, error: float, limits: Floats) -> float:
    return float(np.mean(ndtr((difference - limits) / error) + ndtr((-limits - difference) / error)))


def small_sample(values: int) -> float:
    """What share of the true standard deviation that of so many normal values is on average (c4 of control charts)."""
    half = (values - 1) / 2
    return exp(float(gammaln(half + 0.5) - gammaln(half)) - log(half) / 2)
