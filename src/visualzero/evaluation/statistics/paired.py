"""Two arms on the same questions: the difference of their accuracies, with its interval, tests and power."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import norm, t

from visualzero.evaluation.statistics.official import official_values
from visualzero.evaluation.statistics.shares import (
    Column,
    Floats,
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


@dataclass(frozen=True)
class OfficialDifference:
    """Official score of a minus that of b on the same questions, with the t test by image."""

    difference: float
    error: float
    interval: Interval
    p_value: float
    mde: float | None


def official_difference(
    a: ScoreRows, b: ScoreRows, sources_2d: Sequence[str], sources_3d: Sequence[str]
) -> OfficialDifference | None:
    """Compare two arms' score rows (id, correct, image_id, source) by the official score; None if there is none.

    Raises:
        ValueError: if the rows aren't about the same questions, each once, or there are none.
    """
    values = official_differences(a, b, sources_2d, sources_3d)
    if values is None:
        return None
    images = [row["image_id"] for row in a]
    mean, error, groups = float(values.mean()), clustered_error(values, images), len(set(images))
    return OfficialDifference(
        difference=mean,
        error=error,
        interval=mean_interval(values, images),
        p_value=float(2 * t.sf(abs(mean) / error, groups - 1)) if error else float(not mean),
        mde=DETECTABLE * error or None,
    )


def official_differences(
    a: ScoreRows, b: ScoreRows, sources_2d: Sequence[str], sources_3d: Sequence[str]
) -> Floats | None:
    """By question of a, values whose mean is the difference of the official scores; None if there are none."""
    if not sources_2d or not sources_3d:
        return None
    values = list(differences(a, b).values())
    return official_values(values, [row["source"] for row in a], sources_2d, sources_3d)


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
