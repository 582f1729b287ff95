"""The reading of a free answer, and the text that it is read from."""

import re
from typing import NamedTuple

from visualzero.errors import UserError
from visualzero.evaluation.reading.answer import LONGEST, answer_text
from visualzero.evaluation.reading.parsed import ParseClass
from visualzero.evaluation.reading.plain import plain

_ANNOUNCED = re.compile(r"\banswer(?:\s+is)?\s*[:=]?\s*|\\\\boxed:\s*|\bresult\s+is\s*:?\s*", re.IGNORECASE)


class Judged(NamedTuple):
    """`read` is the answer as it was read; None unless the class is parsed."""

    correct: bool
    read: str | None
    parse_class: ParseClass

    @property
    def prediction(self) -> int | None:
        """As of a question whose first choice is the right answer: 0, or 1 for another; None if none was read."""
        return None if self.read is None else int(not self.correct)


def unread(parse_class: ParseClass) -> Judged:
    """A response that gives no one answer."""
    return Judged(False, None, parse_class)


def answered(response: str) -> str:
    """The text that answers, without markup."""
    return plain(answer_text(response)[-LONGEST:])


def announced(text: str) -> str:
    """What stands behind the last "answer is", "answer:" or box, if that is anything; else the text."""
    marks = list(_ANNOUNCED.finditer(text))
    return text[marks[-1].end() :].strip() or text if marks else text


def only(name: str, kind: str) -> str:
    """The tolerance of a question's `kind`, which has to be that of the scorer `name`.

    Raises:
        UserError: if it is another.
    """
    base, _, tolerance = kind.partition(" ")
    if base != name:
        raise UserError(
            f"'{name}' can't judge a question whose kind of answer is {base}: use accuracy, which judges every kind, or"
            f" questions of the kind {name}"
        )
    return tolerance
