"""Whether an arm goes by the options' letters or by what they say, from the control with the options moved on."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from visualzero.evaluation.answering.control_questions import rotated
from visualzero.evaluation.comparing.sampled import told
from visualzero.evaluation.statistics.paired import ScoreRows
from visualzero.wording import interval, signed

FEWEST = 20  # questions of which something is said
MARGIN = 0.05  # a difference up to this is no way to answer, however surely it is told from none


def letters(title: str, seen: ScoreRows, swapped: ScoreRows, choices: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """The share of questions of which the arm keeps the letter, minus that of which it keeps the option's text.

    A guesser keeps both equally often, one that always says "A" has 1, one that knows its answer -1. Of questions that
    were answered readably both times. An arm goes by one of them if the whole interval lies beyond `MARGIN`.

    Args:
        title: of the arm.
        seen: score rows of the questions as they are.
        swapped: those of the same questions with the options moved on.
        choices: each question's options by id, in their own order.

    Returns:
        n, difference, interval, verdict ("letters", "texts" or "undecided"), claim.
    """
    before = {row["id"]: row["prediction"] for row in seen}
    both = [
        (row["image_id"], before[row["id"]], row["prediction"], list(choices[row["id"]]))
        for row in swapped
        if len(choices[row["id"]]) > 1 and row["prediction"] is not None and before[row["id"]] is not None
    ]
    values = [(then == now) - (options[then] == rotated(options)[now]) for _, then, now, options in both]
    if len(values) < FEWEST:
        told_nothing = f"{title} answers too few questions ({len(values)}) both times to tell what it goes by."
        return {
            "n": len(values),
            "difference": None,
            "interval": None,
            "verdict": "undecided",
            "claim": told_nothing,
        }
    found = told(np.array([values], dtype=np.float64), [image for image, *_ in both])
    low, high = found.interval
    verdict = "letters" if low > MARGIN else "texts" if high < -MARGIN else "undecided"
    said = {
        "letters": "goes by the options' letters",
        "texts": "goes by what the options say",
        "undecided": "goes by neither letter nor text that can be told",
    }[verdict]
    points = f"{signed(found.difference)} points {interval(found.interval)}"
    kept = {key: value for key, value in asdict(found).items() if key != "p_value"}
    return {
        "n": len(values),
        **kept,
        "verdict": verdict,
        "claim": f"{title} {said}: with the options moved on, it keeps the letter rather than the text by {points}.",
    }
