"""Accuracy against steps, from the checkpoints that runs keep (the paper's Figure 1)."""

import csv
from statistics import fmean

from visualzero.config import Study
from visualzero.data.question import read_questions
from visualzero.errors import UserError
from visualzero.evaluation.reading.score import verified_rows
from visualzero.evaluation.reading.scorers import score_rows
from visualzero.evaluation.reasoning.rollout_reflection import reflecting
from visualzero.layout import Layout, kept_steps
from visualzero.manifest import atomic
from visualzero.progress import say
from visualzero.prompts import forced_prefix

COLUMNS = ("arm", "seed", "benchmark", "step", "n", "accuracy", "tokens", "reflection")


def curve_study(study: Study, layout: Layout) -> None:
    """Write a row of COLUMNS for each kept checkpoint.

    `accuracy` and `reflection` are shares of the n questions: those answered right, and those whose thought has a cue
    of self-reflection. `tokens` is the mean length of a response.

    Raises:
        UserError: if no run keeps any, or a checkpoint's responses are missing or altered.
    """
    benchmark = next(iter(study.data.benchmarks))
    kept = [(arm, seed, step) for arm in study.arms for seed in study.seeds for step in kept_steps(study, arm)]
    if not kept:
        raise UserError(
            "no run keeps weights on its way: set checkpoint_steps of sft or grpo, such as grpo.checkpoint_steps=100"
        )
    questions = read_questions(layout.questions(benchmark), images=False)
    with atomic(layout.curve) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for arm, seed, step in kept:
            path = layout.checkpoint_predictions(arm, seed, step, benchmark)
            responses = verified_rows(path)
            rows = score_rows(
                responses,
                questions,
                study.evaluate.scorer,
                think_prefix=bool(forced_prefix(study.arm(arm).asked_with)),
                where=str(path),
            )
            accuracy, tokens = fmean(row["correct"] for row in rows), fmean(row["n_tokens"] for row in rows)
            reflection = fmean(reflecting(row["response"]) for row in responses)
            shown = [f"{accuracy:.4f}", f"{tokens:.1f}", f"{reflection:.4f}"]
            writer.writerow([arm, seed, benchmark, step, len(rows), *shown])
    say(f"{layout.curve}: {len(kept)} checkpoints")
