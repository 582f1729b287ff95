"""Short texts: the same words, whatever their case, articles, punctuation and number words.

Nothing is searched for: "a red cube" is not "red". A response that says more than it is asked is wrong.
"""

import re

from visualzero.evaluation.reading.alike import folded
from visualzero.evaluation.reading.free.judged import Judged, announced, answered, unread
from visualzero.evaluation.reading.free.values import LONGEST
from visualzero.evaluation.reading.plain import plain

_ARTICLE = re.compile(r"\b(?:a|an|the)\s+")
_PUNCTUATION = re.compile(r"(?<!\w)[^\w\s+*<>=-]+|[^\w\s+*<>=%\u00b0-]+(?!\w)")  # 3.5, don't and -2 keep theirs


def judge(response: str, right: str) -> Judged:
    """Whether a response says `right` and nothing else."""
    said = announced(answered(response)).strip()
    if not normalised(said) or len(said) > LONGEST:
        return unread("none")
    return Judged(normalised(said) == normalised(right), said, "parsed")


def normalised(text: str) -> str:
    """A text without case, articles, outer punctuation and needless blanks; "" if nothing is left."""
    words = _PUNCTUATION.sub(" ", folded(plain(text)))
    return " ".join(_ARTICLE.sub("", f"{words} ").split()) or " ".join(words.split())
