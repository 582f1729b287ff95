"""How long the responses of each arm are, in tokens."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from visualzero.errors import UserError
from visualzero.report.figures import Histogram, histogram
from visualzero.report.inputs import ReportInputs, read_lines
from visualzero.report.summary import Cell, Summary
from visualzero.report.tables import Arm, cells, mean_cell


@dataclass(frozen=True)
class Length:
    """An arm's response lengths over all its seeds; `histogram` is None without rows, `cell` without a summary."""

    arm: Arm
    cell: Cell | None
    histogram: Histogram | None


def lengths(inputs: ReportInputs, summary: Summary, arms: Sequence[Arm], benchmark: str) -> list[Length]:
    """One entry for each arm, all histograms on one axis."""
    tokens = {arm.name: _tokens(inputs, arm, benchmark) for arm in arms}
    longest = max((max(values) for values in tokens.values() if values), default=0.0)
    found = []
    for arm in arms:
        ran = list(cells(summary, arm, benchmark).values())
        drawn = histogram(tokens[arm.name], longest) if tokens[arm.name] else None
        found.append(Length(arm, mean_cell(ran) if ran else None, drawn))
    return found


def _tokens(inputs: ReportInputs, arm: Arm, benchmark: str) -> list[float]:
    """Lengths over all seeds, from the scores or else from the predictions."""
    values: list[float] = []
    for key in dict.fromkeys([*inputs.scores, *inputs.predictions]):
        if (key[0], key[2]) != (arm.name, benchmark):
            continue
        paths = [path for path in (inputs.scores.get(key), inputs.predictions.get(key)) if path and path.is_file()]
        rows = read_lines(paths[0], ["n_tokens"]) if paths else None
        values += [_number(row["n_tokens"], paths[0]) for row in rows or []]
    return values


def _number(value: Any, path: Any) -> float:
    if isinstance(value, int | float) and math.isfinite(value):
        return float(value)
    raise UserError(f"rows: {path}: n_tokens is {value!r}, not a number: run the evaluate stage again")
