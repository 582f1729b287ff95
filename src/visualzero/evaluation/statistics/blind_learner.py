"""Two learners that choose among a question's options: by features that are no luck, and by all of the options' own.

Both are McFadden's conditional logit, penalized. To the first, features are added one at a time, as long as one goes
with right options more often, or less, than what is already known explains and luck would (forward selection by a
test). A feature that is on m undecided questions should be on the right option of as many as its chances there sum up
to. The chance of many more, or many fewer, is at most that of a binomial with the same mean (Hoeffding, Ann. Math.
Stat. 27, 1956, theorem 5). Selection ends where it is so large that among all features that could get so far (Tarone,
Biometrics 46, 1990) luck would bring forth `LUCKY` of them: one half of features of options, one of those that take a
word of the question too.

So where nothing is to be learnt nothing is, and every chance is a guess's. The second weighs all features of options at
once, and those that the first has taken. It finds what is spread over many of them; but it follows whatever was right
more often in the questions that it has learnt from, which on a benchmark that is balanced by construction is right less
often in the others.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.sparse import csc_matrix, csr_matrix
from scipy.stats import binom

from visualzero.evaluation.statistics.blind_features import PAIR, Ints, Options
from visualzero.evaluation.statistics.shares import Floats

PENALTY = 1.0  # weight of the squared coefficients; set beforehand, not tuned
MOST = 100  # features; so many are taken on no benchmark that we know
LUCKY = 1.0  # features that are taken by luck where nothing is to be learnt, at most, on average
SURE = 1e-9  # a chance this near to 0 or 1 is one that leaves nothing to learn
Mask = npt.NDArray[np.bool_]


class _Learnt:
    """The options of the questions that are learnt from.

    `own` [options, features] and `right` [options] are of them, `sizes` [questions] and `begin` [questions] say which
    options are a question's, and `grouped` [questions, options] adds up over them.
    """

    def __init__(self, options: Options, right: Ints, places: Sequence[int]) -> None:
        starts = options.starts
        rows = np.concatenate([np.arange(starts[place], starts[place + 1]) for place in places])
        self.own = options.features[rows]
        self.right: Mask = np.isin(rows, right[places])
        self.sizes = np.diff(starts)[places]
        self.begin = np.cumsum(self.sizes) - self.sizes
        owner = np.repeat(np.arange(len(places)), self.sizes)
        self.grouped = csr_matrix((np.ones(len(rows)), (owner, np.arange(len(rows)))))

    def by_question(self, chances: Floats) -> csc_matrix:
        """The chance that the right option has each feature: [questions, features]."""
        return (self.grouped @ self.own.multiply(chances[:, None]).tocsr()).tocsc()

    def chances(self, scores: Floats) -> tuple[Floats, Floats]:
        """Of each option among its question's, and each question's log of the sum of exponentials."""
        highest = np.maximum.reduceat(scores, self.begin)
        powers = np.exp(scores - np.repeat(highest, self.sizes))
        totals = np.add.reduceat(powers, self.begin)
        return powers / np.repeat(totals, self.sizes), np.log(totals) + highest

    def fit(self, chosen: Sequence[int], first: Floats) -> Floats:
        """Coefficients of the chosen features that make the right options most likely, less the penalty."""
        own = self.own[:, list(chosen)].toarray()

        def loss(weights: Floats) -> tuple[float, Floats]:
            scores = own @ weights
            chances, logs = self.chances(scores)
            value = logs.sum() - scores[self.right].sum() + PENALTY / 2 * weights @ weights
            return float(value), own.T @ (chances - self.right) + PENALTY * weights

        fitted: Floats = minimize(loss, first, jac=True, method="L-BFGS-B").x
        return fitted


class Weights(NamedTuple):
    """Coefficients by feature: of those that are no luck, in the order in which they were taken, and of all."""

    few: dict[int, float]
    all: dict[int, float]


def learn(options: Options, right: Ints, places: Sequence[int]) -> Weights:
    """What both learners make of these questions.

    Args:
        options: of all questions.
        right: [Q], each question's right option among all options.
        places: of the questions that are learnt from.
    """
    learnt = _Learnt(options, right, places)
    chances = 1 / np.repeat(learnt.sizes, learnt.sizes)
    seen = np.asarray(learnt.own[learnt.right].sum(axis=0)).ravel()
    guessed = learnt.by_question(chances)
    pairs = np.array([name.startswith(PAIR) for name in options.names], dtype=bool)
    bars = np.where(pairs, _bar(guessed, pairs), _bar(guessed, ~pairs))
    chosen: list[int] = []
    weights = np.empty(0)
    while len(chosen) < min(MOST, len(bars)):
        beyond = _log_luck(learnt.by_question(chances), seen) - bars
        beyond[chosen] = np.inf
        best = int(np.argmin(beyond.round(9)))  # so that equals are equals on every machine
        if beyond[best] > 0:
            break
        chosen.append(best)
        weights = learnt.fit(chosen, np.append(weights, 0.0))
        chances, _ = learnt.chances(learnt.own[:, chosen] @ weights)
    every = [*np.flatnonzero(~pairs).tolist(), *(feature for feature in chosen if pairs[feature])]
    fitted = learnt.fit(every, np.zeros(len(every)))
    return Weights(*(dict(zip(*both, strict=True)) for both in ((chosen, weights.tolist()), (every, fitted.tolist()))))


def _log_luck(expected: csc_matrix, seen: Floats) -> Floats:
    """Logarithm of the chance that each feature has so many right options, or so few, by luck; [features]."""
    sure = _sums(expected, (expected.data > 1 - SURE).astype(np.float64))
    undecided = np.diff(expected.indptr) - sure
    mean = np.asarray(expected.sum(axis=0)).ravel() - sure
    share = np.clip(mean / np.maximum(undecided, 1), 0, 1)
    more = binom.logsf(seen - sure - 1, undecided, share)
    less = binom.logcdf(seen - sure, undecided, share)
    return np.minimum(0.0, np.log(2) + np.minimum(more, less))


def _bar(guessed: csc_matrix, among: Mask) -> float:
    """Below which logarithm of a chance a feature is no luck, among these."""
    open_ = guessed.data < 1 - SURE
    rests = np.where(open_, 1 - guessed.data, 1.0)
    all_, none = _sums(guessed, np.log(np.where(open_, guessed.data, 1.0))), _sums(guessed, np.log(rests))
    least = np.sort(np.log(2) + np.minimum(all_, none)[among])  # the chance at the most uneven of outcomes
    shared = np.log(LUCKY / 2) - np.log(np.arange(1, len(least) + 1))
    testable = np.searchsorted(least, shared, side="right")
    enough = np.flatnonzero(testable <= np.arange(1, len(least) + 1))
    return float(shared[enough[0]]) if len(enough) else -np.inf


def _sums(like: csc_matrix, data: Floats) -> Floats:
    """Sums over the columns of a matrix with the same places."""
    return np.asarray(csc_matrix((data, like.indices, like.indptr), shape=like.shape).sum(axis=0)).ravel()
