"""The course of training of every trained arm: one panel for each quantity of its history, with all seeds.

Where runs keep checkpoints, their answers to the first benchmark come first: the paper's Figure 1.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from visualzero.evaluation.reasoning.rollout_reflection import reflection_by_step
from visualzero.report.figures import Floats, Panel, panel
from visualzero.report.inputs import Seed, check_numbers, read_curve, read_parquet
from visualzero.report.tables import Arm
from visualzero.wording import clean

NO_TERM = {"reward_std"}
AFTER_REWARD = {
    "completion_length": "Completion length, tokens",
    "reflection": "Share of rollouts with self-reflection",
    "kl": "KL to the reference model",
    "entropy": "Entropy, nats per token",
    "perception": "KL to the policy shown a masked image",
    "clipped_ratio": "Share cut at the token limit",
    "frac_zero_std": "Share of groups without spread",
    "loss": "Loss",
}
OF_CHECKPOINTS = {
    "accuracy": "Checkpoints: accuracy on",
    "tokens": "Checkpoints: tokens per response on",
    "reflection": "Checkpoints: share of responses with self-reflection on",
}
SHARES = {"clipped_ratio", "frac_zero_std", "reflection"}


@dataclass(frozen=True)
class Course:
    """Panels of an arm by the column they show; `absent` are seeds without a history."""

    arm: Arm
    panels: dict[str, Panel]
    absent: list[str]
    steps: int


def courses(arms: Iterable[Arm], runs: Mapping[tuple[str, Seed], Path], curve: Path | None = None) -> list[Course]:
    """One course for each arm that is trained; UserError if a history or `curve` can't be read."""
    checkpoints = read_curve(curve)
    return [_course(arm, runs, [row for row in checkpoints if row["arm"] == arm.name]) for arm in arms if arm.trained]


def _course(arm: Arm, runs: Mapping[tuple[str, Seed], Path], checkpoints: list[dict[str, str]]) -> Course:
    folders = {str(seed): folder for (name, seed), folder in runs.items() if name == arm.name}
    histories: dict[str, dict[str, Floats]] = {}
    absent = []
    for seed in arm.seeds:
        folder = folders.get(seed)
        path = folder / "history.parquet" if folder else None
        table = read_parquet(path, need=["step"])
        if path is None or table is None or table.num_rows == 0:
            absent.append(seed)
        else:
            check_numbers(path, table, ["step"])
            histories[seed] = _numbers(table)
            histories[seed] |= _reflection(path.with_name("rollouts.parquet"), histories[seed]["step"])
    columns = list(dict.fromkeys(column for history in histories.values() for column in history))
    panels = _checkpoints(checkpoints)
    for column, title in _titles(columns).items():
        curves = {seed: (one["step"], one[column]) for seed, one in histories.items() if column in one}
        drawn = panel(title, curves, share=column in SHARES or column.startswith("reward_"))
        if drawn:
            panels[column] = drawn
    steps = max((int(np.nanmax(history["step"])) for history in histories.values()), default=0)
    return Course(arm, panels, absent, steps)


def _checkpoints(rows: list[dict[str, str]]) -> dict[str, Panel]:
    """Panels of what the kept checkpoints of an arm answer."""
    seeds: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        seeds.setdefault(row["seed"], []).append(row)

    def numbers(mine: list[dict[str, str]], column: str) -> Floats:
        return np.array([float(row[column]) for row in sorted(mine, key=lambda row: int(row["step"]))])

    panels = {}
    for column, title in OF_CHECKPOINTS.items() if rows else ():
        drawn = {seed: (numbers(mine, "step"), numbers(mine, column)) for seed, mine in seeds.items()}
        made = panel(f"{title} {clean(rows[0]['benchmark'])}", drawn, share=column != "tokens", smooth=False)
        if made:
            panels[f"checkpoints_{column}"] = made
    return panels


def _numbers(table: pa.Table) -> dict[str, Floats]:
    """The numeric columns, in the order of the steps."""
    table = table.sort_by("step")
    kinds = (pa.types.is_floating, pa.types.is_integer, pa.types.is_boolean)
    columns = [name for name in table.column_names if any(kind(table.schema.field(name).type) for kind in kinds)]
    return {name: np.asarray(table[name].to_pandas(), dtype=np.float64) for name in columns}


def _reflection(rollouts: Path, steps: Floats) -> dict[str, Floats]:
    """The share of self-reflection in the rollouts of each step, where a run has rollouts."""
    table = read_parquet(rollouts, need=["step", "completion"], columns=["step", "completion"])
    if table is None:
        return {}
    shares = reflection_by_step(table.to_pandas())
    return {"reflection": np.array([shares.get(int(step), np.nan) for step in steps])}


def _titles(columns: list[str]) -> dict[str, str]:
    """Titles of the columns that are drawn: reward, its terms, then the rest."""
    terms = [column for column in columns if column.startswith("reward_") and column not in NO_TERM]
    titles = {"reward": "Reward", **{term: f"Reward term: {clean(term.removeprefix('reward_'))}" for term in terms}}
    return {column: title for column, title in {**titles, **AFTER_REWARD}.items() if column in columns}
