"""Questions of toyspace with shortcuts: of a known share of them, letter or wording give the right option away."""

import random
from collections.abc import Callable, Mapping, Sequence
from math import ceil
from typing import Any
from unittest.mock import patch

from visualzero.data.toyspace import questions as toyspace

Row = dict[str, Any]
ORDER = ("Depth", "Distance", "Relation", "Count")
ANSWERS = ("0", "1", "2", "3", "4", "5", "left", "right", "above", "below")
STYLES = ("briefly", "calmly", "duly", "exactly", "fully", "gladly", "kindly", "merely", "nicely", "openly")


def unseen(n: int, seed: int) -> list[Row]:
    """Questions of toyspace without images, and so without asking whether a scene's objects can be seen (a second)."""
    with patch.multiple(toyspace, visible_fractions=lambda _: [1.0], split_of=lambda _: "bench"):
        asked = [toyspace.ask(toyspace.TASKS[place % 4], place // 4, "bench", seed) for place in range(n)]
    return [
        {
            "id": f"{seed}-{place}",
            "image_id": f"{seed}-{place}",
            "task": one.task,
            "question": one.question,
            "choices": list(one.choices),
            "answer_index": one.answer_index,
        }
        for place, one in enumerate(asked)
    ]


def moved(row: Mapping[str, Any], place: int) -> Row:
    """The question with its right option at another letter."""
    choices = list(row["choices"])
    choices.insert(place, choices.pop(row["answer_index"]))
    return {**row, "choices": choices, "answer_index": place}


def answer(row: Mapping[str, Any]) -> str:
    return str(row["choices"][row["answer_index"]])


def said(row: Mapping[str, Any], more: str) -> Row:
    return {**row, "question": f"{row['question']} {more}"}


def marked_option(row: Mapping[str, Any]) -> Row:
    choices = list(row["choices"])
    choices[row["answer_index"]] += " indeed"
    return {**row, "choices": choices}


def by_style(row: Mapping[str, Any]) -> Row:
    return said(row, f"Answer {STYLES[ANSWERS.index(answer(row))]}.")


SHORTCUTS: dict[str, Callable[[Mapping[str, Any]], Row]] = {
    "letter by wording": lambda row: said(moved(row, 1), "Choose with care."),
    "letter by task": lambda row: moved(row, 0),
    "question names it": lambda row: said(row, f"Mind the {answer(row)}."),
    "option is worded so": marked_option,
    "wording goes with it": by_style,
    "letter, unmarked": lambda row: moved(row, 0),
}
"""How a question is given away. The last is to be told by nothing but that one letter is right more often."""


def tasks_of(kind: str, share: float) -> Sequence[str]:
    """Which tasks have the shortcut."""
    if kind == "letter by task":
        return ORDER[: ceil(round(4 * share, 9))]
    return ("Relation", "Count") if kind == "wording goes with it" else ORDER


def plant(rows: Sequence[Mapping[str, Any]], kind: str, share: float, seed: int) -> list[Row]:
    """The questions, as many of each task, each given away with a chance that makes the share of all as wanted."""
    tasks, rng = tasks_of(kind, share), random.Random(f"{kind}/{share}/{seed}")
    chance = share * len(ORDER) / len(tasks) if tasks else 0.0
    assert chance <= 1, f"{kind} has too few questions for {share}"
    return [SHORTCUTS[kind](row) if row["task"] in tasks and rng.random() < chance else dict(row) for row in rows]
