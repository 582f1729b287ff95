"""Figures for a paper: accuracy of each arm and task, and the course of training, as SVG and PDF.

The same results give the same bytes: no date is written, and names in the files come from their content.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from visualzero.frames import Results
from visualzero.manifest import atomic
from visualzero.progress import say

WIDTH = 5.5  # inches: a column of text on A4 or letter paper
STYLE: Any = {
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.fonttype": "none",  # text stays text
    "pdf.fonttype": 42,  # whole fonts, which publishers ask for
    "svg.hashsalt": "visualzero",
}
KINDS = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
COURSES = {"reward": "reward", "completion_length": "tokens a completion", "loss": "loss of SFT"}
DOT: Any = {"marker": "o", "color": "C0", "markersize": 2.5}
SMOOTH = 0.05  # part of the steps that a running mean is of


def export_figures(results: Results, out: Path) -> None:
    """Write `<out>/<figure>.{svg,pdf}`: `accuracy-<benchmark>`, and `training` where histories are there.

    Raises:
        UserError: if the summary or a history can't be read.
    """
    with mpl.rc_context():
        mpl.rcdefaults()  # whatever this machine's own style is
        mpl.rcParams.update(STYLE)
        for name, figure in _figures(results):
            for kind, metadata in KINDS.items():
                file = out / f"{name}.{kind}"
                with atomic(file) as temporary:
                    figure.savefig(temporary, format=kind, metadata=metadata, bbox_inches="tight")
                say(str(file))


def _figures(results: Results) -> Iterator[tuple[str, Figure]]:
    for benchmark in results.benchmarks:
        scores = results.scores[results.scores["benchmark"] == benchmark]
        chance = results.summary["baselines"][benchmark]["chance"]
        yield f"accuracy-{benchmark}", accuracy(scores, {"accuracy": chance["micro"], **chance["tasks"]})
    drawn = {column: runs for column in COURSES if len(runs := _runs_with(column, results.history))}
    if drawn:
        yield "training", training(drawn)


def _runs_with(column: str, history: pd.DataFrame) -> pd.DataFrame:
    """The rows that have a quantity; GRPO's loss says nothing, so it is left out."""
    if column not in history:
        return history.iloc[:0]
    known = history[column].notna()
    return history[known & history["reward"].isna() if column == "loss" and "reward" in history else known]


def accuracy(scores: pd.DataFrame, chance: dict[str, float]) -> Figure:
    """A panel for all questions, with 95 % intervals, and one for each task: a row an arm, a dot a seed."""
    tasks = [name for name in scores if str(name).startswith("task_") and scores[name].notna().any()]
    titles = list(dict.fromkeys(scores["title"]))
    figure = Figure(figsize=(WIDTH, 0.6 + 0.22 * len(titles)))
    widths = [3, *[1] * len(tasks)]
    panels = figure.subplots(1, len(widths), sharey=True, gridspec_kw={"width_ratios": widths}, squeeze=False)[0]
    rows = scores["title"].map({title: -row for row, title in enumerate(titles)})
    for panel, column in zip(panels, ["accuracy", *tasks], strict=True):
        name = column.removeprefix("task_")
        if column == "accuracy":
            reach = [100 * (scores["accuracy"] - scores["low"]), 100 * (scores["high"] - scores["accuracy"])]
            panel.errorbar(100 * scores[column], rows, xerr=reach, **DOT, linestyle="", linewidth=1, capsize=2)
        else:
            panel.plot(100 * scores[column], rows, **DOT, linestyle="")
        if chance.get(name) is not None:
            panel.axvline(100 * chance[name], color="0.6", linewidth=0.8, linestyle="--")
        panel.set_title("all questions" if column == "accuracy" else name, fontsize=8)
        panel.set_xlim(0, 100)
        panel.set_xticks([0, 50, 100])
    panels[0].set_yticks([-row for row in range(len(titles))], titles)
    figure.supxlabel("accuracy in percent; dashed: chance", fontsize=8)
    figure.tight_layout()
    return figure


def training(drawn: dict[str, pd.DataFrame]) -> Figure:
    """A panel for each quantity over the steps: running means, a color for each arm and a line for each seed."""
    figure = Figure(figsize=(WIDTH, 1.9))
    panels = figure.subplots(1, len(drawn), squeeze=False)[0]
    arms = dict.fromkeys(arm for history in drawn.values() for arm in history["arm"])
    colors = {arm: f"C{number % 10}" for number, arm in enumerate(arms)}
    for panel, (column, history) in zip(panels, drawn.items(), strict=True):
        for (arm, _), run in history.groupby(["arm", "seed"], sort=False):
            window = max(5, round(SMOOTH * len(run)))
            means = run[column].rolling(window, center=True, min_periods=1).mean()
            panel.plot(run["step"], means, linewidth=1, color=colors[arm])
        panel.set_title(COURSES[column], fontsize=8)
        panel.set_xlabel("step")
    handles = [Line2D([], [], color=color, linewidth=1, label=arm) for arm, color in colors.items()]
    figure.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, frameon=False)
    figure.tight_layout()
    return figure
