"""CV-Bench's official score, a mean of means, and two ways to its interval.

`combined_interval` puts together the intervals of the sources; it holds for shares near 0 and 1 too and is what the
study reports. `official_bootstrap` draws images anew within each source; it assumes less about shares in the middle,
and is too narrow where a source has a handful of right or of wrong answers.
"""

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import TypeVar

import numpy as np
from scipy.stats import norm

from visualzero.evaluation.statistics.shares import Column, Floats, Interval, cluster_sums, t_quantile, unseen

DRAWS = 10_000
Score = TypeVar("Score", float, Floats)


def half_score(accuracy: Mapping[str, Score], sources: Sequence[str]) -> Score:
    """The mean of the accuracies of some sources, however many questions each has."""
    return sum((accuracy[source] for source in sources[1:]), accuracy[sources[0]]) / len(sources)


def official_score(accuracy: Mapping[str, float], sources_2d: Sequence[str], sources_3d: Sequence[str]) -> float | None:
    """CV-Bench's score from the accuracy by source: the mean of its 2D and its 3D half, each a mean over its sources.

    None where the benchmark names no sources for one of the halves: then it has no official score. With ADE20K and COCO
    as 2D and Omni3D as 3D this is the formula of arXiv 2406.16860.

    Raises:
        KeyError: if a named source has no accuracy.
    """
    if not sources_2d or not sources_3d:
        return None
    return (half_score(accuracy, sources_2d) + half_score(accuracy, sources_3d)) / 2


def official_values(
    values: Column, sources: Column, sources_2d: Sequence[str], sources_3d: Sequence[str]
) -> Floats | None:
    """One value for each question, whose mean is the official score; None if there is none or a source is empty.

    Each is the score plus what the question moves it by, so that their clustered error is that of the score. `values`
    are right answers or, since the score is linear in them, differences of two arms.
    """
    if not sources_2d or not sources_3d:
        return None
    data, names = np.asarray(values, dtype=np.float64), np.asarray(sources)
    if not {*sources_2d, *sources_3d} <= set(names.tolist()):
        return None
    moves, score = np.zeros(len(data)), 0.0
    for half in (sources_2d, sources_3d):
        for source in half:
            mine = names == source
            weight, mean = 1 / (2 * len(half)), float(data[mine].mean())
            score += weight * mean
            moves[mine] += weight * len(data) / mine.sum() * (data[mine] - mean)
    found: Floats = score + moves
    return found


def combined_interval(shares: Sequence[float], intervals: Sequence[Interval]) -> Interval:
    """95 % interval of the mean of independent shares, each with its own interval.

    Each side's margins add up as squares, so that the lopsidedness of the parts is kept (Zou and Donner, Stat. Med. 27,
    2008). The mean of means is had by using it twice.
    """
    mean = sum(shares) / len(shares)
    below = sqrt(sum((share - low) ** 2 for share, (low, _) in zip(shares, intervals, strict=True))) / len(shares)
    above = sqrt(sum((high - share) ** 2 for share, (_, high) in zip(shares, intervals, strict=True))) / len(shares)
    return max(0.0, mean - below), min(1.0, mean + above)


def official_bootstrap(
    right: Column,
    sources: Column,
    clusters: Column,
    sources_2d: Sequence[str],
    sources_3d: Sequence[str],
    draws: int = DRAWS,
    seed: int = 0,
) -> Interval | None:
    """95 % interval of the official score by drawing clusters (images) with replacement within each source.

    Of a source's G clusters it draws G - 1, which makes the variance unbiased (Rao and Wu, JASA 83, 1988), and the
    percentiles are those of a t distribution with as many degrees of freedom as the smallest source has clusters, less
    one (Hesterberg, Am. Stat. 69, 2015). None where there is no official score or a source has a single cluster.

    Args:
        right: whether each question was answered right.
        sources: of each question.
        clusters: of each question, such as its image.
        sources_2d: sources of the 2D half.
        sources_3d: sources of the 3D half.
        draws: number of bootstrap samples.
        seed: of the random numbers.
    """
    rights, names, groups = np.asarray(right), np.asarray(sources), np.asarray(clusters)
    of_source = {source: names == source for source in (*sources_2d, *sources_3d)}
    counts = [len(np.unique(groups[chosen])) for chosen in of_source.values()]
    if not sources_2d or not sources_3d or min(counts) < 2:
        return None
    rng = np.random.default_rng(seed)
    accuracy = {source: _resampled(rights[chosen], groups[chosen], draws, rng) for source, chosen in of_source.items()}
    scores = (half_score(accuracy, sources_2d) + half_score(accuracy, sources_3d)) / 2
    if np.ptp(scores) == 0:  # every answer of every source is alike
        return max(0.0, float(scores[0]) - unseen(min(counts))), min(1.0, float(scores[0]) + unseen(min(counts)))
    tail = norm.sf(t_quantile(min(counts) - 1))
    low, high = np.quantile(scores, [tail, 1 - tail])
    return float(low), float(high)


def _resampled(right: Column, clusters: Column, draws: int, rng: np.random.Generator) -> Floats:
    """Accuracies of bootstrap samples of one source.

    Clusters with the same size and the same number of right answers are interchangeable, so what is drawn is how often
    each kind of cluster comes up: a multinomial over a handful of kinds.
    """
    hits, sizes = cluster_sums(right, clusters), cluster_sums(np.ones(len(right)), clusters)
    kinds, counts = np.unique(np.stack([hits, sizes], axis=1), axis=0, return_counts=True)
    drawn = rng.multinomial(counts.sum() - 1, counts / counts.sum(), size=draws)
    accuracy: Floats = (drawn @ kinds[:, 0]) / (drawn @ kinds[:, 1])
    return accuracy
