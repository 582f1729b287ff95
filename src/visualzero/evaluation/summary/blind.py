"""Which questions of a benchmark can be answered without eyes, and how arms do on those that can't."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from visualzero.evaluation.statistics import ScoreRows, share_interval
from visualzero.evaluation.statistics.blind import FOLDS, PENALTY, Rows, blind_chances
from visualzero.evaluation.statistics.shares import Floats, fraction_interval
from visualzero.wording import interval, percent


def blind(questions: Rows, arms: Mapping[str, Mapping[str, ScoreRows]]) -> dict[str, Any] | None:
    """The blind score of each question, and every arm's accuracy on those that need eyes and on the others.

    A question needs eyes if the blind model gives its right option no more than guessing does. Open questions are left
    out; None where all are open.

    Args:
        questions: rows of the Question table, without images.
        arms: score rows by arm and seed.
    """
    asked = [row for row in questions if len(row["choices"]) > 1]
    if not asked:
        return None
    chances = blind_chances(asked)
    scores = [float(its[row["answer_index"]]) for its, row in zip(chances, asked, strict=True)]
    right = [int(its.argmax()) == row["answer_index"] for its, row in zip(chances, asked, strict=True)]
    guessed = [1 / len(row["choices"]) for row in asked]
    images = [row["image_id"] for row in asked]
    eyes = np.array([score <= chance for score, chance in zip(scores, guessed, strict=True)])
    accuracy, bounds = float(np.mean(right)), share_interval(right, images)
    found = {
        arm: {
            name: _accuracy(by_seed, asked, which) for name, which in (("eyes", eyes), ("rest", ~eyes)) if which.any()
        }
        for arm, by_seed in arms.items()
    }
    beyond = "more than" if bounds[0] > np.mean(guessed) else "not shown to be more than"
    guesses = percent(float(np.mean(guessed)))
    return {
        "learner": f"logistic regression among the options, penalty {PENALTY:g}, {FOLDS} folds",
        "n": len(asked),
        "accuracy": accuracy,
        "interval": bounds,
        "chance": float(np.mean(guessed)),
        "eyes": int(eyes.sum()),
        "arms": found,
        "scores": {row["id"]: score for row, score in zip(asked, scores, strict=True)},
        "claim": (
            f"Without images {percent(accuracy)} % {interval(bounds)} of the questions can be told from the texts,"
            f" {beyond} the {guesses} % of guessing; {int(eyes.sum())} of {len(asked)} need eyes."
        ),
    }


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
