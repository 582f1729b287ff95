"""The sample stage: draws an arm's answers to the questions of `causes.sampling`; resumable, and in shards.

How questions are cut, shared among jobs and kept on the way is greedy evaluation's (evaluation/answering/generate.py).
"""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import cast

from visualzero.causes.chosen import chosen
from visualzero.causes.drawing import WINDOW, Samples, draw
from visualzero.causes.gathering import write_record
from visualzero.config import Study
from visualzero.data.question import read_questions, require_choices
from visualzero.errors import UserError
from visualzero.evaluation.answering.asking import Batch, Engine, portions
from visualzero.evaluation.answering.generate import ROWS, Job, predict
from visualzero.evaluation.answering.shards import WHOLE, Shard
from visualzero.fingerprint import digest
from visualzero.jobs import sample_fingerprint
from visualzero.layout import Layout
from visualzero.manifest import read_manifest, verify
from visualzero.models.processor import load_processor
from visualzero.progress import say


def sample_arm(study: Study, layout: Layout, arm: str, seed: int | str, shard: Shard | None = None) -> None:
    """Write a row of samples for each question that is asked; with a shard that part, without one a manifest too.

    Raises:
        UserError: if the arm is not sampled, a file that it starts from is missing or was altered, or a question has no
            options.
    """
    sampling, spec, source, settings = study.sampling, study.arm(arm), study.source(arm), study.evaluation(arm)
    if arm not in study.sampled_arms():
        raise UserError(f"causes.sampling.arms: '{arm}' is not among them: add it there, or sample another arm")
    benchmark = study.sampled_benchmark
    weights, questions = layout.weights(study, arm, seed), layout.questions(benchmark)
    manifests = questions.with_suffix(".json"), weights.parent / "manifest.json"
    verify(manifests[0])
    verify(manifests[1], weights.name)
    files = [read_manifest(manifest)["files"] for manifest in manifests]
    key = digest({"made from": sample_fingerprint(study, arm), "files": files})
    processor = load_processor(weights, spec.asked_with, source.min_pixels, source.max_pixels)
    asked = chosen(read_questions(questions), sampling)
    require_choices(asked, "causes.sampling")
    run = f"{arm}/{seed}"
    labels = {
        "run": run,
        "arm": arm,
        "seed": seed if isinstance(seed, int) else None,
        "benchmark": benchmark,
        "control": None,
        "prompt": spec.asked_with,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
    }
    say(f"{run}: {sampling.samples} samples of answers to each of {len(asked)} questions of {benchmark}")
    work = layout.work("samples", arm, seed, benchmark, key, str(shard or WHOLE))
    given = partial(draw, weights=weights, processor=processor, settings=settings, sampling=sampling, run=run)

    def answers(batches: Iterable[Batch]) -> Iterator[list[Samples]]:
        return given((portions(batch, sampling.batch_size) for batch in batches), rows=work / ROWS)

    window = WINDOW * sampling.batch_size
    predict(
        Job(labels, study.data.benchmarks[benchmark].options, window, shard or WHOLE),
        cast(Engine, answers),  # a row has several
        processor,
        asked,
        layout.samples(arm, seed, benchmark) if shard is None else layout.sample_shard(arm, seed, benchmark, shard),
        work,
    )
    if shard is None:
        write_record(study, layout, arm, seed)
