"""What a benchmark gives to answers that never look at the image: chance, and the best constant answer of each task.

The constant answers are chosen on the questions they are scored on (`in_sample`), so they are an upper bound of what a
model can reach by learning which answer is frequent. A score that doesn't beat them shows no sight.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Sequence
from string import ascii_uppercase
from typing import Any

import pandas as pd

from visualzero.evaluation.statistics import official_score


def baselines(questions: pd.DataFrame, sources_2d: Sequence[str], sources_3d: Sequence[str]) -> dict[str, Any]:
    """Chance, constant_letter and constant_value: micro, official (or None) and accuracy by task.

    The constant ones also have `answer` by task and `in_sample`. Chance is the mean of 1 / number of options. A value
    ("1", "left") is wrong where it is no option. Of equally good answers the first in the alphabet is taken.
    """
    rows: list[dict[str, Any]] = questions[["task", "source", "choices", "answer_index"]].to_dict("records")

    def averages(scores: list[float]) -> dict[str, Any]:
        by_task, by_source = _means(rows, "task", scores), _means(rows, "source", scores)
        official = official_score(by_source, sources_2d, sources_3d)
        return {"micro": sum(scores) / len(scores), "official": official, "tasks": by_task}

    def constant(right: Callable[[dict[str, Any]], str]) -> dict[str, Any]:
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for row in rows:
            counts[row["task"]][right(row)] += 1
        answer = {task: min(count, key=lambda name: (-count[name], name)) for task, count in counts.items()}
        scores = [float(right(row) == answer[row["task"]]) for row in rows]
        return {**averages(scores), "answer": answer, "in_sample": True}

    return {
        "chance": averages([1 / len(row["choices"]) for row in rows]),
        "constant_letter": constant(lambda row: ascii_uppercase[row["answer_index"]]),
        "constant_value": constant(lambda row: row["choices"][row["answer_index"]].strip().lower()),
    }


def _means(rows: list[dict[str, Any]], column: str, scores: list[float]) -> dict[str, float]:
    groups: dict[Hashable, list[float]] = defaultdict(list)
    for row, score in zip(rows, scores, strict=True):
        groups[row[column]].append(score)
    return {str(name): sum(group) / len(group) for name, group in groups.items()}
