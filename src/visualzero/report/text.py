"""Texts, and numbers of axes and jobs, as the page shows them."""

import re

from visualzero.wording import MINUS, NONE, clean

NOT_RUN = "not run"
MARKS = re.compile(r"(</?(?:think|answer)>)")


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


def clip(text: str, head: int = 700, tail: int = 300) -> str:
    """`text`, or its head and tail and how much was left out between them."""
    left = len(text) - head - tail
    return text if left < 100 else f"{text[:head]} … {left} characters left out … {text[-tail:]}"


def marked(text: str, head: int = 700, tail: int = 300) -> list[tuple[bool, str]]:
    """A response in pieces: (whether it is a think or answer tag, text). Never markup: the template escapes them."""
    return [(bool(MARKS.fullmatch(piece)), piece) for piece in MARKS.split(clip(clean(text), head, tail)) if piece]


def seed_order(seed: str) -> tuple[int, str]:
    """Sorts the names of seeds by number: 2 before 10."""
    return len(seed), seed
