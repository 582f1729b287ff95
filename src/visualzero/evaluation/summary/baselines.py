"""What a benchmark gives to answers that never look at the image: chance, and the best constant answer of each task.

`constant_letter` and `constant_value` are chosen on the questions that they are scored on, so they are an upper bound
of what can be reached by knowing which answer is frequent: a score that doesn't beat them shows no sight. Their `_loo`
are chosen, for each question, on the other questions of its task (leave-one-out): what it takes to know beforehand.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from functools import cache
from string import ascii_uppercase
from typing import Any

import pandas as pd

from visualzero.evaluation.reading.free.kinds import CHOICE, chance
from visualzero.evaluation.reading.free.values import value_of, within
from visualzero.evaluation.statistics import official_score

Answers = Sequence[frozenset[str]]  # of each question the answers that count as right


def baselines(questions: pd.DataFrame, sources_2d: Sequence[str], sources_3d: Sequence[str]) -> dict[str, Any]:
    """Chance, constant_letter, constant_letter_loo, constant_value, constant_value_loo.

    Each has micro, official (or None) and accuracy by task; the constant ones also `in_sample`, and those that are in
    sample `answer` by task. Chance is the mean of 1 / number of options; for an open question it is 1/2 if
    the answer is yes or no, else 0, and no letter is right. A value ("1", "left") is wrong where it is no option. Of
    equally good answers the first in the alphabet is taken.
    """
    rows: list[dict[str, Any]] = questions.drop(columns="image", errors="ignore").to_dict("records")
    tasks = [row["task"] for row in rows]
    kinds = [row.get("answer_kind", CHOICE) for row in rows]
    letters = [
        frozenset(ascii_uppercase[row["answer_index"]] if kind == CHOICE else "")
        for row, kind in zip(rows, kinds, strict=True)
    ]
    values = _values(tasks, [row["choices"][row["answer_index"]].strip().lower() for row in rows], kinds)

    def averages(scores: Sequence[float]) -> dict[str, Any]:
        by_source = _means([row["source"] for row in rows], scores)
        official = official_score(by_source, sources_2d, sources_3d)
        return {"micro": sum(scores) / len(scores), "official": official, "tasks": _means(tasks, scores)}

    made = {"chance": averages([chance(kind, len(row["choices"])) for row, kind in zip(rows, kinds, strict=True)])}
    for name, answers in (("letter", letters), ("value", values)):
        best = _best_of_tasks(tasks, answers)
        in_sample = [float(best[task] in right) for task, right in zip(tasks, answers, strict=True)]
        made[f"constant_{name}"] = {**averages(in_sample), "answer": best, "in_sample": True}
        made[f"constant_{name}_loo"] = {**averages(_leave_one_out(tasks, answers)), "in_sample": False}
    return made


def _values(tasks: Sequence[str], values: Sequence[str], kinds: Sequence[str]) -> list[frozenset[str]]:
    """The values that are right; where a number may be off, those of the task's right values that are near enough."""
    known: dict[str, set[str]] = defaultdict(set)
    for task, value, kind in zip(tasks, values, kinds, strict=True):
        if kind.startswith("number "):
            known[task].add(value)

    @cache
    def near(task: str, value: str, tolerance: str) -> frozenset[str]:
        right = value_of(value)
        return frozenset(other for other in known[task] if within(value_of(other), right, tolerance))

    return [
        near(task, value, kind.partition(" ")[2]) if kind.startswith("number ") else frozenset([value])
        for task, value, kind in zip(tasks, values, kinds, strict=True)
    ]


def _best_of_tasks(tasks: Sequence[str], answers: Answers) -> dict[str, str]:
    counts = _counts(tasks, answers)
    return {task: _best(counts[task]) for task in dict.fromkeys(tasks)}


def _leave_one_out(tasks: Sequence[str], answers: Answers) -> list[float]:
    """Per question, whether the best constant of its task's other questions is right; wrong where there are none."""
    counts = _counts(tasks, answers)
    return [float(_best(counts[task] - Counter(right)) in right) for task, right in zip(tasks, answers, strict=True)]


def _counts(tasks: Sequence[str], answers: Answers) -> dict[str, Counter[str]]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for task, answer in zip(tasks, answers, strict=True):
        counts[task].update(answer)
    return counts


def _best(count: Counter[str]) -> str:
    """The most frequent answer, of equally frequent ones the first in the alphabet; "" if there are none."""
    return min(count, key=lambda name: (-count[name], name), default="")


def _means(groups: Sequence[Hashable], scores: Sequence[float]) -> dict[str, float]:
    by_group: dict[Hashable, list[float]] = defaultdict(list)
    for group, score in zip(groups, scores, strict=True):
        by_group[group].append(score)
    return {str(group): sum(some) / len(some) for group, some in by_group.items()}
