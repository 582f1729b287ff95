"""The stage that scores samples: what every scorer reads in each of an arm's sampled answers."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from visualzero.causes.chosen import chosen
from visualzero.config import Study
from visualzero.data.question import read_questions
from visualzero.errors import UserError
from visualzero.evaluation.reading.score import verified_rows
from visualzero.evaluation.reading.scorers import opened, read_response, readings, scorers
from visualzero.evaluation.reasoning.rollout_reflection import reflecting
from visualzero.evaluation.rows import write_rows
from visualzero.jobs import sample_scores_fingerprint
from visualzero.layout import Layout
from visualzero.manifest import verify, write_manifest
from visualzero.prompts import forced_prefix

Row = dict[str, Any]


def read_samples(study: Study, layout: Layout, arm: str, seed: int | str) -> None:
    """Write an arm's sampled answers as every scorer reads them, a row for each question, and a manifest.

    Raises:
        UserError: if the samples are missing, altered, or not of these questions.
    """
    benchmark = study.sampled_benchmark
    samples, scores = (of(arm, seed, benchmark) for of in (layout.samples, layout.sample_scores))
    rows = verified_rows(samples)
    verify(layout.questions(benchmark).with_suffix(".json"))
    asked = chosen(read_questions(layout.questions(benchmark), images=False), study.sampling)
    if [row["id"] for row in rows] != asked["id"].tolist():
        raise UserError(
            f"{samples}: not samples of the questions that are asked: delete {samples.with_suffix('.json')} and run"
            " `snakemake causes`"
        )
    prefixed = bool(forced_prefix(study.arm(arm).asked_with))
    write_rows(sample_rows(rows, asked, think_prefix=prefixed), scores)
    write_manifest(scores.with_suffix(".json"), [scores], sample_scores_fingerprint(study, arm))


def sample_rows(samples: Sequence[Mapping[str, Any]], questions: pd.DataFrame, *, think_prefix: bool) -> list[Row]:
    """One row per question, in the order of both.

    Args:
        samples: rows with responses, n_tokens and finish_reasons, lists of n.
        questions: the Question table; its images are not needed.
        think_prefix: whether the prompt has already written `<think>`.

    Returns:
        Rows of id, task, source, image_id, answer_index, n_choices, readings (by scorer, the option that it reads in
        each answer, or None), n_tokens, finish_reasons, reflecting (how many of the
        answers have a cue of self-reflection in their thought).
    """
    made = []
    for row, drawn in zip(questions.to_dict("records"), samples, strict=True):
        choices, gold = list(row["choices"]), int(row["answer_index"])
        said = {
            text: readings(read_response(text, choices, think_prefix=think_prefix), gold)
            for text in dict.fromkeys(drawn["responses"])
        }
        made.append(
            {
                **{key: row[key] for key in ("id", "task", "source", "image_id")},
                "answer_index": gold,
                "n_choices": len(choices),
                "readings": {name: [said[text][name] for text in drawn["responses"]] for name in scorers()},
                "n_tokens": drawn["n_tokens"],
                "finish_reasons": drawn["finish_reasons"],
                "reflecting": sum(reflecting(opened(text, think_prefix)) for text in drawn["responses"]),
            }
        )
    return made
