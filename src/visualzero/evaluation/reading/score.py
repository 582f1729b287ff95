"""The score stage: an arm's responses to a benchmark become one score row per question."""

from pathlib import Path
from typing import Any

from visualzero.config import Study
from visualzero.data.question import read_questions
from visualzero.evaluation.answering.control_questions import controlled
from visualzero.evaluation.reading.scorers import score_rows
from visualzero.evaluation.rows import numbered_rows, write_rows
from visualzero.layout import Layout
from visualzero.prompts import forced_prefix


def score_arm(
    study: Study, layout: Layout, arm: str, seed: int | str, benchmark: str, control: str | None = None
) -> None:
    """Write an arm's score rows on a benchmark or its control questions, in the questions' order (JSONL)."""
    predictions = layout.predictions(arm, seed, benchmark, control)
    rows = score_rows(
        read_rows(predictions),
        controlled(read_questions(layout.questions(benchmark), images=False), control),
        study.evaluate.scorer,
        think_prefix=bool(forced_prefix(study.arm(arm).asked_with)),
        where=str(predictions),
    )
    write_rows(rows, layout.scores(arm, seed, benchmark, control))


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a JSONL file.

    Raises:
        UserError: if it is missing or a line is no JSON object.
    """
    missing = "run the stage that makes it (`snakemake evaluate`)"
    return [row for _, row in numbered_rows(path, missing=missing, broken="delete the file and run again")]
