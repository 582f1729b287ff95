"""The page's section on sampled answers: curves of pass@k and majority@k, their table, and what only one arm can do."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from visualzero.report.causes_summary import Interval, SampledArm, SampledComparison, SampledCurves, Sampling
from visualzero.report.figures import HEIGHT, WIDTH, Tick
from visualzero.report.summary import Summary
from visualzero.report.tables import Arm
from visualzero.wording import NONE, percent

MOST = 64  # points of a curve
LABELS = 8  # of an axis


@dataclass(frozen=True)
class Curve:
    """An arm's line and the band of its interval, as SVG points; `text` says where it begins and ends."""

    arm: Arm
    line: str
    band: str
    text: str


@dataclass(frozen=True)
class Chart:
    """One kind of curve of all arms against the number of samples, on a scale of powers of two."""

    title: str
    curves: list[Curve]
    guessing: str | None
    x: list[Tick]
    y: list[Tick]


@dataclass(frozen=True)
class ArmRow:
    """An arm in the table: its curves at the columns' numbers of samples. `seeds` says what they are of."""

    arm: Arm
    seeds: str
    error: float | None
    question_error: float | None
    read: float | None
    passed: list[tuple[float, Interval | None]]
    majority: float | None
    reflecting: float | None
    reflecting_interval: Interval | None
    scorers: list[tuple[float | None, float | None, float | None]]


@dataclass(frozen=True)
class PairRow:
    """A planned pair in the table."""

    a: str
    b: str
    crossing: str
    found: SampledComparison


@dataclass(frozen=True)
class SampledView:
    """All of it. `columns` are numbers of samples; `absent` are arms that were not sampled."""

    facts: Sampling
    claim: str
    charts: list[Chart]
    columns: list[int]
    rows: list[ArmRow]
    scorers: list[str]
    pairs: list[PairRow]
    absent: list[Arm]


def sampled_view(summary: Summary, arms: Sequence[Arm]) -> SampledView | None:
    """The section, arms in their order; None where nothing was sampled."""
    facts = summary.causes.sampling
    if facts is None:
        return None
    drawn = [(arm, facts.arms[arm.name]) for arm in arms if arm.name in facts.arms and facts.arms[arm.name].seeds]
    curves = [(arm, _curves(found)) for arm, found in drawn]
    columns = _columns(facts.samples)
    titles = {arm.name: arm.title for arm in arms}
    scorers = list(dict.fromkeys(name for _, found in drawn for name in found.scorers))
    return SampledView(
        facts=facts,
        claim=facts.comparisons[0].claim if facts.comparisons else "",
        charts=[
            _chart("Pass@k: share of questions with a right answer among k", facts, curves, "passed", facts.guessing),
            _chart("Majority@k: share of questions whose most frequent answer is right", facts, curves, "majority"),
        ],
        columns=columns,
        rows=[_row(arm, found, columns, scorers) for arm, found in drawn],
        scorers=scorers,
        pairs=[
            PairRow(titles.get(one.a, one.a), titles.get(one.b, one.b), _crossing(one, facts.samples), one)
            for one in facts.comparisons
        ],
        absent=[arm for arm in arms if arm.name not in {arm.name for arm, _ in drawn}],
    )


def _curves(found: SampledArm) -> SampledCurves:
    """The means over seeds, or the curves of the one run."""
    return found.over_seeds or next(iter(found.seeds.values()))


def _columns(samples: int) -> list[int]:
    """Powers of two up to the number of samples, and that."""
    return sorted({*(1 << power for power in range(samples.bit_length())), samples})


def _chart(
    title: str,
    facts: Sampling,
    curves: Iterable[tuple[Arm, SampledCurves]],
    kind: str,
    guessing: Sequence[float] = (),
) -> Chart:
    drawn = []
    for arm, found in curves:
        values: list[float] = getattr(found, kind)
        bounds: list[Interval] = getattr(found, f"{kind}_intervals")
        if not values:
            continue
        upper, lower = ([bound[side] for bound in bounds] for side in (1, 0))
        band = f"{_points(upper)} {' '.join(reversed(_points(lower).split()))}" if bounds else ""
        text = f"{arm.title}: {percent(values[0])} % with one sample, {percent(values[-1])} % with {len(values)}"
        drawn.append(Curve(arm, _points(values), band, text))
    columns = _columns(facts.samples)
    labelled = columns[:: math.ceil(len(columns) / LABELS)]
    x = [Tick(100 * _across(k, facts.samples), str(k)) for k in labelled]
    y = [Tick(100 * share, f"{100 * share:.0f}") for share in (0.0, 0.25, 0.5, 0.75, 1.0)]
    return Chart(title, drawn, _points(guessing) if guessing else None, x, y)


def _points(values: Sequence[float]) -> str:
    """A curve over k = 1, 2, ... as SVG points, at most about MOST of them."""
    n = len(values)
    places = range(1, n + 1) if n <= MOST else sorted({round(n ** (i / MOST)) for i in range(MOST + 1)})
    return " ".join(f"{WIDTH * _across(k, n):.0f},{HEIGHT * (1 - values[k - 1]):.1f}" for k in places)


def _across(k: int, most: int) -> float:
    """Where a number of samples stands on an axis of powers of two, from 0 to 1."""
    return math.log(k) / math.log(most) if most > 1 else 0.0


def _row(arm: Arm, found: SampledArm, columns: Sequence[int], scorers: Iterable[str]) -> ArmRow:
    curves, several = _curves(found), found.over_seeds is not None
    first = next(iter(found.seeds.values()))
    bounds = curves.passed_intervals
    names = [name for name in found.seeds if name.isdecimal()]
    reads = [run.read for run in found.seeds.values() if run.read is not None]
    reflects = [run.reflecting for run in found.seeds.values() if run.reflecting is not None]
    under = (found.scorers.get(name) for name in scorers)
    last = str(len(curves.passed))
    return ArmRow(
        arm=arm,
        seeds=f"mean of {len(names)}" if several else (names[0] if names else NONE),
        error=None if several else first.error,
        question_error=None if several else first.question_error,
        read=sum(reads) / len(reads) if reads else None,
        passed=[(curves.passed[k - 1], bounds[k - 1] if bounds else None) for k in columns],
        majority=curves.majority[-1] if curves.majority else None,
        reflecting=sum(reflects) / len(reflects) if reflects else None,
        reflecting_interval=None if several else first.reflecting_interval,
        scorers=[(one.passed.get("1"), one.passed.get(last), one.read) if one else (None, None, None) for one in under],
    )


def _crossing(one: SampledComparison, samples: int) -> str:
    """At how many samples the curves cross, and its interval, in words."""
    turn = one.crossing
    if turn is None:
        return NONE
    beyond = f"> {samples}"
    bounds = f"[{turn.low or beyond}, {turn.high or beyond}]"
    return f"{turn.k or beyond} {bounds}"
