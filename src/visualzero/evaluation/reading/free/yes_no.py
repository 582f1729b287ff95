"""Yes or no, or true or false: read by the parser of choices, so that "Yes, there is" and "it is false" count."""

import re

from visualzero.evaluation.reading.answer import parse_answer
from visualzero.evaluation.reading.free.judged import Judged, answered, unread
from visualzero.evaluation.reading.free.values import yes_or_no

WORDS = ("yes", "no"), ("true", "false")
_LETTER = re.compile(r"\W*[AaBb]\W*")  # which no prompt of such a question has offered


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
