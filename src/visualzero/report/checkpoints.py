"""Responses of the checkpoints that runs keep, for the page's browser: the same questions over the steps."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from visualzero.evaluation.reading.scorers import SCORERS, read_response, readings
from visualzero.report.inputs import ReportInputs, read_lines
from visualzero.report.questions import Question, QuestionTable
from visualzero.report.responses import Said, in_turn, response_row
from visualzero.report.rollouts import spread
from visualzero.report.sample_set import OF_AN_IMAGE, Room, SampleSet, question_facts
from visualzero.report.tables import Arm
from visualzero.wording import clean

STEPS = 8  # of a run that keeps more, these many are shown: the first, the last, and evenly between


@dataclass(frozen=True)
class Checkpoint:
    """The responses of one run at one step; `prefixed` says that its prompt has already written `<think>`."""

    arm: Arm
    seed: str
    step: int
    path: Path
    prefixed: bool


def checkpoint_set(
    inputs: ReportInputs, arms: Iterable[Arm], name: str, table: QuestionTable, scorer: str, room: Room
) -> SampleSet | None:
    """Questions of the tasks in turn, each with the responses of all runs at all steps; None if no run keeps any.

    They have no scores yet, so they are read here, as the score stage would; `scorer` gives their verdict.

    Raises:
        UserError: if responses can't be read.
    """
    every = _checkpoints(inputs, arms)
    kept = [one for run in every for one in _spread(run)]
    if not kept:
        return None
    said: dict[str, list[tuple[Checkpoint, dict[str, Any]]]] = {
        key: [] for key in islice(in_turn(table), room.rows // len(kept) + 1)
    }
    for one in kept:
        for row in read_lines(one.path, ["id", "response"]) or []:
            said.get(str(row["id"]), []).append((one, row))
    lengths = {key: [len(str(row["response"] or "")) for _, row in rows] for key, rows in said.items() if rows}
    read = table.get(room.fitting((key, lengths[key], OF_AN_IMAGE) for key in lengths))
    chosen = list(room.fitting((key, lengths[key], len(read[key].image or "")) for key in read))
    return SampleSet(
        name=f"checkpoints/{clean(name)}",  # no benchmark can be called so
        kind="checkpoints",
        columns=list(SCORERS),
        questions=[question_facts(read[key]) for key in chosen],
        rows=[_row(place, one, row, read[key], scorer) for place, key in enumerate(chosen) for one, row in said[key]],
        total=sum(_count(one.path) for run in every for one in run),
    )


def _checkpoints(inputs: ReportInputs, arms: Iterable[Arm]) -> list[list[Checkpoint]]:
    """Those that have answered, run by run and by step."""
    known = {arm.name: arm for arm in arms}
    runs: dict[tuple[str, str], list[Checkpoint]] = {}
    for (name, seed, step), path in sorted(inputs.checkpoints.items(), key=lambda item: item[0][2]):
        if name in known and path.is_file():
            one = Checkpoint(known[name], str(seed), step, path, name in inputs.prefixed)
            runs.setdefault((name, str(seed)), []).append(one)
    order = [(arm, seed) for arm in known for seed in known[arm].seeds]
    return [runs[key] for key in order if key in runs]


def _spread(run: list[Checkpoint]) -> list[Checkpoint]:
    return [run[place] for place in sorted(spread(len(run))[:STEPS])]


def _row(place: int, one: Checkpoint, row: Mapping[str, Any], question: Question, scorer: str) -> dict[str, Any]:
    parsed = read_response(str(row["response"] or ""), question.choices, think_prefix=one.prefixed)
    read = readings(parsed, question.answer_index)
    its = read.get(scorer)
    score = {"readings": read, "prediction": its, "correct": its == question.answer_index}
    said = Said(one.arm, one.seed, dict(row), score if scorer in read else {})
    return {**response_row(place, said, list(SCORERS), len(question.choices)), "step": one.step}


def _count(path: Path) -> int:
    with path.open("rb") as lines:
        return sum(bool(line.strip()) for line in lines)
