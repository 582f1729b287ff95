"""The same comparison under every scorer: is a difference one of what arms can do, or of how they write it?

A difference whose sign changes with the scorer is one of form: the same responses, read in another way, put the other
arm ahead. What is compared are signs of differences that can be told from 0.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from visualzero.evaluation.statistics import Interval, ScoreRows, is_parsed
from visualzero.wording import listed, percent

APART = 0.05  # parse rates further apart than this are told


@dataclass(frozen=True)
class Standing:
    """A comparison as one scorer reads it: accuracy of a minus b; `sign` is 0 if it can't be told from 0.

    `gain` has the difference's parts of form and capability with their intervals (`statistics.gain_parts`); None where
    the scorer reads no answer of one of the arms.
    """

    difference: float
    interval: Interval
    p_holm: float
    sign: int
    parse_rate_a: float
    parse_rate_b: float
    gain: Mapping[str, Any] | None = None


def scorers_of(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Names of the scorers whose readings all the rows have, in their order."""
    names: list[str] | None = None
    for row in rows:
        read = row.get("readings") or {}
        names = list(read) if names is None else [name for name in names if name in read]
    return names or []


def read_by(rows: ScoreRows, scorer: str) -> ScoreRows:
    """Score rows as another scorer reads them: id, image_id, correct, prediction."""
    return [
        {
            "id": row["id"],
            "image_id": row["image_id"],
            "prediction": row["readings"][scorer],
            "correct": row["readings"][scorer] == row["answer_index"],
        }
        for row in rows
    ]


def parse_rate(rows: ScoreRows) -> float:
    """Share of responses that were read as one option."""
    return sum(map(is_parsed, rows)) / len(rows)


def changes_sign(found: Mapping[str, Standing], ahead: int = 0) -> bool:
    """Whether one scorer puts a ahead and another b; `ahead` is the sign of what is claimed, if that is anything."""
    return {-1, 1} <= {ahead, *(one.sign for one in found.values())}


def in_words(a: str, b: str, found: Mapping[str, Standing], ahead: int = 0) -> str:
    """What the scorers say together, such as "A is ahead under strict, behind under lmms: a matter of form".

    `ahead` is the sign of what is claimed, as in `changes_sign`.
    """
    if not found:
        return ""
    words = {1: "ahead", -1: "behind", 0: "undecided"}
    by_sign = {sign: [name for name, one in found.items() if one.sign == sign] for sign in words}
    parts = [f"{words[sign]} under {_names(names, found)}" for sign, names in by_sign.items() if names]
    said = f"{a} is {', '.join(parts)}"
    if not changes_sign(found, ahead):
        return said
    name, most = max(found.items(), key=lambda one: abs(one[1].parse_rate_a - one[1].parse_rate_b))
    said += ": a matter of form"
    if abs(most.parse_rate_a - most.parse_rate_b) > APART:
        said += (
            f" ({name} reads {percent(most.parse_rate_a)} % of its answers, {percent(most.parse_rate_b)} % of {b}'s)"
        )
    return said


def _names(names: list[str], found: Mapping[str, Standing]) -> str:
    return "every scorer" if len(names) == len(found) > 1 else listed(names)
