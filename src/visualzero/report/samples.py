"""Questions and responses to look at. What is shown follows from a fixed rule, so that nobody picked the examples."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visualzero.report.inputs import ReportInputs, check_numbers, read_lines, read_parquet
from visualzero.report.questions import Question, QuestionTable
from visualzero.report.tables import Arm
from visualzero.report.text import marked, seed_order
from visualzero.wording import number

PER_TASK = 6  # questions of a task on the contact sheet
SHEET = 48  # questions on the contact sheet of a benchmark with many tasks
GROUPS = 2  # questions shown of a training step
Pieces = list[tuple[bool, str]]


@dataclass(frozen=True)
class Rollout:
    """One sampled completion with its rewards as (term, value)."""

    pieces: Pieces
    rewards: list[tuple[str, str]]
    advantage: str
    label: str


@dataclass(frozen=True)
class Group:
    """The rollouts with the highest and the lowest reward of one question at one step."""

    step: int
    question_id: str
    question: Question | None
    size: int
    rollouts: list[Rollout]


@dataclass(frozen=True)
class Response:
    """An arm's response to a benchmark question; `verdict` is right, wrong, no answer or not run."""

    arm: Arm
    seed: str
    verdict: str
    answer: str
    pieces: Pieces


@dataclass(frozen=True)
class Case:
    """One question and the responses of all arms; `why` says by which rule it is shown."""

    question: Question
    why: str
    responses: list[Response]


