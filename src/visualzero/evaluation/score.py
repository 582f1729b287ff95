"""The score stage: an arm's responses to a benchmark become one score row per question."""

import json
from pathlib import Path
from typing import Any

from visualzero.config import Study
from visualzero.data.question import read_questions
from visualzero.errors import UserError
from visualzero.evaluation.scorers import score_rows
from visualzero.layout import Layout
from visualzero.manifest import atomic
from visualzero.prompts import forced_prefix


def score_arm(study: Study, layout: Layout, arm: str, seed: int | str, benchmark: str) -> None:
    """Write the score rows of an arm with a seed on a benchmark, in the questions' order (JSONL)."""
    predictions = layout.predictions(arm, seed, benchmark)
    rows = score_rows(
        read_rows(predictions),
        read_questions(layout.questions(benchmark), images=False),
        study.evaluate.scorer,
        think_prefix=bool(forced_prefix(study.arm(arm).prompt)),
        where=str(predictions),
    )
    with atomic(layout.scores(arm, seed, benchmark)) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a JSONL file.

    Raises:
        UserError: if it is missing or a line is no JSON object.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")  # not splitlines: texts may hold U+2028
    except FileNotFoundError:
        raise UserError(f"{path}: no such file: run the stage that makes it (`snakemake evaluate`)") from None
    rows = []
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise UserError(f"{path}:{number}: no JSON ({error}): delete the file and run again") from None
        if not isinstance(row, dict):
            raise UserError(f"{path}:{number}: no JSON object: delete the file and run again")
        rows.append(row)
    return rows
