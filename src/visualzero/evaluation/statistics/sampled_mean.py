"""Accuracy over several sampled answers to each question, and what part of its error more samples would take away."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt

from visualzero.evaluation.statistics.shares import Column, clustered_error


@dataclass(frozen=True)
class SampledMean:
    """Share of right answers, and its standard error by image.

    Its square is that of `sampling_error`, since only so many answers were drawn, and that of `question_error`, since
    only these questions were asked: what is left with as many samples as one likes.
    """

    accuracy: float
    error: float
    sampling_error: float
    question_error: float


def sampled_mean(right: Sequence[int] | npt.NDArray[np.int64], samples: int, clusters: Column) -> SampledMean:
    """The mean of each question's share of right answers, of which it has `samples` (at least two).

    Miller, "Adding error bars to evals" (arXiv 2411.00640), section 3: the variance of a mean of K answers to each
    question is that between questions plus that within them, divided by K. The latter is c (n - c) / (n^2 (n - 1)) of a
    question with c right answers of n.
    """
    counts = np.asarray(right, dtype=np.float64)
    error = clustered_error(counts / samples, clusters)
    within = float(np.sum(counts * (samples - counts))) / (samples**2 * (samples - 1)) / len(counts) ** 2
    return SampledMean(
        accuracy=float(counts.mean()) / samples,
        error=error,
        sampling_error=sqrt(within),
        question_error=sqrt(max(0.0, error**2 - within)),
    )
