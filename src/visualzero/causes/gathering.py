"""An arm's samples from their shards, in one file as if one job had written them, and the manifest beside it."""

from visualzero.causes.chosen import chosen
from visualzero.config import Study
from visualzero.data.question import read_questions
from visualzero.evaluation.answering.gather import gather
from visualzero.evaluation.answering.shards import shards
from visualzero.jobs import sample_fingerprint
from visualzero.layout import Layout
from visualzero.manifest import write_manifest


def gather_samples(study: Study, layout: Layout, arm: str, seed: int | str) -> None:
    """Join an arm's `evaluate.shards` shards, and write the manifest.

    Raises:
        UserError: if a shard is missing, or a question has no samples in any of them.
    """
    benchmark = study.sampled_benchmark
    parts = [layout.sample_shard(arm, seed, benchmark, shard) for shard in shards(study.evaluate.shards)]
    asked = chosen(read_questions(layout.questions(benchmark), images=False), study.sampling)
    gather(parts, asked["id"].tolist(), layout.samples(arm, seed, benchmark))
    write_record(study, layout, arm, seed)


def write_record(study: Study, layout: Layout, arm: str, seed: int | str) -> None:
    """Write the manifest beside an arm's samples (`.json` for `.jsonl`)."""
    benchmark = study.sampled_benchmark
    samples = layout.samples(arm, seed, benchmark)
    write_manifest(
        samples.with_suffix(".json"),
        [samples],
        sample_fingerprint(study, arm),
        run=f"{arm}/{seed}",
        benchmark=benchmark,
        style=study.arm(arm).asked_with,
        sampling=study.sampling.model_dump(exclude={"arms", "benchmark"}),
        evaluate=study.evaluation(arm).model_dump(exclude={"scorer", "shards", "batch_size", "window", "engine"}),
    )
