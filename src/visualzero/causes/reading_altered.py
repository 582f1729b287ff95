"""The stage that reads what an arm has answered from its altered thoughts, by the study's scorer."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from visualzero.causes.chosen import chosen
from visualzero.config import Study
from visualzero.data.question import read_questions
from visualzero.errors import UserError
from visualzero.evaluation.reading.score import verified_rows
from visualzero.evaluation.reading.scorers import read_response
from visualzero.evaluation.reasoning.altering import reconsiders
from visualzero.evaluation.rows import write_rows
from visualzero.jobs import intervention_scores_fingerprint
from visualzero.layout import Layout
from visualzero.manifest import verify, write_manifest
from visualzero.prompts import forced_prefix

Row = dict[str, Any]


def read_interventions(study: Study, layout: Layout, arm: str, seed: int | str) -> None:
    """Write what is read in an arm's answers from altered thoughts, a row for each question, and a manifest.

    Raises:
        UserError: if the answers are missing, altered, or of other questions.
    """
    benchmark, scorer = study.intervened_benchmark, study.evaluate.scorer
    answers, scores = (of(arm, seed, benchmark) for of in (layout.interventions, layout.intervention_scores))
    rows = verified_rows(answers)
    verify(layout.questions(benchmark).with_suffix(".json"))
    questions = chosen(read_questions(layout.questions(benchmark), images=False), study.interventions)
    if unknown := {row["id"] for row in rows} - {*questions["id"]}:
        raise UserError(
            f"{answers}: answers to other questions than are asked, such as '{min(unknown)}': delete"
            f" {answers.with_suffix('.json')} and run `snakemake causes`"
        )
    prefixed = bool(forced_prefix(study.arm(arm).asked_with))
    write_rows(altered_rows(rows, questions, scorer, think_prefix=prefixed), scores)
    write_manifest(scores.with_suffix(".json"), [scores], intervention_scores_fingerprint(study, arm))


def altered_rows(
    rows: Sequence[Mapping[str, Any]], questions: pd.DataFrame, scorer: str, *, think_prefix: bool
) -> list[Row]:
    """One row for each question, in their order; those whose response has no thought have no readings.

    Args:
        rows: of `continuing.go_on`, each with its question's id; of those that think.
        questions: the Question table; its images are not needed.
        scorer: whose reading counts.
        think_prefix: whether the prompt has already written `<think>`.

    Returns:
        Rows of id, image_id, answer_index, n_choices, readings (by kind, the option that is read in each answer, or
        None), truncated (by kind, how many were cut off), again (free continuations that write a cue themselves, or
        None where there are none), by (what was exchanged in the corrupted thought, or None),
        entropy (of `certainty`, or None).
    """
    continued = {row["id"]: row for row in rows}
    made = []
    for about in questions.to_dict("records"):
        choices, gold = list(about["choices"]), int(about["answer_index"])

        def read(text: str, choices: list[str] = choices, gold: int = gold) -> int | None:
            return read_response(text, choices, think_prefix=think_prefix, names=[scorer])[scorer].given(gold)

        row = continued.get(about["id"], {})
        altered = row.get("altered", {})
        free = altered.get("free")
        made.append(
            {
                "id": about["id"],
                "image_id": about["image_id"],
                "answer_index": gold,
                "n_choices": len(choices),
                "readings": {
                    kind: [read(one["prefix"] + said) for said in one["responses"]] for kind, one in altered.items()
                },
                "truncated": {kind: one["finish_reasons"].count("length") for kind, one in altered.items()},
                "again": free and sum(reconsiders(free["prefix"], said, think_prefix) for said in free["responses"]),
                "by": altered.get("corrupted", {}).get("by"),
                "entropy": row.get("entropy"),
            }
        )
    return made
