"""Scoring anybody's responses: a JSONL file of answered questions comes back with a score in each row.

A row with `answer_kind` (yes_no, number, number 0.5, number 5%, text) is an open question: its one choice is the right
answer, and its kind's scorer reads it, whether asked by its name or by `strict` or `all`.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from visualzero.config.naming import unknown
from visualzero.errors import UserError
from visualzero.evaluation.reading.free.kinds import CHOICE, base, problem
from visualzero.evaluation.reading.scorers import FREE, read_free, read_response, readings, scorers
from visualzero.evaluation.rows import numbered_rows, write_rows

KEYS = ("id", "question", "choices", "answer_index", "response")
ALL = "all"


def score_file(path: Path, out: Path, scorer: str = "strict", *, think_prefix: bool = False) -> str:
    """Score the responses of a file and write them, in its order, to `out`.

    Args:
        path: JSONL, rows of id, question, choices, answer_index, response, and whatever else.
        out: JSONL, the same rows with what `score_row` adds.
        scorer: a name of `scorers()` or of `FREE`, or "all" for the reading of `strict` with those of all others
            beside it.
        think_prefix: whether the prompts had already written `<think>`.

    Returns:
        A line that says how many rows there are, how many are right and how many could be read.

    Raises:
        UserError: if the scorer is unknown or a row is not as it should be; nothing is written then.
    """
    if scorer not in (*scorers(), *FREE, ALL):
        raise UserError(unknown("scorer", scorer, (*scorers(), *FREE, ALL)))
    if out.is_dir():
        raise UserError(f"--out {out}: a folder: name the file to write")
    scored = [score_row(row, scorer, think_prefix=think_prefix) for row in _checked(path, scorer)]
    if not scored:
        raise UserError(f"{path}: no rows: write one line of JSON per response, with {', '.join(KEYS)}")
    try:
        write_rows(scored, out)
    except (NotADirectoryError, FileExistsError, PermissionError) as error:
        raise UserError(f"--out {out}: can't be written ({error.strerror}): choose another path") from None
    right = sum(row["correct"] for row in scored) / len(scored)
    parsed = sum(row["parse_class"] == "parsed" for row in scored) / len(scored)
    primary = "strict, with the readings of all scorers" if scorer == ALL else scorer
    return f"{out}: n {len(scored)}, accuracy {right:.2%}, parsed {parsed:.2%} ({primary})"


def score_row(row: Mapping[str, Any], scorer: str, *, think_prefix: bool) -> dict[str, Any]:
    """A row with prediction (an index or None), parse_class and correct; with "all", also every scorer's prediction.

    An open question's has `read` too; its prediction is 0 where it is right, and 1 where it is not. `think_prefix` is
    in the row where it is so, for whoever reads the response again.
    """
    prefix = {"think_prefix": True} if think_prefix else {}
    kind = row.get("answer_kind", CHOICE)
    if kind != CHOICE:
        judged = read_free(row["response"], row["choices"][row["answer_index"]], kind, think_prefix=think_prefix)
        found = {"prediction": judged.prediction, "parse_class": judged.parse_class, "correct": judged.correct}
        return {**row, **found, "read": judged.read, **prefix, "readings": {base(kind): judged.prediction}}
    names = scorers() if scorer == ALL else [scorer]
    parsed = read_response(row["response"], row["choices"], think_prefix=think_prefix, names=names)
    read = readings(parsed, row["answer_index"])
    primary = "strict" if scorer == ALL else scorer
    return {
        **row,
        "prediction": read[primary],
        "parse_class": parsed[primary].parse_class,
        "correct": read[primary] == row["answer_index"],
        **prefix,
        **({"readings": read} if scorer == ALL else {}),
    }


def _checked(path: Path, scorer: str) -> Iterator[dict[str, Any]]:
    """The rows of a file, each looked at before it is scored."""
    lines: dict[str | int, int] = {}
    for number, row in numbered_rows(path, missing="check the path", broken="write one JSON object per line"):
        if wrong := _problem(row) or _unfit(row.get("answer_kind", CHOICE), scorer):
            raise UserError(f"{path}:{number}: {wrong}")
        if row["id"] in lines:
            raise UserError(
                f"{path}:{number}: id {row['id']!r} is also that of line {lines[row['id']]}: give each row its own"
            )
        lines[row["id"]] = number
        yield row


def _problem(row: Mapping[str, Any]) -> str | None:
    """What is wrong with a row, and how to put it right."""
    if lacking := [key for key in KEYS if key not in row]:
        return f"no {', '.join(lacking)}: each row needs {', '.join(KEYS)}"
    choices, right = row["choices"], row["answer_index"]
    if not isinstance(row["id"], str | int):
        return "id is neither a text nor a whole number"
    if not isinstance(choices, list) or not all(isinstance(choice, str) for choice in choices):
        return 'choices is no list of texts: write ["left", "right"], and "3" rather than 3'
    kind = row.get("answer_kind", CHOICE)
    if kind != CHOICE:
        if wrong := problem(kind):
            return f"answer_kind: {wrong}"
        if len(choices) != 1:
            return f"{len(choices)} choices: of an open question ({kind}) write the right answer alone"
        if wrong := problem(kind, choices[0]):
            return f"choices: {wrong}"
    elif not 2 <= len(choices) <= 26:
        return f"{len(choices)} choices: a question has 2 to 26, which have the letters A to Z"
    if isinstance(right, bool) or not isinstance(right, int) or not 0 <= right < len(choices):
        return f"answer_index {right!r} is none of 0 to {len(choices) - 1}: it counts the choices from 0"
    if not isinstance(row["response"], str):
        return "response is no text: write what the model said, or an empty text"
    return None


def _unfit(kind: str, scorer: str) -> str | None:
    """Why a scorer can't judge an answer of this kind, and which one can."""
    if kind == CHOICE:
        return (
            f"scorer {scorer} reads free answers, and this row has choices: use strict, or all"
            if scorer in FREE
            else None
        )
    if scorer in ("strict", ALL, base(kind)):
        return None
    reads = "free answers of another kind" if scorer in FREE else "choices"
    return f"scorer {scorer} reads {reads}, and this row's answer is a {kind}: use {base(kind)}, or all"
