"""The kinds of free answers: their names and tolerances, what a right answer of each is, and how well one can guess.

Data tables ask this too, so it imports nothing of the parser.
"""

import re

from visualzero.evaluation.reading.free.values import LONGEST, value_of, yes_or_no

CHOICE = "choice"
KINDS = ("yes_no", "number", "text")
GUESSED = {"yes_no": 1 / 2}  # chance, where there are few answers to guess from
_TOLERANT = re.compile(r"number \d+(?:\.\d+)?(?:e-\d+)?%?")


def base(kind: str) -> str:
    """A kind without its tolerance."""
    return kind.partition(" ")[0]


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
            value_of(right)
        if base(kind) == "yes_no":
            yes_or_no(right)
        if base(kind) == "text" and not 0 < len(right.strip()) <= LONGEST:
            raise ValueError(f"a text of {len(right)} characters, not 1 to {LONGEST}")
    except ValueError as error:
        return f"{error}: correct the answer, or its kind ({base(kind)})"
    return None
