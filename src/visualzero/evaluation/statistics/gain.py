"""How much of a gain is form and how much is capability.

Accuracy is P(parsed) * accuracy of the parsed: a model that learns to write its answer in a readable way gains without
seeing any better.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from visualzero.evaluation.statistics.paired import ScoreRows


@dataclass(frozen=True)
class Gain:
    """The gain of a over b in two parts that add up to it; None where b (or a) has no parsed answer to go by.

    `format` is what b would have gained by being parsed as often as a, at its own accuracy given parsed; `capability`
    is the rest, the gain in accuracy given parsed at a's parse rate. `joint_*` is about the questions that both
    answered in a readable way: their number and either's accuracy on them.
    """

    parse_rate_a: float
    parse_rate_b: float
    accuracy_given_parsed_a: float | None
    accuracy_given_parsed_b: float | None
    format: float | None
    capability: float | None
    joint_n: int
    joint_a: float | None
    joint_b: float | None


def split_gain(a: ScoreRows, b: ScoreRows) -> Gain:
    """Split the difference of two arms' score rows (id, correct, parse_class or prediction) on the same questions."""
    of_b = {row["id"]: row for row in b}
    parsed_a, parsed_b = ([row for row in rows if is_parsed(row)] for rows in (a, b))
    rate_a, rate_b = len(parsed_a) / len(a), len(parsed_b) / len(b)
    given_a, given_b = share_right(parsed_a), share_right(parsed_b)
    parts: tuple[float | None, float | None] = (None, None)
    if given_a is not None and given_b is not None:
        parts = (rate_a - rate_b) * given_b, rate_a * (given_a - given_b)
    joint = [(row, of_b[row["id"]]) for row in parsed_a if is_parsed(of_b[row["id"]])]
    return Gain(
        parse_rate_a=rate_a,
        parse_rate_b=rate_b,
        accuracy_given_parsed_a=given_a,
        accuracy_given_parsed_b=given_b,
        format=parts[0],
        capability=parts[1],
        joint_n=len(joint),
        joint_a=share_right([mine for mine, _ in joint]),
        joint_b=share_right([theirs for _, theirs in joint]),
    )


def is_parsed(row: Mapping[str, Any]) -> bool:
    """Whether a response was read as exactly one option; a right one always was."""
    read = row["parse_class"] == "parsed" if "parse_class" in row else row.get("prediction") is not None
    return bool(read or row["correct"])


def share_right(rows: ScoreRows) -> float | None:
    """Accuracy of some score rows; None if there are none."""
    return sum(bool(row["correct"]) for row in rows) / len(rows) if rows else None
