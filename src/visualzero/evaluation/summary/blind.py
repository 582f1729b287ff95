"""Which questions of a benchmark can be answered without eyes, and how arms do on those that can't."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from visualzero.evaluation.statistics import ScoreRows
from visualzero.evaluation.statistics.blind import FOLDS, blind_chances, told, told_share
from visualzero.evaluation.statistics.blind_features import Rows
from visualzero.evaluation.statistics.blind_learner import SURE
from visualzero.evaluation.statistics.shares import Floats, fraction_interval
from visualzero.wording import interval, percent


def blind(questions: Rows, arms: Mapping[str, Mapping[str, ScoreRows]]) -> dict[str, Any] | None:
    """The blind score of each question, and every arm's accuracy on those that need eyes and on the others.

    A question needs eyes if the blind model gives its right option no more than guessing does. `tells` are the features
    that it goes by, and in how many folds. Open questions are left out; None where all are open.

    Args:
        questions: rows of the Question table, without images.
        arms: score rows by arm and seed.
    """
    asked = [row for row in questions if len(row["choices"]) > 1]
    if not asked:
        return None
    chances, tells = blind_chances(asked)
    places = [row["answer_index"] for row in asked]
    scores = np.array([its[place] for its, place in zip(chances, places, strict=True)])
    guessed = np.array([1 / len(row["choices"]) for row in asked])
    images = [row["image_id"] for row in asked]
    right = told(chances, places)
    share, reaches = told_share(right, guessed, images)
    eyes = scores <= guessed + SURE
    accuracy, bounds = float(right.mean()), fraction_interval(right, images)
    found = {
        arm: {
            name: _accuracy(by_seed, asked, which) for name, which in (("eyes", eyes), ("rest", ~eyes)) if which.any()
        }
        for arm, by_seed in arms.items()
    }
    beyond = "more than" if reaches[0] > 0 else "not shown to be more than"
    return {
        "learner": f"conditional logit of features that are no luck, {FOLDS} folds",
        "n": len(asked),
        "share": share,
        "share_interval": reaches,
        "accuracy": accuracy,
        "interval": bounds,
        "chance": float(guessed.mean()),
        "tells": [{"what": what, "folds": folds} for what, folds in sorted(tells.items(), key=_often)],
        "eyes": int(eyes.sum()),
        "arms": found,
        "scores": {row["id"]: float(score) for row, score in zip(asked, scores, strict=True)},
        "claim": (
            f"Texts alone answer {percent(share)} % {interval(reaches)} of the questions: without images"
            f" {percent(accuracy)} % are told right, {beyond} the {percent(float(guessed.mean()))} % of guessing;"
            f" {int(eyes.sum())} of {len(asked)} need eyes."
        ),
    }


def _often(tell: tuple[str, int]) -> tuple[int, str]:
    return -tell[1], tell[0]


def _accuracy(by_seed: Mapping[str, ScoreRows], asked: Sequence[Mapping[str, Any]], which: Any) -> dict[str, Any]:
    """An arm's accuracy on some of the questions, as a mean over its seeds; the interval is over questions."""
    some = [row for row, has in zip(asked, which, strict=True) if has]
    right = []
    for rows in by_seed.values():
        correct = {row["id"]: float(bool(row["correct"])) for row in rows}
        right.append([correct[row["id"]] for row in some])
    values: Floats = np.mean(right, axis=0)
    bounds = fraction_interval(values, [row["image_id"] for row in some])
    return {"n": len(some), "accuracy": float(values.mean()), "interval": bounds}
