"""What git and DVC follow from one run of the study to the next: scores of each arm, curves and manifests.

Small, with arms as keys, so that `dvc metrics diff`, `dvc plots diff` and `git diff` name them.
"""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

from visualzero.report.inputs import ReportInputs, Seed, read_json, read_parquet
from visualzero.report.summary import Summary

SCORES = ("micro", "official", "parse_rate", "format_rate", "truncated_rate")
DIGITS = 6
NOT_DRAWN = {"run", "arm", "seed", "seconds"}  # names of a run, and what differs from machine to machine


def metrics_text(summary: Summary) -> str:
    """Scores by arm and benchmark, shares from 0 to 1, means over seeds, as JSON."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for name, arm in summary.arms.items():
        for benchmark in dict.fromkeys(name for cells in arm.seeds.values() for name in cells):
            cells = [cell for cells in arm.seeds.values() if (cell := cells.get(benchmark))]
            values = {score: [getattr(cell, score) for cell in cells] for score in SCORES}
            for task in dict.fromkeys(task for cell in cells for task in cell.tasks):
                values[task] = [cell.tasks[task].accuracy for cell in cells if task in cell.tasks]
            values["tokens"] = [cell.response_tokens.mean for cell in cells]
            scorers = summary.accuracies.get(benchmark, {}).get(name, {})
            values |= {f"micro_under_{scorer}": [one.accuracy] for scorer, one in scorers.items()}
            found.setdefault(name, {})[benchmark] = {
                score: round(fmean(each), DIGITS) for score, each in values.items() if each and None not in each
            }
    return _json(found)


def curves_text(runs: Mapping[tuple[str, Seed], Path]) -> str:
    """The histories of all runs as one CSV: run (arm/seed), arm, seed, step, and every number but times."""
    rows: list[dict[str, Any]] = []
    for (arm, seed), folder in runs.items():
        table = read_parquet(folder / "history.parquet", need=["step"])
        for row in table.sort_by("step").to_pylist() if table else ():
            numbers = {name: value for name, value in row.items() if name not in NOT_DRAWN and _is_number(value)}
            rows.append({"run": f"{arm}/{seed}", "arm": arm, "seed": seed, **numbers})
    return _csv(rows, ["run", "arm", "seed", "step"])


def manifests_text(inputs: ReportInputs) -> str:
    """The manifests of questions, models and runs, with the digests of their files, as JSON."""
    tables = {"train": inputs.train, **inputs.benchmarks}
    found = {
        "data": {name: path.with_suffix(".json") for name, path in tables.items() if path},
        "models": inputs.models,
        "runs": {f"{arm}/{seed}": folder / "manifest.json" for (arm, seed), folder in inputs.runs.items()},
    }
    return _json(
        {
            stage: {name: read_json(path, "manifest") for name, path in paths.items() if path.is_file()}
            for stage, paths in found.items()
        }
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float)


def _csv(rows: list[dict[str, Any]], first: Iterable[str]) -> str:
    out = io.StringIO()
    columns = dict.fromkeys([*first, *(column for row in rows for column in row)])
    writer = csv.DictWriter(out, list(columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _json(content: Any) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
