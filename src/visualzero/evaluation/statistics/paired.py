"""Two arms on the same questions: the difference of their accuracies, with its interval, tests and power."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import norm

from visualzero.evaluation.statistics.shares import (
    Column,
    Interval,
    Z,
    cluster_sums,
    clustered_error,
    t_quantile,
    unseen,
)
from visualzero.evaluation.statistics.significance import clustered_mcnemar, mcnemar

POWER = 0.8
DETECTABLE = Z + float(norm.ppf(POWER))  # 2.80 standard errors
ScoreRows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class PairedDifference:
    """Accuracy of a minus that of b over `n` shared questions about `n_images` images.

    `b10` questions only a got right, `b01` only b. `error` is the standard error clustered by image. `p_value` is
    McNemar's, which reads just these two counts; `p_clustered` the same test by image. `mde` is the smallest true
    difference that such a comparison finds with 80 % power; None if no spread was seen.
    """

    difference: float
    error: float
    interval: Interval
    p_value: float
    p_clustered: float
    mde: float | None
    b01: int
    b10: int
    n: int
    n_images: int


def paired_difference(a: ScoreRows, b: ScoreRows) -> PairedDifference:
    """Compare two arms' score rows (id, correct, image_id) on the same questions.

    Raises:
        ValueError: if the rows aren't about the same questions, each once, or there are none.
    """
    by_id = differences(a, b)
    values, images = list(by_id.values()), [row["image_id"] for row in a]
    sums = cluster_sums(values, images)
    error = clustered_error(values, images)
    b01, b10 = values.count(-1), values.count(1)
    return PairedDifference(
        difference=sum(values) / len(values),
        error=error,
        interval=mean_interval(values, images),
        p_value=mcnemar(b01, b10),
        p_clustered=clustered_mcnemar(sums.astype(np.int64)),
        mde=DETECTABLE * error or None,
        b01=b01,
        b10=b10,
        n=len(values),
        n_images=len(sums),
    )


def differences(a: ScoreRows, b: ScoreRows) -> dict[str, int]:
    """By question, in the order of a: 1 if only a is right, -1 if only b is, else 0.

    Raises:
        ValueError: if the rows aren't about the same questions, each once, or there are none.
    """
    right_a, right_b = ({row["id"]: bool(row["correct"]) for row in rows} for rows in (a, b))
    if not right_a or len(right_a) != len(a) or len(right_b) != len(b) or right_a.keys() != right_b.keys():
        raise ValueError("a paired comparison needs the same questions, each once, on both sides")
    return {name: right - right_b[name] for name, right in right_a.items()}


def mean_interval(values: Column, clusters: Column) -> Interval:
    """95 % interval of the mean of values from -1 to 1: clustered standard error, clusters - 1 degrees of freedom.

    Where the values show no spread, the margin is the share that may have gone unseen in so many clusters.
    """
    mean, error, groups = float(np.mean(values)), clustered_error(values, clusters), len(np.unique(clusters))
    margin = t_quantile(groups - 1) * error if error else unseen(groups)
    return max(-1.0, mean - margin), min(1.0, mean + margin)
