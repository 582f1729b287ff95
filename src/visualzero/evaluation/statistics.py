"""Statistics of scores: intervals, CV-Bench's official score, and paired comparison of two arms on the same questions.

Sources: Wilson's interval; McNemar's exact test; paired and clustered standard errors as in Miller, "Adding error bars
to evals" (arXiv 2411.00640). All shares are from 0 to 1, all intervals 95 %.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

from scipy.stats import binomtest

Z95 = 1.959963984540054
ScoreRows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class PairedDifference:
    """Accuracy of a minus that of b over `n` shared questions.

    `b10` questions only a got right, `b01` only b; `p_value` is McNemar's, which reads just these two.
    """

    difference: float
    interval: tuple[float, float]
    p_value: float
    b01: int
    b10: int
    n: int


def wilson(successes: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share.

    Raises:
        ValueError: if n is 0 or there are more successes than that.
    """
    interval = binomtest(successes, n).proportion_ci(confidence_level=0.95, method="wilson")
    return float(interval.low), float(interval.high)


def official_score(accuracy: Mapping[str, float], sources_2d: Sequence[str], sources_3d: Sequence[str]) -> float | None:
    """CV-Bench's score from the accuracy by source: the mean of its 2D and its 3D half, each a mean over its sources.

    None where the benchmark names no sources for one of the halves: then it has no official score. With ADE20K and COCO
    as 2D and Omni3D as 3D this is the formula of arXiv 2406.16860.

    Raises:
        KeyError: if a named source has no accuracy.
    """
    if not sources_2d or not sources_3d:
        return None
    halves = [sum(accuracy[source] for source in half) / len(half) for half in (sources_2d, sources_3d)]
    return sum(halves) / 2


def mcnemar(b01: int, b10: int) -> float:
    """Two-sided exact p-value of McNemar's test from the two counts of discordant pairs; 1 if there are none."""
    return float(binomtest(b01, b01 + b10).pvalue) if b01 + b10 else 1.0


def clustered_error(values: Sequence[float], clusters: Sequence[str]) -> float:
    """Standard error of the mean of `values`, of which those in the same cluster may be correlated.

    SE^2 = s^2 / n + n^-2 * sum over clusters of [(sum d)^2 - sum d^2], d = value - mean (Miller, equation 4). With one
    value per cluster it is the plain standard error; for a single value it is 0.
    """
    n = len(values)
    mean = sum(values) / n
    sums: dict[str, float] = {}
    squares = 0.0
    for value, cluster in zip(values, clusters, strict=True):
        sums[cluster] = sums.get(cluster, 0.0) + value - mean
        squares += (value - mean) ** 2
    variance = squares / (n - 1) / n if n > 1 else 0.0
    between = sum(total**2 for total in sums.values()) - squares
    return sqrt(max(0.0, variance + between / n**2))


def paired_difference(a: ScoreRows, b: ScoreRows) -> PairedDifference:
    """Compare two arms' score rows (id, correct, image_id) on the same questions.

    The interval takes questions about the same image as one cluster.

    Raises:
        ValueError: if the rows aren't about the same questions, each once, or there are none.
    """
    right_a, right_b = ({row["id"]: bool(row["correct"]) for row in rows} for rows in (a, b))
    if not right_a or len(right_a) != len(a) or len(right_b) != len(b) or right_a.keys() != right_b.keys():
        raise ValueError("a paired comparison needs the same questions, each once, on both sides")
    values = [float(right_a[row["id"]] - right_b[row["id"]]) for row in a]
    difference = sum(values) / len(values)
    margin = Z95 * clustered_error(values, [row["image_id"] for row in a])
    b01, b10 = values.count(-1.0), values.count(1.0)
    return PairedDifference(
        difference=difference,
        interval=(difference - margin, difference + margin),
        p_value=mcnemar(b01, b10),
        b01=b01,
        b10=b10,
        n=len(values),
    )
