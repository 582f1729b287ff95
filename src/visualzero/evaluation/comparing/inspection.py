"""One response in full: the question, what was asked, what was said, how every scorer reads it, and its score."""

import hashlib
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from visualzero.config import Study
from visualzero.errors import UserError
from visualzero.evaluation.comparing.scored import Row, is_file, option, read_file, read_scored, run_name
from visualzero.evaluation.reading.scorers import read_response
from visualzero.evaluation.reading.scorers import readings as readings_of
from visualzero.layout import Layout
from visualzero.prompts import question_text, render
from visualzero.wording import clean


def inspect_row(name: str, wanted: str, study: Callable[[], tuple[Study, Layout]], benchmark: str | None = None) -> str:
    """What is known of one response, as lines for the terminal.

    Args:
        name: a JSONL file of responses, scored or not, or a run of the study, `arm` or `arm/seed`.
        wanted: the question's id.
        study: the study and its layout, asked only for a run.
        benchmark: that the run was asked; the first by default.

    Raises:
        UserError: if there is no such file, run or question.
    """
    if is_file(name):
        return row_text(_row(read_file(Path(name)), wanted, name))
    settings, layout = study()
    row = _row(read_scored(name, lambda: (settings, layout), benchmark).rows, wanted, name)
    run = run_name(name, settings, benchmark)
    text = question_text(row["question"], row["choices"], settings.data.benchmarks[run.benchmark].options)
    prompt = render(settings.arm(run.arm).asked_with, text)
    asked = hashlib.sha256(prompt.encode()).hexdigest()[:16] == row.get("prompt_sha")
    return row_text(row, prompt if asked else None)


def row_text(row: Row, prompt: str | None = None) -> str:
    """A row as lines, each part only if it is known."""
    facts = [f"{key} {row[key]}" for key in ("task", "source", "image_id") if row.get(key) not in (None, row["id"])]
    lines = [f"{row['id']}  {', '.join(facts)}".rstrip()]
    right = row.get("answer_index")
    if row.get("question"):
        lines += ["", "Question", *_quoted(row["question"])]
    for index, _ in enumerate(row.get("choices") or ()):
        lines.append(f"  {option(row, index)}{'  <- right' if index == right else ''}")
    if prompt is not None:
        lines += ["", "Prompt", *_quoted(prompt)]
    if row.get("response") is not None:
        length = [f"{row['n_tokens']} tokens"] if "n_tokens" in row else []
        length += [f"ended by {row['finish_reason']}"] if "finish_reason" in row else []
        lines += ["", f"Response {', '.join(length)}".rstrip(), *_quoted(row["response"])]
    if found := readings(row):
        width = max(map(len, found))
        lines += ["", "Readings"]
        lines += [f"  {scorer:{width}}  {option(row, index)}" for scorer, index in found.items()]
    if "correct" in row:
        parts = [option(row, row["prediction"])] if "prediction" in row else []
        parts += [row["parse_class"]] if "parse_class" in row else []
        lines += ["", "Score", f"  {', '.join([*parts, 'right' if row['correct'] else 'wrong'])}"]
    return clean("\n".join(lines))


def readings(row: Row) -> dict[str, int | None]:
    """The option that each scorer reads in a response: as the row says, or else read now; empty if neither can be."""
    if "readings" in row:
        return dict(row["readings"])
    if not isinstance(row.get("response"), str) or len(row.get("choices") or ()) < 2:
        return {}
    prefix = bool(row.get("think_prefix"))
    return readings_of(read_response(row["response"], row["choices"], think_prefix=prefix), row.get("answer_index", -1))


def _row(rows: list[Row], wanted: str, where: str) -> Row:
    by_id = {str(row["id"]): row for row in rows if "id" in row}
    if wanted in by_id:
        return by_id[wanted]
    near = get_close_matches(wanted, by_id, n=3, cutoff=0.5) or list(by_id)[:3]
    raise UserError(f"{where}: no question '{wanted}' among its {len(by_id)}: choose one such as {', '.join(near)}")


def _quoted(text: Any) -> list[str]:
    return [f"  | {line}" for line in str(text).split("\n")]
