"""How well the right option can be told from the texts alone, learnt from the benchmark's other questions.

As in "Benchmark designers should train on the test set" (TsT, arXiv 2511.04655), which fits a random forest to the
questions' and options' features, five-fold, and calls a question's held-out chance its blind score. The learners here
are others (`blind_learner`); docs/causes.md compares them. What they can't find, a stronger one might: their share is a
lower bound.
"""

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np
from scipy.special import softmax
from scipy.stats import norm

from visualzero.evaluation.statistics.blind_features import Rows, option_features
from visualzero.evaluation.statistics.blind_learner import SURE, learn
from visualzero.evaluation.statistics.shares import LEVEL, Column, Floats, Interval, Z, clustered_error, t_quantile

FOLDS = 5
ONE_SIDED = float(norm.ppf(1 - LEVEL))


class Blind(NamedTuple):
    """What was learnt: the chances of each question's options, and in how many folds each feature was taken."""

    chances: list[Floats]
    tells: Counter[str]


def blind_chances(questions: Rows, seed: int = 0) -> Blind:
    """For each question the chances of its options by a model that has learnt from the other folds.

    That of all features takes a fold where it told significantly more than that of few in the other folds.

    Args:
        questions: rows with task, question, choices (at least 2), answer_index and image_id. Questions about one image
            are in the same fold.
        seed: of the folds.
    """
    options = option_features(questions)
    places = np.array([row["answer_index"] for row in questions])
    right = options.starts[:-1] + places
    folds = np.array(_folds([row["image_id"] for row in questions], seed))
    few, every = ([np.empty(0)] * len(questions) for _ in range(2))
    tells: Counter[str] = Counter()
    for fold in range(folds.max() + 1):
        if (folds == fold).all():
            return Blind([np.full(len(row["choices"]), 1 / len(row["choices"])) for row in questions], tells)
        learnt = learn(options, right, np.flatnonzero(folds != fold).tolist())
        tells.update(options.names[feature] for feature in learnt.few)
        for found, weights in ((few, learnt.few), (every, learnt.all)):
            scores = options.features[:, list(weights)] @ np.array(list(weights.values()))
            for place in np.flatnonzero(folds == fold):
                found[place] = softmax(scores[options.starts[place] : options.starts[place + 1]])
    gained: Floats = told(every, places) - told(few, places)
    better = [gained[folds != fold].sum() > ONE_SIDED * np.linalg.norm(gained[folds != fold]) for fold in range(FOLDS)]
    return Blind([(every if better[fold] else few)[place] for place, fold in enumerate(folds)], tells)


def _folds(images: Sequence[str], seed: int) -> list[int]:
    """The fold of each question, images being dealt out in random order."""
    names = sorted(set(images))
    random.Random(seed).shuffle(names)
    fold = {name: place % min(FOLDS, len(names)) for place, name in enumerate(names)}
    return [fold[name] for name in images]


def told(chances: Sequence[Floats], right: Iterable[int]) -> Floats:
    """Whether each question's right option is the likeliest: 1 or 0, or its part of 1 where several are; [Q]."""
    likeliest = [its >= its.max() - SURE for its in chances]
    return np.array([float(its[place] / its.sum()) for its, place in zip(likeliest, right, strict=True)])


def told_share(right: Floats, guessed: Floats, clusters: Column) -> tuple[float, Interval]:
    """The share of questions that their texts answer, and its 95 % interval.

    If a share s of the questions is told and the others are guessed, s + (1 - s) times their chance are right. So each
    question counts (right - chance) / (1 - chance), which is 1 if it is told, and 0 on average if it is guessed,
    whatever its options; the share is the mean.

    The interval is Wilson's, with what guessing adds to the variance: all s for which
    (mean - s)^2 <= z^2 (s (1 - s) + max(0, tried - s) odds) / n. Of `tried` of the questions one option was likelier
    than another; the others were left to chance and count 0. `odds` is their chance / (1 - chance); n is the number of
    questions that those of the same cluster are worth, as in `share_interval`.

    Args:
        right: [Q], whether each question was told right, from 0 to 1.
        guessed: [Q], its chance of being guessed, below 1.
        clusters: [Q], its image.
    """
    values = (right - guessed) / (1 - guessed)
    n, groups, share = len(values), len(np.unique(clusters)), min(1.0, max(0.0, float(values.mean())))
    if groups == 1:
        return share, (0.0, 1.0)
    trying = np.abs(values) > SURE
    tried, odds = float(trying.mean()), float((guessed / (1 - guessed))[trying].mean()) if trying.any() else 0.0
    error = clustered_error(values, clusters)
    effective = float(values.var(ddof=1)) / error**2 if error else groups
    squared = (Z * t_quantile(groups - 1) / t_quantile(n - 1)) ** 2 / effective
    low, high = _within(share, squared, tried, odds)
    if high > tried:
        high = max(tried, _within(share, squared, 0.0, 0.0)[1])
    return share, (low, high)


def _within(share: float, squared: float, tried: float, odds: float) -> Interval:
    """The least and the greatest s with (share - s)^2 <= squared (s (1 - s) + (tried - s) odds), within 0 and 1."""
    center = (share + squared * (1 - odds) / 2) / (1 + squared)
    margin = sqrt(max(0.0, center**2 - (share**2 - squared * tried * odds) / (1 + squared)))
    return max(0.0, center - margin), min(1.0, center + margin)
