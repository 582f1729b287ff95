"""Scoring: from prediction rows to one score row per question. Pure, so that it can be run again at any time.

A scorer is one file with one function `choose(response, choices) -> Parsed`; `strict` is the study's own.
"""

from collections.abc import Iterable, Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import pandas as pd

from visualzero.errors import UserError
from visualzero.evaluation.answer import is_formatted

NEED = ("id", "response", "n_tokens", "finish_reason")
THINK = "<think>"


def scorers() -> list[str]:
    """Names of the scorers: each is a file here."""
    return sorted(module.name for module in iter_modules(__path__) if not module.name.startswith("_"))


def score_rows(
    predictions: Iterable[Mapping[str, Any]],
    questions: pd.DataFrame,
    scorer: str = "strict",
    *,
    think_prefix: bool,
    where: str = "predictions",
) -> list[dict[str, Any]]:
    """One score row per question, in the order of `questions`.

    Args:
        predictions: rows with id, response, n_tokens and finish_reason, one per question, in any order.
        questions: the Question table; its images are not needed.
        scorer: a name of `scorers()`.
        think_prefix: whether the prompt has already written `<think>`, which is then part of what is scored.
        where: what to call the predictions in errors, such as their path.

    Returns:
        Rows of id, task, source, image_id, answer_index, n_choices, prediction (an index or None), parse_class,
        correct, format, n_tokens, finish_reason.

    Raises:
        UserError: if the ids of the predictions are not those of the questions, each once, or a row lacks a key.
    """
    if scorer not in scorers():
        raise UserError(f"evaluate.scorer: unknown scorer '{scorer}': choose one of {', '.join(scorers())}")
    choose = import_module(f"{__name__}.{scorer}").choose
    answers = _by_id(predictions, questions["id"].tolist(), where)
    scored = []
    for row in questions.to_dict("records"):
        answer, choices = answers[row["id"]], list(row["choices"])
        response = (THINK if think_prefix else "") + answer["response"]
        parsed = choose(response, choices)
        scored.append(
            {
                "id": row["id"],
                "task": row["task"],
                "source": row["source"],
                "image_id": row["image_id"],
                "answer_index": int(row["answer_index"]),
                "n_choices": len(choices),
                "prediction": parsed.prediction,
                "parse_class": parsed.parse_class,
                "correct": bool(parsed.prediction == row["answer_index"]),
                "format": is_formatted(response),
                "n_tokens": int(answer["n_tokens"]),
                "finish_reason": answer["finish_reason"],
            }
        )
    return scored


def _by_id(predictions: Iterable[Mapping[str, Any]], ids: list[str], where: str) -> dict[str, Mapping[str, Any]]:
    rows: dict[str, Mapping[str, Any]] = {}
    twice: list[str] = []
    for number, row in enumerate(predictions, 1):
        lacking = [key for key in NEED if key not in row]
        if lacking:
            raise UserError(f"{where}: row {number} has no {', '.join(lacking)}: run the evaluate stage again")
        if row["id"] in rows:
            twice.append(row["id"])
        rows[row["id"]] = row
    known = set(ids)
    for problem, some in (
        ("more than one response to", twice),
        ("responses to unknown questions", [name for name in rows if name not in known]),
        ("no response to", [name for name in ids if name not in rows]),
    ):
        if some:
            raise UserError(f"{where}: {problem} {_listed(some)}: delete the file and run the evaluate stage again")
    return rows


def _listed(ids: list[str]) -> str:
    more = f" and {len(ids) - 3} more" if len(ids) > 3 else ""
    return ", ".join(f"'{name}'" for name in ids[:3]) + more
