"""Geometry of the figures. The template draws it as SVG and escapes every text.

Positions along an axis are percentages of its length, so that a figure fills any width with text of one size. Curves
live in a box of `WIDTH` x `HEIGHT` units that the page stretches.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import numpy.typing as npt

from visualzero.evaluation.statistics.shares import t_quantile
from visualzero.report.summary import Interval, Summary
from visualzero.report.tables import Arm, cells
from visualzero.report.text import short
from visualzero.wording import exists

WIDTH, HEIGHT = 1000, 300
POINTS = 160  # a curve is drawn through at most about this many points
BINS = 28
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Tick:
    """A label of an axis at `at` percent."""

    at: float
    label: str


@dataclass(frozen=True)
class Mark:
    """A run in a forest figure: its score and interval on the axis, in percent of its length, and the score itself."""

    at: float
    low: float | None
    high: float | None
    label: str
    value: float


@dataclass(frozen=True)
class ForestRow:
    """An arm in a forest figure; without marks it was not run."""

    arm: Arm
    marks: list[Mark]
    at: float | None  # position of the mean over seeds
    mean: float


@dataclass(frozen=True)
class Forest:
    """Accuracy of every arm on one axis; `references` are vertical lines by name."""

    title: str
    rows: list[ForestRow]
    ticks: list[Tick]
    references: dict[str, float]


@dataclass(frozen=True)
class Line:
    """A seed's curve: the recorded values and their running mean as SVG points; `steps` and `course` are the latter."""

    seed: str
    dash: int
    raw: str
    mean: str
    first: float
    last: float
    steps: Floats
    course: Floats


@dataclass(frozen=True)
class Panel:
    """One quantity over the training steps, all seeds; `band` is where their mean lies, as SVG points, if known."""

    title: str
    first: float  # step at the left end, and at the right
    last: float
    lines: list[Line]
    band: str | None
    x: list[Tick]
    y: list[Tick]


@dataclass(frozen=True)
class Histogram:
    """Heights (percent of its own highest) of equal bins from 0 to `longest`; `median` and `p95` are positions."""

    heights: list[float]
    median: float
    p95: float
    longest: float
    ticks: list[Tick]


def nice_ticks(low: float, high: float, count: int = 4) -> list[float]:
    """About `count` round numbers within [low, high]; both ends must be finite."""
    if high <= low:
        return [low]
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 12) for i in range(first, math.floor(high / step + 1e-9) + 1)]


def forest(summary: Summary, arms: Sequence[Arm], benchmark: str, task: str | None = None) -> Forest:
    """Micro accuracy (or that of one `task`) of each arm with each seed's interval, and chance."""
    found: dict[str, list[tuple[str, float, Interval | None]]] = {}
    for arm in arms:
        for seed, cell in cells(summary, arm, benchmark).items():
            score = (cell.micro, cell.micro_interval) if task is None else None
            if task is not None and task in cell.tasks:
                score = (cell.tasks[task].accuracy, cell.tasks[task].interval)
            if score and exists(score[0]):
                bounds = score[1] if score[1] and all(map(exists, score[1])) else None
                found.setdefault(arm.name, []).append((seed, score[0], bounds))
    names = {"chance": "chance", "constant_letter": "best constant letter"} if task is None else {"chance": "chance"}
    references = {}
    for key, name in names.items():
        baseline = summary.baselines.get(benchmark, {}).get(key)
        value = None if baseline is None else baseline.micro if task is None else baseline.tasks.get(task)
        if value is not None and exists(value):
            references[name] = value
    ends = [end for runs in found.values() for _, value, bounds in runs for end in (value, *(bounds or ()))]
    ends += references.values()
    low = math.floor(10 * min(ends, default=0.0) + 1e-9) / 10 if task is None else 0.0
    high = max(math.ceil(10 * max(ends, default=1.0) - 1e-9) / 10 if task is None else 1.0, low + 0.1)

    def place(value: float) -> float:
        return round(100 * (value - low) / (high - low), 3)

    rows = []
    for arm in arms:
        runs = found.get(arm.name, [])
        marks = [
            Mark(
                place(value),
                place(bounds[0]) if bounds else None,
                place(bounds[1]) if bounds else None,
                f"{arm.title}{', seed ' + seed if seed else ''}",
                value,
            )
            for seed, value, bounds in runs
        ]
        mean = sum(value for _, value, _ in runs) / len(runs) if runs else math.nan
        rows.append(ForestRow(arm, marks, place(mean) if runs else None, mean))
    ticks = [Tick(place(at), f"{100 * at:.0f}") for at in nice_ticks(low, high, 5 if task is None else 2)]
    return Forest(task or benchmark, rows, ticks, {name: place(value) for name, value in references.items()})


