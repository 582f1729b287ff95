"""The page of a study that is still being run: what is scored so far; the other arms are shown as not run."""

from collections.abc import Iterator
from pathlib import Path

from visualzero.config import Study
from visualzero.config.loading import only
from visualzero.errors import UserError
from visualzero.evaluation.summary.summarize import summarize_study
from visualzero.layout import Layout, PartialLayout, seeds_of
from visualzero.report.build import report_study


def report_so_far(study: Study, layout: Layout) -> None:
    """Write summary and page below `work/<scale>/partial`, of the arms whose every evaluation is scored.

    Raises:
        UserError: if there is none, or a file was altered since it was made.
    """
    scored = [arm for arm in study.arms if all(path.is_file() for path in _needed(study, layout, arm))]
    if not scored:
        raise UserError(f"{layout.root}: no arm is trained, evaluated and scored yet: `visualzero watch` shows how far")
    partial = PartialLayout(layout.scale, layout.results)
    summarize_study(_explained(only(study, scored), layout), partial)
    report_study(study, partial)


def _explained(study: Study, layout: Layout) -> Study:
    """The study without the causes whose answers are not all read yet."""
    asked = {
        "sampling": (study.sampled_arms(), layout.sample_scores, study.sampled_benchmark),
        "interventions": (study.intervened_arms(), layout.intervention_scores, study.intervened_benchmark),
    }
    missing = [
        key
        for key, (arms, scores, benchmark) in asked.items()
        for arm in arms
        for seed in seeds_of(study, arm)
        if not scores(arm, seed, benchmark).with_suffix(".json").is_file()
    ]
    return study.model_copy(update={"causes": study.causes.model_copy(update=dict.fromkeys(missing))})


def _needed(study: Study, layout: Layout, arm: str) -> Iterator[Path]:
    """The manifests of an arm's scores; they are written last."""
    asked = [None, *(control for control, arms in study.controls if arm in arms)]
    for seed in seeds_of(study, arm):
        for benchmark in study.data.benchmarks:
            yield from (layout.scores(arm, seed, benchmark, control).with_suffix(".json") for control in asked)
