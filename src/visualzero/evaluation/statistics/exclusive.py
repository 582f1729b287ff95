"""Questions that one arm has answered right at least once, and the other in none of its samples: what that shows.

That no sample was right doesn't mean that none ever would be. With n of them, a chance of up to 1 - 0.025^(1/n) goes
unseen more than 2.5 % of the time: 11 % with 32 samples. So each question is tested, and the length of the list is set
against what it would be if on no question the arms differed.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from visualzero.evaluation.statistics.shares import Floats, unseen
from visualzero.evaluation.statistics.significance import holm

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Exclusive:
    """The questions, by place, that one arm alone has answered right, most right answers first.

    `right` is how many of its answers were, and `p_holm` the two-sided exact p-value that both arms are right as often
    (Fisher's, corrected over all questions that one arm alone has answered). `expected` is how many such questions
    there would be if the arms differed on none, given how often each question was answered right; `unseen` is what
    chance the other arm may still have on each.
    """

    places: list[int]
    right: list[int]
    p_holm: list[float]
    expected: float
    unseen: float


def exclusive(a: npt.ArrayLike, of_a: int, b: npt.ArrayLike, of_b: int) -> tuple[Exclusive, Exclusive]:
    """What a alone has answered right, and what b alone has.

    Args:
        a: right answers of the first arm by question, `of_a` answers each.
        of_a: at least 1.
        b: those of the other arm.
        of_b: at least 1.
    """
    mine, theirs = np.asarray(a, dtype=np.int64), np.asarray(b, dtype=np.int64)
    alone = [np.flatnonzero((one > 0) & (other == 0)) for one, other in ((mine, theirs), (theirs, mine))]
    total = mine + theirs
    chances = [_all_on_one_side(total, n, of_a + of_b) for n in (of_a, of_b)]
    p_values = np.concatenate(
        [np.minimum(1.0, 2 * chance[places]) for chance, places in zip(chances, alone, strict=True)]
    )
    corrected = holm(p_values.tolist())
    found = []
    for number, (counts, places, other) in enumerate(((mine, alone[0], of_b), (theirs, alone[1], of_a))):
        order = np.lexsort((places, -counts[places]))
        its = np.array(corrected[: len(places)] if number == 0 else corrected[len(alone[0]) :])
        found.append(
            Exclusive(
                places=places[order].tolist(),
                right=counts[places][order].tolist(),
                p_holm=its[order].tolist() if len(places) else [],
                expected=float(chances[number][total > 0].sum()),
                unseen=unseen(other),
            )
        )
    return found[0], found[1]


def _all_on_one_side(total: Counts, n: int, both: int) -> Floats:
    """C(n, c) / C(both, c): the chance that all c right answers are among the n of one arm, if either's are alike."""

    def log_comb(of: int) -> Floats:
        return gammaln(of + 1) - gammaln(total + 1) - gammaln(np.maximum(of - total, 0) + 1)

    found: Floats = np.where(total <= n, np.exp(log_comb(n) - log_comb(both)), 0.0)
    return found
