"""The score stage: an arm's responses to a benchmark become one score row per question."""

from pathlib import Path
from typing import Any

from visualzero.config import Study
from visualzero.data.question import read_questions
from visualzero.evaluation.answering.control_questions import controlled
from visualzero.evaluation.reading.scorers import score_rows
from visualzero.evaluation.rows import numbered_rows, write_rows
from visualzero.jobs import score_fingerprint
from visualzero.layout import Layout
from visualzero.manifest import verify, write_manifest
from visualzero.prompts import forced_prefix


def score_arm(
    study: Study, layout: Layout, arm: str, seed: int | str, benchmark: str, control: str | None = None
) -> None:
    """Write an arm's score rows on a benchmark or its control questions, in the questions' order, and a manifest."""
    predictions, scores = (of(arm, seed, benchmark, control) for of in (layout.predictions, layout.scores))
    responses = verified_rows(predictions)
    verify(layout.questions(benchmark).with_suffix(".json"))
    rows = score_rows(
        responses,
        controlled(read_questions(layout.questions(benchmark), images=False), control),
        study.evaluate.scorer,
        think_prefix=bool(forced_prefix(study.arm(arm).asked_with)),
        where=str(predictions),
    )
    write_rows(rows, scores)
    write_manifest(scores.with_suffix(".json"), [scores], score_fingerprint(study, arm))


def verified_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a JSONL file that is what the manifest beside it says.

    Raises:
        UserError: if it isn't, or is missing.
    """
    if path.is_file():
        verify(path.with_suffix(".json"))
    return read_rows(path)


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a JSONL file.

    Raises:
        UserError: if it is missing or a line is no JSON object.
    """
    missing = "run the stage that makes it (`snakemake evaluate`)"
    return [row for _, row in numbered_rows(path, missing=missing, broken="delete the file and run again")]
