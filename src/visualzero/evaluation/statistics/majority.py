"""Whether the most frequent of k answers is the right one, from n sampled ones: majority@k.

Self-consistency (Wang et al., arXiv 2203.11171) by its exact expectation over all choices of k of the n answers, so
that nothing hangs on their order. Unlike pass@k it isn't won by guessing often enough.
"""

from functools import lru_cache

import numpy as np
from scipy.special import comb

from visualzero.evaluation.statistics.shares import Floats


@lru_cache(maxsize=65536)
def majority_at_k(right: int, others: tuple[int, ...], unread: int) -> Floats:
    """Probability that the right option gets most votes of k answers, for k = 1, ..., n; a tie is broken by lot.

    Args:
        right: answers, of all n, that chose the right option.
        others: answers that chose each of the others; their order doesn't matter.
        unread: answers that chose none. They are drawn like the others and don't vote.
    """
    n = right + sum(others) + unread
    wins = np.zeros(n + 1)  # ways to draw so many answers, a tie of t options counting as 1 / t of a way
    for votes in range(1, right + 1):
        lost = _ways_to_lose(votes, others, unread, n - votes)
        wins[votes:] += comb(right, votes) * lost
    found: Floats = (wins / comb(n, np.arange(n + 1)))[1:]
    return found


def _ways_to_lose(votes: int, others: tuple[int, ...], unread: int, most: int) -> Floats:
    """Ways to draw 0, ..., `most` of the other answers so that no option has more than `votes` of them.

    Where t options have just as many, a way counts as 1 / (t + 1).
    """
    ties = [comb(unread, np.arange(most + 1))]  # by number of ties
    for count in others:
        fewer = comb(count, np.arange(min(votes, count + 1)))
        just = comb(count, votes)
        grown = [np.convolve(ways, fewer)[: most + 1] for ways in ties]
        if just and votes <= most:
            grown.append(np.zeros(most + 1))
            for number, ways in enumerate(ties):
                grown[number + 1][votes:] += just * ways[: most + 1 - votes]
        ties = grown
    total: Floats = sum((ways / (number + 1) for number, ways in enumerate(ties)), np.zeros(most + 1))
    return total
