"""Numbers and texts as the page shows them."""

import math
import re
from collections.abc import Iterable

NOT_RUN = "not run"
NONE = "\N{EN DASH}"  # a number that was run but does not exist, as the official score of a benchmark that has none
MINUS = "\N{MINUS SIGN}"
MARKS = re.compile(r"(</?(?:think|answer)>)")
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
    """A share (0..1) in percent with one decimal, without the sign."""
    return number(None if share is None else 100 * share)


def interval(bounds: tuple[float, float] | None) -> str:
    """An interval of shares, in percent; empty if there is none."""
    return f"[{percent(bounds[0])}, {percent(bounds[1])}]" if bounds else ""


def p_value(value: float | None) -> str:
    """A p-value with three decimals, or that it is smaller."""
    if value is None or not math.isfinite(value):
        return NONE
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def short(value: float) -> str:
    """A number for an axis: three significant digits, no exponent where that stays short."""
    if value == 0:
        return "0"
    if abs(value) >= 10_000:
        return f"{value / 1000:,.4g}k".replace("-", MINUS)
    text = f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return re.sub(r"e-0*(\d+)", rf"e{MINUS}\1", text).replace("-", MINUS)


def duration(seconds: float) -> str:
    """Seconds as a text in the unit that suits: 8.1 s, 12.5 min, 3.2 h."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def memory(megabytes: float | None) -> str:
    """Memory in MB or GB (powers of 1024, as Snakemake writes it)."""
    if megabytes is None:
        return NONE
    return f"{megabytes:.0f} MB" if megabytes < 1024 else f"{megabytes / 1024:.1f} GB"


def clean(text: str) -> str:
    """`text` with control characters made visible."""
    return text.translate(CONTROLS)


def clip(text: str, head: int = 700, tail: int = 300) -> str:
    """`text`, or its head and tail and how much was left out between them."""
    left = len(text) - head - tail
    return text if left < 100 else f"{text[:head]} … {left} characters left out … {text[-tail:]}"


def marked(text: str) -> list[tuple[bool, str]]:
    """A response in pieces: (whether it is a think or answer tag, text). Never markup: the template escapes them."""
    return [(bool(MARKS.fullmatch(piece)), piece) for piece in MARKS.split(clip(clean(text))) if piece]


def listed(words: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    items = list(words)
    return " and ".join(filter(None, [", ".join(items[:-1]), *items[-1:]]))


def seed_order(seed: str) -> tuple[int, str]:
    """Sorts the names of seeds by number: 2 before 10."""
    return len(seed), seed
