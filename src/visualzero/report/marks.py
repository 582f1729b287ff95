"""The page's number formats. Each leaves a mark before what it shows, by which `numbers.py` finds the value behind it.

A mark is made of control characters, which no text on the page has (`wording.clean`), and none is left in the page that
is written.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from visualzero import wording
from visualzero.report import text

MARK = re.compile("\x02(\\d+)\x03")


class Formats(Protocol):
    """How sentences show numbers: `wording`, or the same with marks."""

    def percent(self, share: float | None, /) -> str:
        """A share in percent."""

    def signed(self, share: float | None, /) -> str:
        """A difference of shares in points."""

    def interval(self, bounds: tuple[float, float] | None, /) -> str:
        """An interval of shares in percent."""


class Marks:
    """Formats of `wording` and `text` that mark what they show; `values` has the value behind each mark."""

    def __init__(self) -> None:
        self.values: list[float] = []

    def number(self, value: float | None, digits: int = 1) -> str:
        """A number with so many decimals."""
        return self._marked(value, wording.number(value, digits))

    def percent(self, share: float | None, /) -> str:
        """A share, from 0 to 1, in percent."""
        return self._marked(share, wording.percent(share))

    def signed(self, share: float | None, /) -> str:
        """A difference of shares in points, with its sign."""
        return self._marked(share, wording.signed(share))

    def interval(self, bounds: tuple[float, float] | None, /) -> str:
        """An interval of shares in percent; empty if there is none."""
        return f"[{self.percent(bounds[0])}, {self.percent(bounds[1])}]" if bounds else ""

    def p_value(self, value: float | None) -> str:
        """A p-value with three decimals, or that it is smaller."""
        return self._marked(value, wording.p_value(value))

    def short(self, value: float) -> str:
        """A number with three significant digits."""
        return self._marked(value, text.short(value))

    def filters(self) -> Mapping[str, Callable[..., Any]]:
        """All of them by the names that templates call them by."""
        names = ("number", "percent", "signed", "interval", "p_value", "short")
        return {name: getattr(self, name) for name in names}

    def _marked(self, value: float | None, shown: str) -> str:
        if value is None or not wording.exists(value):
            return shown
        self.values.append(value)
        return f"\x02{len(self.values) - 1}\x03{shown}"


def without_marks(page: str) -> str:
    """The page as it is written."""
    return MARK.sub("", page)
