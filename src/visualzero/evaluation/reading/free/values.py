"""The values of free answers: the one number of a text, yes or no; and how long a short text may be."""

import re
from decimal import Decimal, DecimalException

from visualzero.evaluation.reading.plain import plain

LONGEST = 200  # characters of a short text
_ONE = r"(?:\d{1,3}(?:,\d{3})+|\d{1,30})(?:\.\d{1,30})?|\.\d{1,30}"
_NUMBER = re.compile(
    rf"(?<![\w.,])(?P<whole>[-+]?(?:{_ONE}))(?:[eE](?P<power>[-+]?\d{{1,2}}))?(?:\s?/\s?(?P<under>{_ONE}))?(?!\w|[.,]\d)"
)
_RIGHT = {"yes": "yes", "true": "yes", "1": "yes", "no": "no", "false": "no", "0": "no"}


def value_of(text: str) -> Decimal:
    """The one number that a text holds.

    Raises:
        ValueError: if it holds none, or several.
    """
    found = numbers_in(plain(text))
    if len(found) != 1:
        raise ValueError(f"'{text}' holds {len(found) or 'no'} number{'s' if len(found) > 1 else ''}")
    return next(iter(found))


def within(value: Decimal, right: Decimal, tolerance: str) -> bool:
    """Whether a number is near enough to the right one: "" means the same, "0.5" so far off, "5%" of the right one."""
    if tolerance.endswith("%"):
        return abs(value - right) <= abs(right) * Decimal(tolerance[:-1]) / 100
    return abs(value - right) <= Decimal(tolerance or 0)


def numbers_in(text: str) -> dict[Decimal, str]:
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


def yes_or_no(text: str) -> str:
    """A data set's answer as yes or no; true, false, 1 and 0 are taken too.

    Raises:
        ValueError: for anything else.
    """
    word = text.strip(" .").casefold()
    if word not in _RIGHT:
        raise ValueError(f"'{text}' is neither yes nor no (nor true, false, 1, 0)")
    return _RIGHT[word]
