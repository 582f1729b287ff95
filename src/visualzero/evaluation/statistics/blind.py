"""How well the right option can be told from the texts alone, learnt from the benchmark's other questions.

As in "Benchmark designers should train on the test set" (TsT, arXiv 2511.04655), which fits a random forest to the
questions' and options' features, five-fold, and calls a question's held-out chance its blind score. Here a penalized
logistic regression chooses among a question's options (McFadden's conditional logit), which needs no library beyond
scipy. It sees the letter, the option's text and words, its rank among numbers, each within its task, and which words of
the question it goes with. What it can't find, a stronger learner might: its score is a lower bound.
"""

import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

from visualzero.evaluation.statistics.shares import Floats

FOLDS = 5
PENALTY = 1.0  # weight of the squared coefficients; set beforehand, not tuned
SEEN = 3  # a feature of fewer options says nothing of others
_WORD = re.compile(r"\w+")
Rows = Sequence[Mapping[str, Any]]
Ints = npt.NDArray[np.int64]


def blind_chances(questions: Rows, seed: int = 0) -> list[Floats]:
    """For each question the chances of its options by a model that has learnt from the other folds.

    Args:
        questions: rows with task, question, choices (at least 2), answer_index and image_id. Questions about one image
            are in the same fold.
        seed: of the folds.
    """
    features, starts = _features(questions)
    right = starts[:-1] + np.array([row["answer_index"] for row in questions])
    folds = _folds([row["image_id"] for row in questions], seed)
    found: list[Floats] = [np.empty(0)] * len(questions)
    for fold in sorted(set(folds)):
        learnt = [place for place, its in enumerate(folds) if its != fold]
        weights = _fit(features, starts, right, learnt)
        scores = features @ weights
        for place in (place for place, its in enumerate(folds) if its == fold):
            own = scores[starts[place] : starts[place + 1]]
            chances = np.exp(own - own.max())
            found[place] = chances / chances.sum()
    return found


def _folds(images: Sequence[str], seed: int) -> list[int]:
    """The fold of each question, images being dealt out in random order."""
    names = sorted(set(images))
    random.Random(seed).shuffle(names)
    fold = {name: place % min(FOLDS, len(names)) for place, name in enumerate(names)}
    return [fold[name] for name in images]


def _features(questions: Rows) -> tuple[csr_matrix, Ints]:
    """A row of ones and zeros for each option of each question, and where each question's rows begin (and the end)."""
    rows = [list(dict.fromkeys(named)) for question in questions for named in _options(question)]
    counts = Counter(name for named in rows for name in named)
    columns = {name: place for place, name in enumerate(name for name, n in counts.items() if n >= SEEN)}
    placed = [[columns[name] for name in named if name in columns] for named in rows]
    ends = np.cumsum([0, *map(len, placed)])
    indices = np.array([place for its in placed for place in its], dtype=np.int64)
    shape = (len(rows), max(1, len(columns)))
    starts = np.cumsum([0, *(len(question["choices"]) for question in questions)])
    return csr_matrix((np.ones(len(indices)), indices, ends), shape=shape), starts


def _options(question: Mapping[str, Any]) -> Iterator[list[str]]:
    """The names of what each option of a question has."""
    choices, task = [str(one).lower() for one in question["choices"]], question["task"]
    numbers = [float(one) for one in choices if re.fullmatch(r"-?\d+(\.\d+)?", one)]
    ranked = len(numbers) == len(choices)
    asked = sorted(set(_WORD.findall(str(question["question"]).lower())))
    for place, text in enumerate(choices):
        named = [f"letter {place} of {len(choices)}", f"option {text}", *(f"word {one}" for one in _WORD.findall(text))]
        if ranked:
            named.append(f"rank {sorted(numbers).index(float(text))} of {len(choices)}")
        named += [f"{task}: {name}" for name in named]
        yield named + [f"{word} ~ {text}" for word in asked]


def _fit(features: csr_matrix, starts: Ints, right: Ints, learnt: Sequence[int]) -> Floats:
    """Coefficients that make the right options of these questions most likely, less the penalty."""
    rows = np.concatenate([np.arange(starts[place], starts[place + 1]) for place in learnt])
    sizes = np.diff(starts)[learnt]
    begin = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    own, chosen = features[rows], np.isin(rows, right[learnt])
    transposed = own.T.tocsr()

    def loss(weights: Floats) -> tuple[float, Floats]:
        scores = own @ weights
        scores = scores - np.repeat(np.maximum.reduceat(scores, begin), sizes)
        chances = np.exp(scores)
        totals = np.add.reduceat(chances, begin)
        chances = chances / np.repeat(totals, sizes)
        value = np.log(totals).sum() - scores[chosen].sum() + PENALTY / 2 * weights @ weights
        return float(value), transposed @ (chances - chosen) + PENALTY * weights

    fitted: Floats = minimize(loss, np.zeros(own.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 200}).x
    return fitted
