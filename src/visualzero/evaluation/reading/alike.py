"""Which options no text can tell apart: the least that any reader takes for the same.

A reader doesn't care for case, for how wide a blank, a dash, a minus or a quotation mark is, for a full stop at the
end, or whether a number is a word. Everything else can tell options apart: `5'` from `5"`, `(1,2)` from `[1,2]`, `*`
from `+`. Data tables refuse options that are the same; the answer parser reads the text of all others. This module
imports nothing of the project.
"""

import re
import unicodedata
from collections.abc import Sequence
from itertools import combinations

_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
# "one" is no number in "the one", "this one", "one of", "one by one" and "one another".
_NUMBER = re.compile(
    rf"\b(?<!the )(?<!this )(?<!that )(?<!no )(?:{'|'.join(_NUMBERS)})\b"
    r"(?! of\b)(?! by one\b)(?<! by one)(?! another\b)(?! at a time\b)",
    re.IGNORECASE | re.ASCII,
)
_SIGNS = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u2032\u02b9\uff07", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u2033\u02ba\uff02", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe63\uff0d", "-"),
        **dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\u00ad", None),  # without width
        **dict.fromkeys("\u00ba\u02da", "\u00b0"),  # of degrees
    }
)


def same_to_the_reader(choices: Sequence[str]) -> list[tuple[int, int]]:
    """The pairs of options, as indices in order, that no text can tell apart."""
    keys = [folded(choice) for choice in choices]
    return [(one, other) for one, other in combinations(range(len(keys)), 2) if keys[one] == keys[other]]


def folded(text: str) -> str:
    """A text without what no reader cares for: equal for two texts that are the same to any reader."""
    text = " ".join(digits(signs(text)).casefold().split())
    return text.rstrip(" .") or text


def signs(text: str) -> str:
    """Quotes, primes, dashes, minus and degree signs as one each, composed letters, nothing without width."""
    return text if text.isascii() else unicodedata.normalize("NFC", text).translate(_SIGNS)


def digits(text: str) -> str:
    """Number words up to twelve as digits."""
    return _NUMBER.sub(lambda match: str(_NUMBERS.index(match[0].lower())), text)
