"""Numbers: 1,234, -0.5, 1e3, 1/2, 45 % and words up to twelve; units are read over.

Read is the number behind "answer is", "=" or a box, else the only one that the text names (as often as it likes).
Values are compared exactly, as decimals: 0.3 is within 0.1 of 0.2.
"""

import re
from decimal import Decimal

from visualzero.evaluation.reading.free.judged import Judged, announced, answered, unread
from visualzero.evaluation.reading.free.values import numbers_in, value_of, within

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
    return Judged(within(value, value_of(right), tolerance), text, "parsed")


def _values(text: str) -> dict[Decimal, str]:
    """Different numbers by value, where one is announced that one alone."""
    for part in (_EQUALS.split(announced(text))[-1], announced(text)):
        if len(found := numbers_in(part)) == 1:
            return found
    return numbers_in(text)
