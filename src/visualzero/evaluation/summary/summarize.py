"""The summary stage: reads every score and response of the study and writes `summary.json`."""

from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd

from visualzero.config import Study
from visualzero.data.question import read_questions
from visualzero.evaluation.reading.score import verified_rows
from visualzero.evaluation.reading.scorers import opened
from visualzero.evaluation.reasoning.analysis import analyse
from visualzero.evaluation.summary.causes import causes
from visualzero.evaluation.summary.cell import ScoredBenchmark
from visualzero.evaluation.summary.controls import control_effects
from visualzero.evaluation.summary.numbers import rounded, summarize, summary_text
from visualzero.evaluation.summary.scorer_agreement import agreement
from visualzero.layout import Layout, seeds_of
from visualzero.manifest import atomic, verify
from visualzero.progress import say
from visualzero.prompts import forced_prefix

Analysis = Callable[[str, int | str, str], Any]  # of an arm with a seed on a benchmark


def summarize_study(study: Study, layout: Layout) -> None:
    """Write the summary; an evaluation that is not there is an error, since the workflow makes them all first.

    Raises:
        UserError: if a file is missing, or altered since it was made.
    """
    for name in study.data.benchmarks:
        verify(layout.questions(name).with_suffix(".json"))
    questions = {name: read_questions(layout.questions(name), images=False) for name in study.data.benchmarks}
    scores = {run: verified_rows(layout.scores(*run)) for run in _runs(study)}
    summary = summarize(
        {(arm, seed if isinstance(seed, int) else None, name): rows for (arm, seed, name), rows in scores.items()},
        scale=study.scale,
        scorer=study.evaluate.scorer,
        arms={name: {**arm.model_dump(), "trained": arm.trained} for name, arm in study.arms.items()},
        seeds=study.seeds,
        benchmarks={
            name: ScoredBenchmark(questions[name], benchmark.sources_2d, benchmark.sources_3d)
            for name, benchmark in study.data.benchmarks.items()
        },
        margin=study.margin,
        comparisons=[(pair.a, pair.b) for pair in study.comparisons],
    )

    def controls(arm: str, seed: int | str, name: str) -> dict[str, Any]:
        asked = {
            control: verified_rows(layout.scores(arm, seed, name, control))
            for control, arms in study.controls
            if arm in arms
        }
        choices = dict(zip(questions[name]["id"], questions[name]["choices"], strict=True))
        return control_effects(scores[arm, seed, name], asked, choices)

    def reasoning(arm: str, seed: int | str, name: str) -> dict[str, Any]:
        responses = verified_rows(layout.predictions(arm, seed, name))
        prefixed = bool(forced_prefix(study.arm(arm).asked_with))
        return analyse(_answered(questions[name], scores[arm, seed, name], responses, prefixed))

    summary["controls"] = _by_benchmark(study, controls)
    summary["reasoning"] = _by_benchmark(study, reasoning)
    summary["scorer_agreement"] = {
        name: agreement([row for run, rows in scores.items() if run[2] == name for row in rows])
        for name in study.data.benchmarks
    }
    if found := causes(study, layout, questions, scores):
        summary["causes"] = found
    with atomic(layout.summary) as temporary:
        temporary.write_text(summary_text(rounded(summary)), encoding="utf-8")
    say(f"{layout.summary}: {len(scores)} evaluations")


def _runs(study: Study) -> Iterator[tuple[str, int | str, str]]:
    for arm in study.arms:
        for seed in seeds_of(study, arm):
            for name in study.data.benchmarks:
                yield arm, seed, name


def _by_benchmark(study: Study, analysis: Analysis) -> dict[str, dict[str, dict[str, Any]]]:
    """What `analysis` finds, by benchmark, arm and seed; empty findings are left out."""
    found: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in study.data.benchmarks}
    for arm, seed, name in _runs(study):
        if made := analysis(arm, seed, name):
            found[name].setdefault(arm, {})[str(seed)] = made
    return found


def _answered(
    questions: pd.DataFrame, scores: list[dict[str, Any]], responses: list[dict[str, Any]], think_prefix: bool
) -> list[dict[str, Any]]:
    """Score rows with their response, as it was scored, and the question's choices."""
    choices = dict(zip(questions["id"], map(list, questions["choices"]), strict=True))
    said = {row["id"]: opened(row["response"], think_prefix) for row in responses}
    return [{**row, "choices": choices[row["id"]], "response": said[row["id"]]} for row in scores]
