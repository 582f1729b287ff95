"""Numbers: 1,234, -0.5, 1e3, 1/2, 45 % and words up to twelve; units are read over.

Read is the number behind "answer is", "=" or a box, else the only one that the text names (as often as it likes).
Values are compared exactly, as decimals: 0.3 is within 0.1 of 0.2.
"""

import re
from decimal import Decimal, DecimalException

from visualzero.evaluation.reading.free.judged import Judged, announced, answered, unread
from visualzero.evaluation.reading.plain import plain

_ONE = r"(?:\d{1,3}(?:,\d{3})+|\d{1,30})(?:\.\d{1,30})?|\.\d{1,30}"
_NUMBER = re.compile(
    rf"(?<![\w.,])(?P<whole>[-+]?(?:{_ONE}))(?:[eE](?P<power>[-+]?\d{{1,2}}))?(?:\s?/\s?(?P<under>{_ONE}))?(?!\w|[.,]\d)"
)
_EQUALS = re.compile(r"[=\u2248]")


def judge(response: str, right: str, tolerance: str = "") -> Judged:
    """Whether a response gives the number `right`.

    Args:
        response: from its opening tag on.
        right: a text that holds one number.
        tolerance: how far off the answer may be, both bounds included: "" not at all, "0.5", or "5%" of the right one.
    """
    found = _values(answered(response))
    if len(found) != 1:
        return unread("ambiguous" if found else "none")
    [(value, text)] = found.items()
    return Judged(abs(value - value_of(right)) <= _allowed(tolerance, value_of(right)), text, "parsed")


def value_of(text: str) -> Decimal:
    """The one number that a text holds.

    Raises:
        ValueError: if it holds none, or several.
    """
    found = _numbers(plain(text))
    if len(found) != 1:
        raise ValueError(f"'{text}' holds {len(found) or 'no'} number{'s' if len(found) > 1 else ''}")
    return next(iter(found))


def _values(text: str) -> dict[Decimal, str]:
    """Different numbers by value, where one is announced that one alone."""
    for part in (_EQUALS.split(announced(text))[-1], announced(text)):
        if len(found := _numbers(part)) == 1:
            return found
    return _numbers(text)


def _numbers(text: str) -> dict[Decimal, str]:
    """Different numbers, each with the text that names it first."""
    found: dict[Decimal, str] = {}
    for match in _NUMBER.finditer(text):
        try:
            value = Decimal(match["whole"].replace(",", "")).scaleb(int(match["power"] or 0))
            if match["under"]:
                value /= Decimal(match["under"].replace(",", ""))
        except DecimalException:  # a division by zero
            continue
        found.setdefault(value, match[0])
    return found


def _allowed(tolerance: str, right: Decimal) -> Decimal:
    if tolerance.endswith("%"):
        return abs(right) * Decimal(tolerance[:-1]) / 100
    return Decimal(tolerance or 0)
