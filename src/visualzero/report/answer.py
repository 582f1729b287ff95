"""The answer in a few sentences, made from the numbers: what was run, what came out, what holds, what can't be told.

It is about the primary benchmark and begins with the first planned comparison, the one that the study is about.
"""

from collections.abc import Iterator, Sequence
from statistics import fmean

from visualzero import wording
from visualzero.report.marks import Formats
from visualzero.report.scorers import first_seeds
from visualzero.report.summary import Comparison, SeedsComparison, Summary
from visualzero.report.tables import Arm, cells
from visualzero.wording import clean, listed

Compared = Comparison | SeedsComparison


def answer(summary: Summary, arms: Sequence[Arm], benchmarks: Sequence[str], show: Formats = wording) -> list[str]:
    """A few sentences, with numbers as `show` has them; none before anything was evaluated."""
    if not benchmarks or not any(cells(summary, arm, benchmarks[0]) for arm in arms):
        return []
    first = benchmarks[0]
    several = summary.comparisons_over_seeds.get(first, [])
    compared = first_seeds(summary.comparisons.get(first, []), several)
    titles = {arm.name: arm.title for arm in arms}
    sentences = [_run(summary, arms, benchmarks, show)]
    if compared:
        sentences += [*_headline(compared[0], summary, arms, first, show), *_others(compared[1:], titles, show)]
        sentences += [*_carried(compared[0], summary, benchmarks, show), *_scorers(compared, titles)]
    return [*sentences, _untold(bool(several), arms, summary, first)]


def _run(summary: Summary, arms: Sequence[Arm], benchmarks: Sequence[str], show: Formats) -> str:
    """How many arms answered what, and what guessing scores."""
    ran = [arm for arm in arms if cells(summary, arm, benchmarks[0])]
    trained = [arm for arm in ran if arm.trained]
    seeds = max((len(cells(summary, arm, benchmarks[0])) for arm in trained), default=0)
    n = next((cell.n for arm in ran for cell in cells(summary, arm, benchmarks[0]).values() if cell.n), None)
    who = f"{len(ran)} arm{'s' * (len(ran) != 1)}"
    if trained:
        who += f", {len(trained)} of them trained {'once' if seeds == 1 else f'under {seeds} seeds'},"
    asked = f"the same {n} questions of {clean(benchmarks[0])}" if n else f"the questions of {clean(benchmarks[0])}"
    also = f", and those of {listed(map(clean, benchmarks[1:]))}" if len(benchmarks) > 1 else ""
    chance = summary.baselines.get(benchmarks[0], {}).get("chance")
    guessing = chance.micro if chance else None
    would = "" if guessing is None else f"; guessing would get {show.percent(guessing)} % right"
    return f"{who} answered {asked}{also}{would}."


def _headline(one: Compared, summary: Summary, arms: Sequence[Arm], benchmark: str, show: Formats) -> Iterator[str]:
    """Both accuracies of the first planned comparison and its difference; then what the difference is made of."""
    known = {arm.name: arm for arm in arms}
    sides = []
    for name in (one.a, one.b):
        found = cells(summary, known[name], benchmark) if name in known else {}
        share = f"{show.percent(fmean(cell.micro for cell in found.values()))} %" if found else "an unknown share"
        sides.append(f"{known[name].title if name in known else clean(name)}: {share}")
    yield f"{sides[0]} right, {sides[1]}; the first is {_standing(one, show)}."
    gain = one.gain
    if gain and gain.format is not None and gain.capability is not None:
        form = f"{show.signed(gain.format)} points {show.interval(gain.format_interval)}".strip()
        capability = f"{show.signed(gain.capability)} {show.interval(gain.capability_interval)}".strip()
        yield (
            f"Of this difference {form} are form, how often an answer can be read at all, and {capability} are"
            " capability, how often a readable answer is right."
        )


def _standing(one: Compared, show: Formats) -> str:
    bounds = show.interval(one.interval)
    if one.ahead is None:
        return f"{show.signed(one.difference)} points apart {bounds}, which can't be told from none"
    word = "ahead" if one.ahead == one.a else "behind"
    low_high = one.interval if one.difference >= 0 or not one.interval else (-one.interval[1], -one.interval[0])
    return f"{show.percent(abs(one.difference))} points {word} {show.interval(low_high)}"


def _others(compared: Sequence[Compared], titles: dict[str, str], show: Formats) -> Iterator[str]:
    """The other planned comparisons: those with a winner, and how many have none."""
    if not compared:
        return
    told = [one for one in compared if one.ahead is not None]
    open_ = len(compared) - len(told)
    won = [
        f"{titles.get(winner, clean(winner))} is ahead of {titles.get(loser, clean(loser))}"
        f" by {show.percent(abs(one.difference))}"
        for one in told
        for winner, loser in [(one.a, one.b) if one.ahead == one.a else (one.b, one.a)]
    ]
    rest = f"{open_} of the {len(compared)} other planned comparisons can't be told" if open_ else ""
    yield f"{'; '.join(filter(None, [*won, rest]))}."


def _carried(one: Compared, summary: Summary, benchmarks: Sequence[str], show: Formats) -> Iterator[str]:
    """Whether the first difference is the same on the other benchmarks."""
    for name in benchmarks[1:]:
        for found in summary.transfers.get(name, []):
            if (found.a, found.b) == (one.a, one.b):
                points = f"{show.signed(found.difference)} points {show.interval(found.interval)}"
                end = "" if found.told_apart else ", which can't be told from none"
                yield f"On {clean(name)} the first difference changes by {points}{end}."


def _scorers(compared: Sequence[Compared], titles: dict[str, str]) -> Iterator[str]:
    """Which differences turn round where answers are read in another way."""
    names = {name for one in compared for name in one.scorers}
    if len(names) < 2:
        return
    turned = [one for one in compared if one.changes_sign]
    if not turned:
        yield f"None of these differences turns round under any of {len(names)} ways of reading the same responses."
        return
    which = [f"{titles.get(one.a, clean(one.a))} minus {titles.get(one.b, clean(one.b))}" for one in turned]
    turn = f"turn{'s' * (len(turned) == 1)} round where the same responses are read in another way"
    yield f"{len(turned)} of the {len(compared)} differences {turn} ({'; '.join(which)})."


def _untold(several: bool, arms: Sequence[Arm], summary: Summary, benchmark: str) -> str:
    """What the intervals leave out, and what wasn't run."""
    missing = [arm.title for arm in arms if not cells(summary, arm, benchmark)]
    trained = any(arm.trained for arm in arms)
    if several:
        said = "Intervals take questions and trainings as drawn at random; of other models and data they say nothing"
    elif trained:
        said = "Arms were trained once: intervals are about other questions, not about what another seed would train"
    else:
        said = "Nothing was trained"
    return f"{said}{f'; not run: {listed(missing)}' if missing else ''}."
