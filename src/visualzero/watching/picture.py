"""What is watched, as text: a line for each run, then what GRPO has sampled last."""

import textwrap
from collections.abc import Mapping, Sequence
from itertools import pairwise

from visualzero.progress import duration
from visualzero.watching.rollouts import Rollout
from visualzero.watching.runs import FINISHED, RECENT, TRAINING, WatchedRun
from visualzero.wording import clean, number

BAR, COURSE = 10, 16  # characters
TEXT = 3  # lines of a completion
BLOCKS = "▁▂▃▄▅▆▇█"
NUMBERS = {"reward": ("reward", 2), "length": ("completion_length", 0), "loss": ("loss", 3), "s/step": ("seconds", 2)}


def picture(scale: str, runs: Sequence[WatchedRun], rollouts: Mapping[str, Sequence[Rollout]], width: int) -> str:
    """Every run, and of each run in `rollouts` the best and the worst completion; no line is wider than `width`."""
    if not runs:
        return f"{scale}: no arm of the study is trained"
    lines = [headline(scale, runs), "", *_columns([_HEAD, *map(_cells, runs)])]
    for run in runs:
        found = rollouts.get(run.name, ())
        for one in (found[0], found[-1]) if len(found) > 1 else found:
            lines += ["", *_rollout(run.name, one, width)]
    return "\n".join(_plain(line)[:width].rstrip() for line in lines)


def headline(scale: str, runs: Sequence[WatchedRun]) -> str:
    """How many runs are finished and how many are training."""
    finished, training = (sum(run.state == state for run in runs) for state in (FINISHED, TRAINING))
    return f"{scale}: {finished} of {len(runs)} runs finished, {training} training (means of the last {RECENT} steps)"


def line(run: WatchedRun) -> str:
    """A run in one line of words, for a log."""
    if run.state != TRAINING:
        return _plain(f"{run.name}: {_state(run)}")
    known = {name: run.recent(column) for name, (column, _) in NUMBERS.items()}
    said = [f"{name} {number(value, NUMBERS[name][1])}" for name, value in known.items() if value is not None]
    left = [] if run.left is None else [f"{duration(run.left)} left"]
    return _plain(", ".join([f"{run.name}: step {run.step}/{run.steps}", *said, *left, *filter(None, [run.note])]))


def course(values: Sequence[float]) -> str:
    """How a quantity has gone, from its lowest to its highest, in at most COURSE characters."""
    count = min(COURSE, len(values))
    bounds = [len(values) * i // count for i in range(count + 1)] if count else []
    means = [sum(values[a:b]) / (b - a) for a, b in pairwise(bounds)]
    low, high = min(means, default=0.0), max(means, default=0.0)
    if high <= low:
        return BLOCKS[0] * len(means)
    return "".join(BLOCKS[round((len(BLOCKS) - 1) * (mean - low) / (high - low))] for mean in means)


_HEAD = ["run", "step", "", "left", *NUMBERS, "course", "state"]


def _cells(run: WatchedRun) -> list[str]:
    done = round(BAR * run.step / run.steps) if run.steps else 0
    left = "" if run.left is None else duration(run.left)
    values = [number(run.recent(column), digits) if run.rows else "" for column, digits in NUMBERS.values()]
    drawn = "reward" if run.recent("reward") is not None else "loss"
    went = [row[drawn] for row in run.rows if row.get(drawn) is not None]
    bar = "#" * done + "." * (BAR - done)
    return [run.name, f"{run.step}/{run.steps}", bar, left, *values, course(went), _state(run)]


def _state(run: WatchedRun) -> str:
    return f"{run.state}, {run.note}" if run.note else run.state


def _plain(text: str) -> str:
    """A line without anything that steers a terminal, or turns the order of what stands around it."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in clean(text))


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as aligned lines, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    right = {1, *range(3, 4 + len(NUMBERS))}
    return [
        "  ".join(
            text.rjust(width) if at in right else text.ljust(width)
            for at, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]


def _rollout(run: str, one: Rollout, width: int) -> list[str]:
    terms = "  ".join(f"{term} {value:g}" for term, value in one.terms.items())
    words = " ".join(one.text.split())
    shown = textwrap.wrap(words, max(20, width - 4), max_lines=TEXT, placeholder=" ...")
    head = f"{run}, step {one.step}: {one.id}  {terms}  advantage {number(one.advantage, 2)}"
    return [head, *(f"  | {text}" for text in shown)]
