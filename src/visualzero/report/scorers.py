"""What every scorer makes of the study: accuracy of each arm, and each planned difference with its sign."""

import csv
import html
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from visualzero.report.summary import Comparison, Gain, SeedsComparison, Standing, Summary, UnderScorer
from visualzero.report.tables import Arm
from visualzero.wording import NONE, clean, interval, percent, signed

PARTS = ("form", "form_low", "form_high", "capability", "capability_low", "capability_high")
SIGNS = {1: "ahead", -1: "behind", 0: "undecided"}


@dataclass(frozen=True)
class Difference:
    """A planned difference under every scorer; `over` says which seeds it is of."""

    a: str
    b: str
    over: str
    found: dict[str, Standing]
    words: str
    changes_sign: bool


@dataclass(frozen=True)
class UnderScorers:
    """Both tables of one benchmark; `scorers` are the columns."""

    benchmark: str
    scorers: list[str]
    arms: list[tuple[Arm, dict[str, UnderScorer]]]
    differences: list[Difference]


def under_scorers(summary: Summary, arms: Iterable[Arm], benchmark: str) -> UnderScorers:
    """The tables of one benchmark: differences over the seeds where there are several, else of the one seed."""
    known = summary.accuracies.get(benchmark, {})
    rows = [(arm, known[arm.name]) for arm in arms if known.get(arm.name)]
    several = summary.comparisons_over_seeds.get(benchmark, [])
    titles = {arm.name: arm.title for arm in arms}
    differences = [
        _difference(entry, titles)
        for entry in first_seeds(summary.comparisons.get(benchmark, []), several)
        if entry.scorers
    ]
    names = dict.fromkeys(name for _, found in rows for name in found)
    names |= dict.fromkeys(name for difference in differences for name in difference.found)
    return UnderScorers(benchmark, list(names), rows, differences)


def markdown_text(tables: Iterable[UnderScorers], note: str, scorer: str) -> str:
    """The tables in Markdown, in percent and points; a difference that can't be told from 0 is in parentheses."""
    lines = [f"> {note}", ""]
    for table in tables:
        if not table.scorers:
            continue
        names = [f"{name} (the study's)" if name == scorer else name for name in table.scorers]
        lines += [f"## {_plain(table.benchmark)}", "", "Accuracy in percent with its 95 % interval, and the share of"]
        lines += ["answers that the scorer reads.", "", _line(["Arm", *names]), _rule(len(names))]
        for arm, found in table.arms:
            cells = [_accuracy(found.get(name)) for name in table.scorers]
            lines.append(_line([arm.title, *cells]))
        lines += ["", "Planned differences in points, in parentheses where the sign can't be told; then what of it"]
        lines += ["is form (how often answers are read) and what capability (how often read answers are right).", ""]
        lines += [_line(["First minus second", "Seeds", *names]), _rule(len(names) + 1)]
        for one in table.differences:
            cells = [_standing(one.found.get(name)) for name in table.scorers]
            lines.append(_line([f"{one.a} minus {one.b}", one.over, *cells]))
        lines += ["", *(f"- {_plain(one.words)}" for one in table.differences), ""]
    return "\n".join(lines)


def csv_text(tables: Iterable[UnderScorers]) -> str:
    """The tables as one CSV, a line for each scorer: shares from 0 to 1, `sign` ahead, behind or undecided."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    head = ["benchmark", "kind", "a", "b", "seeds", "scorer", "value", "low", "high", "sign", "parse_rate_a"]
    writer.writerow([*head, "parse_rate_b", *PARTS])
    for table in tables:
        for arm, found in table.arms:
            for name, one in found.items():
                bounds: Any = one.interval or ("", "")
                seeds = " ".join(one.seeds) if arm.trained else ""
                row = [table.benchmark, "arm", arm.title, "", seeds, name, one.accuracy, *bounds, "", one.parse_rate]
                writer.writerow([*row, "", *("" for _ in PARTS)])
        for pair in table.differences:
            for name, its in pair.found.items():
                bounds = its.interval or ("", "")
                row = [table.benchmark, "difference", pair.a, pair.b, pair.over, name, its.difference, *bounds]
                writer.writerow([*row, SIGNS[its.sign], its.parse_rate_a, its.parse_rate_b, *_parts(its)])
    return out.getvalue()


def first_seeds(each: Sequence[Comparison], several: Sequence[SeedsComparison]) -> list[Comparison | SeedsComparison]:
    """Of each pair, in their order, the comparison over its seeds, or the one under its first seed."""
    over = {(entry.a, entry.b): entry for entry in several}
    firsts: dict[tuple[str, str], Comparison | SeedsComparison] = {}
    for entry in each:
        firsts.setdefault((entry.a, entry.b), over.pop((entry.a, entry.b), entry))
    return [*over.values(), *firsts.values()]


def _difference(entry: Comparison | SeedsComparison, titles: dict[str, str]) -> Difference:
    over = f"mean of {len(entry.seeds)}" if isinstance(entry, SeedsComparison) else entry.seed or ""
    a, b = (titles.get(name, clean(name)) for name in (entry.a, entry.b))
    return Difference(a, b, over, entry.scorers, clean(entry.scorers_claim), entry.changes_sign)


def _accuracy(one: UnderScorer | None) -> str:
    if one is None:
        return NONE
    return f"{percent(one.accuracy)} {interval(one.interval)}, reads {percent(one.parse_rate)}"


def _standing(one: Standing | None) -> str:
    if one is None:
        return NONE
    value = f"{signed(one.difference)} {interval(one.interval)}".strip()
    value = value if one.sign else f"({value})"
    gain = one.gain
    if gain is None or gain.format is None or gain.capability is None:
        return value
    return f"{value}; {signed(gain.format)}, {signed(gain.capability)} {interval(gain.capability_interval)}".strip()


def _parts(one: Standing) -> list[Any]:
    """A difference's parts with their bounds, as `PARTS` names them; empty where it can't be split."""
    gain = one.gain or Gain()
    found = ((gain.format, gain.format_interval), (gain.capability, gain.capability_interval))
    return ["" if one is None else one for part, bounds in found for one in (part, *(bounds or (None, None)))]


def _rule(columns: int) -> str:
    return _line(["---", *["---:"] * columns])


def _line(values: Iterable[str]) -> str:
    return "| " + " | ".join(_plain(value) for value in values) + " |"


def _plain(text: str) -> str:
    return html.escape(" ".join(text.split()), quote=False).replace("|", "\\|")
