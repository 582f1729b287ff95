"""Planned comparisons in words: who is ahead, by how much, and whether the data can tell."""

from visualzero.report.inputs import Comparison
from visualzero.report.text import MINUS, NONE, interval, percent

LEVEL = 0.05


def winner(comparison: Comparison) -> int:
    """1 if `a` is ahead, -1 if `b` is, 0 unless both the interval and the test tell them apart (5 % level)."""
    low, high = comparison.interval or (0.0, 0.0)
    if low <= 0 <= high or comparison.p_value is None or not comparison.p_value < LEVEL:
        return 0
    return 1 if comparison.difference > 0 else -1


def sentence(comparison: Comparison) -> str:
    """What a comparison says, in words and numbers."""
    a, b, sign = comparison.a, comparison.b, winner(comparison)
    seed = f"seed {comparison.seed}, " if comparison.seed else ""
    where = f"{seed}n={comparison.n}" if comparison.n is not None else seed.rstrip(", ")
    low, high = comparison.interval or (float("nan"), float("nan"))
    if sign == 0:
        points = signed(comparison.difference)
        return f"{a} and {b} are not distinguishable: {points} points {interval((low, high))}, {where}"
    ahead, behind = (a, b) if sign > 0 else (b, a)
    bounds = interval((low, high) if sign > 0 else (-high, -low))
    return f"{ahead} is ahead of {behind} by {percent(abs(comparison.difference))} points {bounds}, {where}"


def signed(share: float) -> str:
    """A difference of shares in points, with its sign."""
    text = percent(share)
    return text if text.startswith((MINUS, NONE)) or float(text) == 0 else f"+{text}"
