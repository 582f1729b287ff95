"""How much of a gain is form and how much is capability.

Accuracy is P(parsed) * accuracy of the parsed: a model that learns to write its answer in a readable way gains without
seeing any better. The difference of two such products is split symmetrically (Kitagawa, JASA 50, 1955): each factor's
difference counts at the mean of the other factor, so that the parts turn around with the arms and add up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from visualzero.evaluation.statistics.crossed import crossed
from visualzero.evaluation.statistics.paired import ScoreRows, mean_interval
from visualzero.evaluation.statistics.shares import Floats, Interval


@dataclass(frozen=True)
class Gain:
    """The gain of a over b in two parts that add up to it; None where an arm has no parsed answer to go by.

    `format` is the difference in how often answers are parsed, at the mean accuracy of what is parsed; `capability` is
    the difference in that accuracy, at the mean parse rate. Their intervals are by image. `joint_*` is about the
    questions that both answered in a readable way: their number and either's accuracy on them.
    """

    parse_rate_a: float
    parse_rate_b: float
    accuracy_given_parsed_a: float | None
    accuracy_given_parsed_b: float | None
    format: float | None
    format_interval: Interval | None
    capability: float | None
    capability_interval: Interval | None
    joint_n: int
    joint_a: float | None
    joint_b: float | None


def split_gain(a: ScoreRows, b: ScoreRows) -> Gain:
    """Split the difference of two arms' score rows: id, image_id, correct, parse_class or prediction."""
    of_b = {row["id"]: row for row in b}
    parsed_a, parsed_b = ([row for row in rows if is_parsed(row)] for rows in (a, b))
    parts = gain_parts([(a, b)]) or {}
    joint = [(row, of_b[row["id"]]) for row in parsed_a if is_parsed(of_b[row["id"]])]
    return Gain(
        parse_rate_a=len(parsed_a) / len(a),
        parse_rate_b=len(parsed_b) / len(b),
        accuracy_given_parsed_a=share_right(parsed_a),
        accuracy_given_parsed_b=share_right(parsed_b),
        format=parts.get("format"),
        format_interval=parts.get("format_interval"),
        capability=parts.get("capability"),
        capability_interval=parts.get("capability_interval"),
        joint_n=len(joint),
        joint_a=share_right([mine for mine, _ in joint]),
        joint_b=share_right([theirs for _, theirs in joint]),
    )


def gain_parts(pairs: Sequence[tuple[ScoreRows, ScoreRows]]) -> dict[str, Any] | None:
    """The parts as means over the seeds, with intervals over images and, of several, over seeds as well.

    None if a seed's gain can't be split.
    """
    split = [parts for a, b in pairs if (parts := gain_values(a, b))]
    if len(split) < len(pairs):
        return None
    images = [row["image_id"] for row in pairs[0][0]]
    if len(split) == 1:
        [(of_form, of_capability)] = split
        return {
            "format": float(of_form.mean()),
            "format_interval": mean_interval(of_form, images),
            "capability": float(of_capability.mean()),
            "capability_interval": mean_interval(of_capability, images),
        }
    form, capability = (crossed([parts[k] for parts in split], images, (-1.0, 1.0)) for k in (0, 1))
    return {
        "format": form.mean,
        "format_interval": form.interval,
        "capability": capability.mean,
        "capability_interval": capability.interval,
    }


def gain_values(a: ScoreRows, b: ScoreRows) -> tuple[Floats, Floats] | None:
    """By question of a, values whose means are the two parts and whose spread is theirs; None without parsed answers.

    Each is the part plus what the question moves it by, to first order (the delta method).
    """
    of_b = {row["id"]: row for row in b}
    both = [(is_parsed(one), bool(one["correct"])) for rows in (a, (of_b[row["id"]] for row in a)) for one in rows]
    (pa, ca), (pb, cb) = np.array(both, dtype=np.float64).reshape(2, len(a), 2).transpose(0, 2, 1)
    rate_a, rate_b = float(pa.mean()), float(pb.mean())
    if not rate_a or not rate_b:
        return None
    given_a, given_b = float(ca.mean()) / rate_a, float(cb.mean()) / rate_b
    moves_a, moves_b = (ca - given_a * pa) / rate_a, (cb - given_b * pb) / rate_b  # of the accuracy of what is parsed
    middle, apart = (given_a + given_b) / 2, rate_a - rate_b
    form = middle * (pa - pb) + apart * (moves_a + moves_b) / 2
    return form, ca - cb - form


def is_parsed(row: Mapping[str, Any]) -> bool:
    """Whether a response was read as exactly one option; a right one always was."""
    read = row["parse_class"] == "parsed" if "parse_class" in row else row.get("prediction") is not None
    return bool(read or row["correct"])


def share_right(rows: ScoreRows) -> float | None:
    """Accuracy of some score rows; None if there are none."""
    return sum(bool(row["correct"]) for row in rows) / len(rows) if rows else None
