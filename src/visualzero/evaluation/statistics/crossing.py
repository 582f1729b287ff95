"""From which number of samples on the arm that is ahead with one sample no longer is: where two pass@k curves cross."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from visualzero.evaluation.statistics.shares import Column, Floats, cluster_codes, t_quantile

DRAWS = 2_000


@dataclass(frozen=True)
class Crossing:
    """The first k at which the arm that leads at k = 1 is behind; None if there is none up to the number of samples.

    `low` and `high` bound it with 95 % confidence, None again being beyond that number; `share` is that of bootstrap
    samples in which there is one.
    """

    k: int | None
    low: int | None
    high: int | None
    share: float


def crossing(differences: npt.ArrayLike, clusters: Column, draws: int = DRAWS, seed: int = 0) -> Crossing | None:
    """Where the mean of `differences` turns its sign, with an interval over questions; None if no arm leads at k = 1.

    Clusters (images) are drawn anew with their questions, one fewer than there are (Rao and Wu, JASA 83, 1988), and the
    percentiles are those of a t distribution.

    Args:
        differences: pass@k of one arm minus that of the other; questions x numbers of samples.
        clusters: of each question, such as its image.
        draws: number of bootstrap samples.
        seed: of the random numbers.
    """
    values = np.asarray(differences, dtype=np.float64)
    mean = values.mean(axis=0)
    lead = np.sign(mean[0].round(12))
    if not lead:
        return None
    first = _first_behind(lead * mean[None])[0]
    codes, groups = cluster_codes(clusters)
    if groups < 2:
        return Crossing(_number(first, values.shape[1]), None, None, float(first < values.shape[1]))
    sums = np.zeros((groups, values.shape[1]))
    np.add.at(sums, codes, values)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(groups - 1, np.full(groups, 1 / groups), size=draws)
    found = np.sort(_first_behind(lead * (drawn @ sums)))
    tail = float(norm.sf(t_quantile(groups - 1)))
    low, high = found[int(tail * draws)], found[min(draws - 1, int((1 - tail) * draws))]
    most = values.shape[1]
    return Crossing(_number(first, most), _number(low, most), _number(high, most), float((found < most).mean()))


def _first_behind(curves: Floats) -> npt.NDArray[np.int64]:
    """The first place of each row at which it is below 0, or the row's length."""
    behind = curves < -1e-12
    first: npt.NDArray[np.int64] = np.where(behind.any(axis=1), behind.argmax(axis=1), curves.shape[1])
    return first


def _number(place: int, most: int) -> int | None:
    return int(place) + 1 if place < most else None
