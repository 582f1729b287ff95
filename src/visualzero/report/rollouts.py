"""Rollouts for the page's browser: whole groups, spread over the steps of training, a prompt with all its steps."""

import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

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
    runs = [(arm, seed, folders.get((arm.name, seed))) for arm in arms for seed in arm.seeds]
    read = [(arm, seed, _groups(folder)) for arm, seed, folder in runs if folder]
    read = [(arm, seed, groups) for arm, seed, groups in read if groups]
    if not read:
        return None
    terms = list(dict.fromkeys(name for *_, groups in read for name in _terms(groups)))
    kept: list[tuple[Arm, str, Group, list[dict[str, Any]]]] = []
    for arm, seed, groups in read:
        items = ((key, [str(row["completion"]) for row in groups[key]], OF_AN_IMAGE) for key in _spread_groups(groups))
        chosen = sorted(room.part(1 / len(read)).fitting(items))
        kept += [(arm, seed, key, groups[key]) for key in chosen]
    ids = dict.fromkeys(key[1] for _, _, key, _ in kept)
    places = {key: place for place, key in enumerate(ids)}
    questions = train.get(ids) if train else {}
    return SampleSet(
        name="training/rollouts",  # no benchmark can be called so
        kind="rollouts",
        columns=[*(clean(term.removeprefix("reward_")) for term in terms), "total"],
        questions=[question_facts(questions[key]) if key in questions else _unknown(key) for key in ids],
        rows=[
            _row(places[key], step, place, arm, seed, row, terms)
            for arm, seed, (step, key), rows in kept
            for place, row in enumerate(rows, start=1)
        ],
        total=sum(len(rows) for *_, groups in read for rows in groups.values()),
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


def _groups(folder: Path) -> dict[Group, list[dict[str, Any]]]:
    path = folder / "rollouts.parquet"
    table = read_parquet(path, need=NEED)
    if table is None:
        return {}
    check_numbers(
        path, table, [name for name in table.column_names if name.startswith(("step", "reward", "advantage"))]
    )
    groups: dict[Group, list[dict[str, Any]]] = {}
    for row in table.to_pylist():
        if row["step"] is not None:
            groups.setdefault((int(row["step"]), str(row["id"])), []).append(row)
    return groups


def _terms(groups: dict[Group, list[dict[str, Any]]]) -> list[str]:
    return [name for name in next(iter(groups.values()))[0] if name.startswith("reward_")]


def _spread_groups(groups: Iterable[Group]) -> Iterator[Group]:
    """The first prompt of the first, the last, the middle step and so on, then the second; each with all its steps."""
    prompts: dict[int, list[str]] = {}
    steps: dict[str, list[int]] = {}
    for step, key in groups:
        prompts.setdefault(step, []).append(key)
        steps.setdefault(key, []).append(step)
    order = [sorted(prompts)[place] for place in spread(len(prompts))]
    for place in range(max(map(len, prompts.values()))):
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
