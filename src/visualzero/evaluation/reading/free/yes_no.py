"""Yes or no, or true or false: read by the parser of choices, so that "Yes, there is" and "it is false" count."""

import re

from visualzero.evaluation.reading.answer import parse_answer
from visualzero.evaluation.reading.free.judged import Judged, answered, unread

WORDS = ("yes", "no"), ("true", "false")
_LETTER = re.compile(r"\W*[AaBb]\W*")  # which no prompt of such a question has offered
_RIGHT = {"yes": "yes", "true": "yes", "1": "yes", "no": "no", "false": "no", "0": "no"}


def judge(response: str, right: str) -> Judged:
    """Whether a response says `right`, yes or no."""
    if _LETTER.fullmatch(answered(response)):
        return unread("none")
    first = None
    for words in WORDS:
        parsed = parse_answer(response, words)
        if parsed.prediction is not None:
            said = ("yes", "no")[parsed.prediction]
            return Judged(said == yes_or_no(right), said, "parsed")
        first = first or parsed
    assert first is not None
    return unread(first.parse_class)


def yes_or_no(text: str) -> str:
    """A data set's answer as yes or no; true, false, 1 and 0 are taken too.

    Raises:
        ValueError: for anything else.
    """
    word = text.strip(" .").casefold()
    if word not in _RIGHT:
        raise ValueError(f"'{text}' is neither yes nor no (nor true, false, 1, 0)")
    return _RIGHT[word]