def panel(
    title: str, curves: Mapping[str, tuple[Floats, Floats]], share: bool = False, smooth: bool = True
) -> Panel | None:
    """`curves[seed]` is (steps, values); None if no value is finite. A `share` has the axis 0 to 1."""
    kept = {}
    for seed, (steps, values) in curves.items():
        known = np.isfinite(steps) & np.isfinite(values)
        if known.any():
            kept[seed] = (steps[known], values[known])
    if not kept:
        return None
    low, high = _range([values for _, values in kept.values()], share)
    first = min(float(steps.min()) for steps, _ in kept.values())
    last = max(float(steps.max()) for steps, _ in kept.values())

    def points(steps: Floats, values: Floats) -> str:
        across = (steps - first) / (last - first or 1.0) * WIDTH
        down = HEIGHT - (values - low) / (high - low) * HEIGHT
        pairs = [f"{x:.0f},{y:.0f}" for x, y in zip(across, down, strict=True)]
        return " ".join(pairs if len(pairs) > 1 else pairs * 2)

    lines = []
    courses = {seed: running_mean(values) if smooth else values for seed, (_, values) in kept.items()}
    for order, (seed, (steps, values)) in enumerate(kept.items()):
        strong = courses[seed]
        pick = np.unique(np.linspace(0, len(steps) - 1, min(len(steps), POINTS)).round().astype(int))
        raw = points(*_envelope(steps, values))
        start, end = float(strong[0]), float(strong[-1])
        lines.append(Line(seed, order % 4, raw, points(steps[pick], strong[pick]), start, end, steps, strong))
    x = [Tick(100 * (at - first) / (last - first or 1.0), short(at)) for at in nice_ticks(first, last, 3)]
    y = [Tick(100 * (at - low) / (high - low), short(at)) for at in nice_ticks(low, high, 3)]
    band = mean_band([(steps, courses[seed]) for seed, (steps, _) in kept.items()])
    drawn = None
    if band:
        steps, *ends = band
        lower, upper = (np.clip(end, low, high) for end in ends)
        drawn = f"{points(steps, upper)} {points(steps[::-1], lower[::-1])}"
    return Panel(title, first, last, lines, drawn, x, y)


def mean_band(courses: Sequence[tuple[Floats, Floats]]) -> tuple[Floats, Floats, Floats] | None:
    """Steps that all `courses` (steps, values) have, and the 95 % interval of the mean over seeds at each.

    The interval is Student's t, so it takes the values of different seeds for independent and normal.

    None for fewer than three seeds, of which two degrees of freedom remain: an interval of two says nothing.
    """
    if len(courses) < 3:
        return None
    shared = reduce(np.intersect1d, [steps for steps, _ in courses])
    if len(shared) == 0:
        return None
    shared = shared[np.unique(np.linspace(0, len(shared) - 1, min(len(shared), POINTS)).round().astype(int))]
    values = np.stack([values[np.searchsorted(steps, shared)] for steps, values in courses])
    margin = t_quantile(len(courses) - 1) * values.std(axis=0, ddof=1) / math.sqrt(len(courses))
    return shared, values.mean(axis=0) - margin, values.mean(axis=0) + margin


def running_mean(values: Floats) -> Floats:
    """Mean over a centered window of a twentieth of the steps, at least five; the window is cut off at both ends."""
    half = max(2, len(values) // 40)
    total = np.concatenate([[0.0], np.cumsum(values)])
    at = np.arange(len(values))
    low, high = np.maximum(at - half, 0), np.minimum(at + half + 1, len(values))
    mean: Floats = (total[high] - total[low]) / (high - low)
    return mean


def histogram(tokens: Sequence[float], longest: float) -> Histogram:
    """The distribution of response lengths over [0, longest]."""
    values = np.asarray(tokens, dtype=np.float64)
    longest = max(longest, 1.0)
    counts, _ = np.histogram(values, bins=BINS, range=(0, longest))
    heights = [round(float(count), 2) for count in 100 * counts / max(counts.max(), 1)]
    median, p95 = (100 * float(np.quantile(values, q)) / longest for q in (0.5, 0.95))
    ticks = [Tick(100 * at / longest, short(at)) for at in nice_ticks(0, longest, 3)]
    return Histogram(heights, median, p95, longest, ticks)


def _range(curves: list[Floats], share: bool) -> tuple[float, float]:
    low, high = (float(f([f(values) for values in curves])) for f in (np.min, np.max))
    if share and low >= 0 and high <= 1:
        return 0.0, 1.0
    low = min(low, 0.0) if low > 0 else low
    if high <= low:
        return low, low + 1.0
    return low, high


def _envelope(steps: Floats, values: Floats) -> tuple[Floats, Floats]:
    """The lowest and highest value of each of `POINTS` / 2 stretches of a long curve, so that no spike is lost."""
    if len(steps) <= 2 * POINTS:
        return steps, values
    keep: list[int] = []
    for part in np.array_split(np.arange(len(values)), POINTS // 2):
        keep += sorted({int(part[np.argmin(values[part])]), int(part[np.argmax(values[part])])})
    return steps[keep], values[keep]
