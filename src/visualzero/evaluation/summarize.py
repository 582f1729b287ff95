"""The summary stage: reads every score of the study and writes `summary.json`."""

from visualzero.config import Study
from visualzero.data.question import read_questions
from visualzero.evaluation.score import read_rows
from visualzero.evaluation.summary import ScoredBenchmark, summarize, summary_text
from visualzero.layout import Layout, seeds_of
from visualzero.manifest import atomic
from visualzero.progress import say


def summarize_study(study: Study, layout: Layout) -> None:
    """Write the summary; an evaluation that is not there is an error, since the workflow makes them all first."""
    scores = {
        (arm, seed if isinstance(seed, int) else None, benchmark): read_rows(layout.scores(arm, seed, benchmark))
        for arm in study.arms
        for seed in seeds_of(study, arm)
        for benchmark in study.data.benchmarks
    }
    summary = summarize(
        scores,
        scale=study.scale,
        scorer=study.evaluate.scorer,
        arms={name: {**arm.model_dump(), "trained": arm.trained} for name, arm in study.arms.items()},
        seeds=study.seeds,
        benchmarks={
            name: ScoredBenchmark(
                read_questions(layout.questions(name), images=False), benchmark.sources_2d, benchmark.sources_3d
            )
            for name, benchmark in study.data.benchmarks.items()
        },
        comparisons=[(pair.a, pair.b) for pair in study.comparisons],
    )
    with atomic(layout.summary) as temporary:
        temporary.write_text(summary_text(summary), encoding="utf-8")
    say(f"{layout.summary}: {len(scores)} evaluations")
