"""How people are shown numbers and the texts of data: alike on the page, in tables, in claims and on the terminal.

Shares are from 0 to 1 and are shown in percent.
"""

import math
from collections.abc import Iterable

NONE = "\N{EN DASH}"  # a number that was run but does not exist, as the official score of a benchmark that has none
MINUS = "\N{MINUS SIGN}"
CONTROLS = {code: 0x2400 + code for code in range(32) if chr(code) not in "\n\t"} | {0x7F: 0x2421, 0x0D: None}
# Bidirectional overrides and the like would let a text reorder what stands around it.
CONTROLS |= dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)], 0xFFFD)


def exists(value: float | None) -> bool:
    """Whether there is a finite number."""
    return value is not None and math.isfinite(value)


def number(value: float | None, digits: int = 1) -> str:
    """A number with `digits` decimals and a true minus sign."""
    if value is None or not math.isfinite(value):
        return NONE
    text = f"{value:.{digits}f}"
    return (text[1:] if float(text) == 0 and text.startswith("-") else text).replace("-", MINUS)


def percent(share: float | None) -> str:
    """A share in percent with one decimal, without the sign."""
    return number(None if share is None else 100 * share)


def signed(share: float | None) -> str:
    """A difference of shares in points, with its sign."""
    text = percent(share)
    return text if text.startswith((MINUS, NONE)) or float(text) == 0 else f"+{text}"


def interval(bounds: tuple[float, float] | None) -> str:
    """An interval of shares, in percent; empty if there is none."""
    return f"[{percent(bounds[0])}, {percent(bounds[1])}]" if bounds else ""


def p_value(value: float | None) -> str:
    """A p-value with three decimals, or that it is smaller."""
    if value is None or not math.isfinite(value):
        return NONE
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def clean(text: str) -> str:
    """`text` with control characters made visible."""
    return text.translate(CONTROLS)


def listed(words: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    items = list(words)
    return " and ".join(filter(None, [", ".join(items[:-1]), *items[-1:]]))
