"""What control questions show: how much an arm loses without the image, and whether it keeps its choice."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from visualzero.evaluation.answering.control_questions import rotated
from visualzero.evaluation.statistics import ScoreRows, is_parsed, paired_difference, share_interval


def control_effects(
    seen: ScoreRows, controls: Mapping[str, ScoreRows], choices: Mapping[str, Sequence[str]]
) -> dict[str, dict[str, Any]]:
    """By control: the arm's scores on it, and its accuracy on the questions as they are minus that.

    Args:
        seen: the arm's score rows on the questions as they are.
        controls: its score rows on the control questions, by control.
        choices: each question's options by id, in their own order.

    Returns:
        By control: n, micro, micro_interval, parse_rate; `difference`, the paired difference of `seen` minus the
        control; and for swapped_options `consistency`, the share of questions for which the same option's text was
        chosen both times, with `both_parsed`, the share for which an option was chosen both times at all.
    """
    effects: dict[str, dict[str, Any]] = {}
    for name, rows in controls.items():
        right = [bool(row["correct"]) for row in rows]
        effects[name] = {
            "n": len(rows),
            "micro": sum(right) / len(rows),
            "micro_interval": share_interval(right, [row["image_id"] for row in rows]),
            "parse_rate": sum(map(is_parsed, rows)) / len(rows),
            "difference": asdict(paired_difference(seen, rows)),
        }
        if name == "swapped_options":
            effects[name] |= _consistency(seen, rows, choices)
    return effects


def _consistency(seen: ScoreRows, swapped: ScoreRows, choices: Mapping[str, Sequence[str]]) -> dict[str, float]:
    before = {row["id"]: row["prediction"] for row in seen}
    swapped = [row for row in swapped if len(choices[row["id"]]) > 1]  # the others have nothing to swap
    both = [row for row in swapped if row["prediction"] is not None and before[row["id"]] is not None]
    same = [
        row
        for row in both
        if rotated(list(choices[row["id"]]))[row["prediction"]] == choices[row["id"]][before[row["id"]]]
    ]
    return {"consistency": len(same) / max(len(swapped), 1), "both_parsed": len(both) / max(len(swapped), 1)}
