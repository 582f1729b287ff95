"""Rollouts for the page's browser: whole groups, spread over the steps of training, a prompt with all its steps."""

import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from visualzero.report.inputs import ReportInputs, check_numbers, read_parquet
from visualzero.report.questions import QuestionTable
from visualzero.report.sample_set import OF_AN_IMAGE, Json, Room, SampleSet, question_facts
from visualzero.report.shown import shown
from visualzero.report.tables import Arm
from visualzero.wording import clean

Group = tuple[int, str]  # step, id of the prompt
NEED = ["step", "id", "completion", "reward", "advantage"]


def rollout_set(inputs: ReportInputs, arms: Iterable[Arm], train: QuestionTable | None, room: Room) -> SampleSet | None:
    """Each run's groups within an equal share of the room; None if no run has rollouts."""
    folders = {(arm, str(seed)): folder for (arm, seed), folder in inputs.runs.items()}
    known = [(arm, seed) for arm in arms for seed in arm.seeds if (arm.name, seed) in folders]
    paths = [(arm, seed, folders[arm.name, seed] / "rollouts.parquet") for arm, seed in known]
    runs = [run for run in paths if run[2].is_file()]
    kept: list[tuple[Arm, str, Group, list[Json]]] = []
    total = 0
    for arm, seed, path in runs:
        count, groups = _fitting(path, room.part(1 / len(runs)))
        total += count
        kept += [(arm, seed, key, groups[key]) for key in sorted(groups)]
    if not kept:
        return None
    terms = list(dict.fromkeys(name for *_, rows in kept for name in rows[0] if name.startswith("reward_")))
    places = {key: place for place, key in enumerate(dict.fromkeys(key for _, _, (_, key), _ in kept))}
    questions = train.get(places) if train else {}
    return SampleSet(
        name="training/rollouts",  # no benchmark can be called so
        kind="rollouts",
        columns=[*(clean(term.removeprefix("reward_")) for term in terms), "total"],
        questions=[question_facts(questions[key]) if key in questions else _unknown(key) for key in places],
        rows=[
            _row(places[key], step, place, arm, seed, row, terms)
            for arm, seed, (step, key), rows in kept
            for place, row in enumerate(rows, start=1)
        ],
        total=total,
    )


def spread(count: int) -> list[int]:
    """0 to `count` - 1: both ends first, then the middle of what lies between, so that any beginning is spread."""
    order, halves = [0, count - 1], [(0, count - 1)]
    for low, high in halves:
        middle = (low + high) // 2
        if low < middle < high:
            order.append(middle)
            halves += [(low, middle), (middle, high)]
    return list(dict.fromkeys(order))[: max(count, 0)]


def _fitting(path: Path, room: Room) -> tuple[int, dict[Group, list[Json]]]:
    """How many rollouts a run has, and the rows of the groups that there is room for."""
    table = read_parquet(path, need=NEED)
    if table is None:
        return 0, {}
    check_numbers(
        path, table, [name for name in table.column_names if name.startswith(("step", "reward", "advantage"))]
    )
    groups: dict[Group, list[int]] = {}
    for row, key in enumerate(zip(table["step"].to_pylist(), map(str, table["id"].to_pylist()), strict=True)):
        if key[0] is not None:
            groups.setdefault(key, []).append(row)
    lengths = pc.fill_null(pc.utf8_length(table["completion"]), 0).to_pylist()
    items = ((key, [lengths[row] for row in groups[key]], OF_AN_IMAGE) for key in _spread_groups(groups))
    return table.num_rows, {key: table.take(groups[key]).to_pylist() for key in room.fitting(items)}


def _spread_groups(groups: Iterable[Group]) -> Iterator[Group]:
    """The first prompt of the first, the last, the middle step and so on, then the second; each with all its steps."""
    prompts: dict[int, list[str]] = {}
    steps: dict[str, list[int]] = {}
    for step, key in groups:
        prompts.setdefault(step, []).append(key)
        steps.setdefault(key, []).append(step)
    order = [sorted(prompts)[place] for place in spread(len(prompts))]
    for place in range(max(map(len, prompts.values()), default=0)):
        for step in order:
            key = prompts[step][place] if place < len(prompts[step]) else ""
            yield from ((its, key) for its in steps.pop(key, []))


def _unknown(key: str) -> Json:
    """A prompt that the training table doesn't have."""
    nothing: Json = {"choices": [], "answer": None, "image": None, "width": 0, "height": 0}
    return {"id": clean(key), "task": "", "text": "", **nothing}


def _row(question: int, step: int, place: int, arm: Arm, seed: str, row: dict[str, Any], terms: Sequence[str]) -> Json:
    its = shown(str(row["completion"] or ""))
    right = _number(row.get("reward_accuracy"))
    return {
        "question": question,
        "arm": arm.name,
        "seed": seed,
        "verdict": "not scored" if right is None else "right" if right > 0 else "wrong",
        "text": its.text,
        "cues": its.cues,
        "values": [_number(row.get(name)) for name in (*terms, "reward")],
        "advantage": _number(row["advantage"]),
        "step": step,
        "place": place,
    }


def _number(value: float | None) -> float | None:
    return round(value, 4) if value is not None and math.isfinite(value) else None
