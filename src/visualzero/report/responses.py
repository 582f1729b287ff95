"""Responses to a benchmark for the page's browser: of as many questions as there is room for, those of all arms."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice, zip_longest
from typing import Any

from visualzero.report.inputs import ReportInputs, read_lines
from visualzero.report.questions import QuestionTable
from visualzero.report.sample_set import OF_AN_IMAGE, Json, Room, SampleSet, question_facts
from visualzero.report.samples import verdict
from visualzero.report.shown import shown
from visualzero.report.tables import Arm
from visualzero.report.text import seed_order
from visualzero.wording import clean


@dataclass(frozen=True)
class Said:
    """A response: rows of the predictions and of the scores, if it was scored."""

    arm: Arm
    seed: str
    prediction: dict[str, Any]
    score: dict[str, Any]

    @property
    def text(self) -> str:
        """The raw response."""
        return str(self.prediction["response"] or "")

    @property
    def readings(self) -> dict[str, Any]:
        """The option that each scorer reads; empty if nobody noted it."""
        found = self.score.get("readings")
        return found if isinstance(found, dict) else {}


def response_set(inputs: ReportInputs, arms: Iterable[Arm], name: str, table: QuestionTable, room: Room) -> SampleSet:
    """Questions of the tasks in turn, each task's by id, with the responses of all arms and seeds."""
    runs = sum(its == name and path.is_file() for (_, _, its), path in inputs.predictions.items())
    said: dict[str, list[Said]] = {key: [] for key in islice(in_turn(table), room.rows // max(runs, 1) + 1)}
    total = 0
    for arm in arms:
        for one in said_by(inputs, arm, name):
            total += 1
            said.get(str(one.prediction["id"]), []).append(one)
    lengths = {key: [len(one.text) for one in ones] for key, ones in said.items() if ones}
    read = table.get(room.fitting((key, lengths[key], OF_AN_IMAGE) for key in lengths))
    chosen = list(room.fitting((key, lengths[key], len(read[key].image or "")) for key in read))
    scorers = list(dict.fromkeys(scorer for key in chosen for one in said[key] for scorer in one.readings))
    return SampleSet(
        name=clean(name),
        kind="responses",
        columns=[clean(scorer) for scorer in scorers],
        questions=[question_facts(read[key]) for key in chosen],
        rows=[
            response_row(place, one, scorers, len(read[key].choices))
            for place, key in enumerate(chosen)
            for one in said[key]
        ],
        total=total,
    )


def said_by(inputs: ReportInputs, arm: Arm, benchmark: str) -> Iterator[Said]:
    """All responses of an arm to a benchmark, seed by seed."""
    keys = [key for key in inputs.predictions if (key[0], key[2]) == (arm.name, benchmark)]
    for key in sorted(keys, key=lambda key: seed_order(str(key[1]))):
        scores = {str(row["id"]): row for row in read_lines(inputs.scores.get(key), ["id", "correct"]) or []}
        for row in read_lines(inputs.predictions[key], ["id", "response"]) or []:
            yield Said(arm, "" if key[1] is None else str(key[1]), row, scores.get(str(row["id"]), {}))


def in_turn(table: QuestionTable) -> Iterator[str]:
    """The ids of the tasks in turn, each task's in their order."""
    by_task = (sorted(key for key, its in table.task_of.items() if its == task) for task in table.tasks)
    return (key for key in chain.from_iterable(zip_longest(*by_task)) if key is not None)


def response_row(question: int, one: Said, scorers: list[str], options: int) -> Json:
    """A response as the browser has it: `question` is the position of its question, which has so many options."""
    its = shown(one.text)
    return {
        "question": question,
        "arm": one.arm.name,
        "seed": one.seed,
        "verdict": verdict(one.score or None, options),
        "text": its.text,
        "cues": its.cues,
        "values": [_whole(one.readings.get(scorer)) for scorer in scorers] if one.readings else [],
        "read": _whole(one.score.get("prediction")),
        "tokens": _whole(one.prediction.get("n_tokens")),
    }


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) else None
