"""The report stage: finds the study's results by the layout and builds the page."""

from pathlib import Path

from visualzero.config import Study
from visualzero.layout import Layout, kept_steps, seeds_of
from visualzero.manifest import verify
from visualzero.progress import say
from visualzero.prompts import forced_prefix
from visualzero.report.inputs import ReportInputs, Seed
from visualzero.report.page import build_report


def report_study(study: Study, layout: Layout) -> None:
    """Write the page and its tables to the layout's report folder; what was not run is shown as not run.

    Raises:
        UserError: if something that it shows was altered since it was made.
    """
    benchmarks = list(study.data.benchmarks)
    evaluations: dict[tuple[str, Seed, str], tuple[str, int | str, str]] = {
        (arm, seed if isinstance(seed, int) else None, benchmark): (arm, seed, benchmark)
        for arm in study.arms
        for seed in seeds_of(study, arm)
        for benchmark in benchmarks
    }
    inputs = ReportInputs(
        scale=study.scale,
        summary=layout.summary,
        arms={name: arm.model_dump(exclude={"freeze"}) for name, arm in study.arms.items()},
        runs={(arm, seed): layout.run(arm, seed) for arm in study.trained_arms() for seed in study.seeds},
        predictions={key: layout.predictions(*where) for key, where in evaluations.items()},
        scores={key: layout.scores(*where) for key, where in evaluations.items()},
        benchmarks={name: layout.questions(name) for name in benchmarks},
        train=layout.questions("train"),
        timings={
            str(path.relative_to(layout.timings).with_suffix("")): path
            for path in sorted(layout.timings.rglob("*.tsv"))
            if path != layout.timings / "report.tsv"  # of the page's last build, not of this one
        },
        curve=layout.curve,
        checkpoints={
            (arm, seed, step): layout.checkpoint_predictions(arm, seed, step, benchmarks[0])
            for arm in study.trained_arms()
            for seed in study.seeds
            for step in kept_steps(study, arm)
        },
        prefixed=frozenset(name for name, arm in study.arms.items() if forced_prefix(arm.asked_with)),
        models={init: layout.model(init).parent / "manifest.json" for init in ("base", "instruct")},
    )
    tables = {**inputs.benchmarks, "train": layout.questions("train")}
    for files in (inputs.predictions, inputs.scores, inputs.checkpoints, tables):
        for path in files.values():
            _verify(path.with_suffix(".json"))
    for (arm, _), run in inputs.runs.items():
        rollouts = ("rollouts.parquet",) if study.arm(arm).recipe == "grpo" else ()
        _verify(run / "manifest.json", "history.parquet", *rollouts)
    build_report(inputs, layout.report)
    say(f"report: {layout.report / 'index.html'}")


def _verify(manifest: Path, *parts: str) -> None:
    """Verify what was made."""
    if manifest.is_file():
        verify(manifest, *parts)
