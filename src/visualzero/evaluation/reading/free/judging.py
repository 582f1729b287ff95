"""Judging a free answer by the kind of its question."""

from visualzero.evaluation.reading.free import number, text, yes_no
from visualzero.evaluation.reading.free.judged import Judged
from visualzero.evaluation.reading.free.kinds import CHOICE, KINDS


def judge(response: str, right: str, kind: str) -> Judged:
    """What `response` answers to an open question of this kind, whose right answer is `right`.

    Raises:
        ValueError: if there is no such kind.
    """
    name, _, tolerance = kind.partition(" ")
    if name == "number":
        return number.judge(response, right, tolerance)
    if name == "yes_no":
        return yes_no.judge(response, right)
    if name == "text":
        return text.judge(response, right)
    raise ValueError(f"unknown kind of answer '{kind}': there are {', '.join((CHOICE, *KINDS))}")
