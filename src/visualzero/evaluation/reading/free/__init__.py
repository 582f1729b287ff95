"""Answers that are no choice of a list: yes or no, a number, a short text; one file each.

An open question's kind says how its answer is judged: `yes_no`, `text`, `number` (the same value), `number 0.5` (at
most so far off), `number 5%` (at most this share of the right one). A file `judge`s a response, from its opening tag
on, against the right answer. What is read is the text that `strict` reads (`sections.py`), and as there nothing is
guessed: a text that gives two answers, and announces neither, has given none.
"""

import re

from visualzero.evaluation.reading.free import number, text, yes_no
from visualzero.evaluation.reading.free.judged import Judged

CHOICE = "choice"
_TOLERANT = re.compile(r"number \d+(?:\.\d+)?(?:e-\d+)?%?")
KINDS = ("yes_no", "number", "text")
GUESSED = {"yes_no": 1 / 2}  # chance, where there are few answers to guess from


def base(kind: str) -> str:
    """A kind without its tolerance."""
    return kind.partition(" ")[0]


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


def chance(kind: str, n_choices: int) -> float:
    """How often a blind guess is right: one of the choices; of free answers, yes or no alone can be guessed."""
    return 1 / n_choices if kind == CHOICE else GUESSED.get(base(kind), 0.0)


def problem(kind: object, right: str | None = None) -> str | None:
    """Why there is no such kind of answer, or `right` is none of this kind, and the fix; None if all is well."""
    if not isinstance(kind, str) or base(kind) not in KINDS or (" " in kind and not _TOLERANT.fullmatch(kind)):
        return f"unknown kind of answer {kind!r}: write {', '.join((CHOICE, *KINDS))}, or 'number 0.5' or 'number 5%'"
    if right is None:
        return None
    try:
        if base(kind) == "number":
            number.value_of(right)
        if base(kind) == "yes_no":
            yes_no.yes_or_no(right)
        if base(kind) == "text" and not 0 < len(right.strip()) <= text.LONGEST:
            raise ValueError(f"a text of {len(right)} characters, not 1 to {text.LONGEST}")
    except ValueError as error:
        return f"{error}: correct the answer, or its kind ({base(kind)})"
    return None