def rollout_groups(folder: Path | None, train: QuestionTable | None) -> list[Group] | None:
    """Groups of the first, the middle and the last step of a run; None if it has no rollouts."""
    path = folder / "rollouts.parquet" if folder else None
    steps_read = read_parquet(path, need=["step", "id", "completion", "reward", "advantage"], columns=["step"])
    if path is None or steps_read is None or steps_read.num_rows == 0:
        return None
    check_numbers(path, steps_read, ["step"])
    steps = sorted(set(steps_read["step"].drop_null().to_pylist()))
    if not steps:
        return None
    chosen = sorted({steps[0], steps[len(steps) // 2], steps[-1]})
    table = read_parquet(path, need=[], filters=[("step", "in", chosen)])
    if table is None:
        return None
    check_numbers(path, table, [name for name in table.column_names if name.startswith(("reward", "advantage"))])
    groups: dict[tuple[int, str], list[dict[str, Any]]] = {}
    for row in table.to_pylist():
        groups.setdefault((row["step"], str(row["id"])), []).append(row)
    kept = [key for step in chosen for key in [key for key in groups if key[0] == step][:GROUPS]]
    questions = train.get(key[1] for key in kept) if train else {}
    return [_group(key, groups[key], questions.get(key[1])) for key in kept]


def _group(key: tuple[int, str], rows: list[dict[str, Any]], question: Question | None) -> Group:
    ranked = sorted(rows, key=lambda row: -(row["reward"] or 0.0))
    if len(ranked) == 1:
        return Group(*key, question, 1, [_rollout(ranked[0], "only rollout")])
    same = ranked[0]["reward"] == ranked[-1]["reward"]
    labels = ("one of equal reward", "another") if same else ("highest reward", "lowest reward")
    ends = [_rollout(row, label) for row, label in zip((ranked[0], ranked[-1]), labels, strict=True)]
    return Group(*key, question, len(rows), ends)


def _rollout(row: dict[str, Any], label: str) -> Rollout:
    terms = [(name.removeprefix("reward_"), row[name]) for name in row if name.startswith("reward_")]
    rewards = [(term, number(value, 2)) for term, value in [*terms, ("total", row["reward"])]]
    return Rollout(marked(str(row["completion"] or "")), rewards, number(row["advantage"], 2), label)


def contact_sheet(table: QuestionTable) -> dict[str, list[Question]]:
    """The first questions of each task, in the order of their ids."""
    count = max(1, min(PER_TASK, SHEET // max(len(table.tasks), 1)))
    first = {task: sorted(key for key, its in table.task_of.items() if its == task)[:count] for task in table.tasks}
    found = table.get(key for keys in first.values() for key in keys)
    return {task: [found[key] for key in keys] for task, keys in first.items()}


def first_runs(arms: Iterable[Arm], paths: Mapping[tuple[str, Any, str], Path], benchmark: str) -> dict[str, Any]:
    """The seed (first by order) under which each arm has a file for the benchmark."""
    found: dict[str, Any] = {}
    for arm in arms:
        seeds = [seed for name, seed, its in paths if name == arm.name and its == benchmark]
        seeds = [seed for seed in seeds if paths[arm.name, seed, benchmark].is_file()]
        if seeds:
            found[arm.name] = min(seeds, key=lambda seed: seed_order(str(seed)))
    return found


def cases(inputs: ReportInputs, arms: Sequence[Arm], benchmark: str, table: QuestionTable) -> tuple[str, list[Case]]:
    """The focal arm's title, and per task the first question that it answered right and the first that it did not.

    The focal arm is the first GRPO arm with predictions, or else the first arm with any. Empty without predictions.
    """
    seeds = first_runs(arms, inputs.predictions, benchmark)
    focal = next((arm for arm in arms if arm.recipe == "grpo" and arm.name in seeds), None)
    focal = focal or next((arm for arm in arms if arm.name in seeds), None)
    if focal is None:
        return "", []
    scores = {name: _by_id(inputs.scores.get((name, seed, benchmark)), "correct") for name, seed in seeds.items()}
    judged = scores[focal.name] or {key: {"correct": False} for key in table.ids}
    chosen: dict[str, str] = {}
    for task in table.tasks:
        ids = sorted(key for key in judged if table.task_of.get(key) == task)
        for right in (True, False):
            key = next((key for key in ids if bool(judged[key]["correct"]) is right), None)
            if key is not None:
                why = f"first {task} question, by id, that {focal.title} answers {'right' if right else 'wrong'}"
                chosen[key] = why if scores[focal.name] else f"first {task} question by id"
    said = {name: _by_id(inputs.predictions[name, seed, benchmark], "response") for name, seed in seeds.items()}
    made = []
    for key, question in table.get(chosen).items():
        responses = [
            judge(
                arm, seeds.get(arm.name), said.get(arm.name, {}).get(key), scores.get(arm.name, {}).get(key), question
            )
            for arm in arms
        ]
        made.append(Case(question, chosen[key], responses))
    return focal.title, made


def _by_id(path: Path | None, need: str) -> dict[str, dict[str, Any]]:
    return {str(row["id"]): row for row in read_lines(path, ["id", need]) or []}


def judge(
    arm: Arm,
    seed: Any,
    said: dict[str, Any] | None,
    score: dict[str, Any] | None,
    question: Question,
    head: int = 700,
    tail: int = 300,
) -> Response:
    """A response with its verdict by the rows of predictions and scores; of a long text head and tail are kept."""
    if said is None:
        return Response(arm, "", "not run", "", [])
    index = _chosen(score, len(question.choices))
    parsed = str((score or {}).get("parse_class") or "")  # ambiguous and conflicting answers are worth telling apart
    answer = parsed if parsed in ("ambiguous", "conflicting") else ""
    if index is not None and len(question.choices) == 1:  # an open question
        answer = str((score or {}).get("read") or "")
    elif index is not None:
        answer = f"({chr(65 + index)}) {question.choices[index]}"
    its = verdict(score, len(question.choices))
    pieces = marked(str(said["response"] or ""), head, tail)
    return Response(arm, "" if seed is None else f"seed {seed}", its, answer, pieces)


def verdict(score: dict[str, Any] | None, options: int) -> str:
    """Right, wrong, no answer or not scored, by the row of scores of a question with so many options."""
    if score is None:
        return "not scored"
    if score["correct"]:
        return "right"
    return "no answer" if _chosen(score, options) is None else "wrong"


def _chosen(score: dict[str, Any] | None, options: int) -> int | None:
    """The option that was read, if there is such an option; of an open question 0 is the right answer, 1 another."""
    index = score.get("prediction") if score else None
    return index if isinstance(index, int) and 0 <= index < max(options, 2) else None
