"""The stage that alters an arm's thoughts and lets it go on (`causes.interventions`); resumable, and in shards.

It draws as the sample stage does, and batches are cut, shared among jobs and kept as greedy evaluation's are.
"""

from functools import partial
from typing import Any, cast

import pandas as pd

from visualzero.causes.certainty import Reconsidered, certainty
from visualzero.causes.chosen import chosen
from visualzero.causes.continuing import go_on
from visualzero.causes.drawing import WINDOW, draw
from visualzero.causes.thoughts import Altered, altered_thoughts
from visualzero.config import Interventions, Sampling, Study
from visualzero.data.question import read_questions, require_choices
from visualzero.errors import UserError
from visualzero.evaluation.answering.asking import Engine
from visualzero.evaluation.answering.gather import gather
from visualzero.evaluation.answering.generate import ROWS, Job, predict
from visualzero.evaluation.answering.shards import WHOLE, Shard, shards
from visualzero.evaluation.reading.score import read_rows, verified_rows
from visualzero.evaluation.rows import write_rows
from visualzero.fingerprint import digest
from visualzero.jobs import intervention_fingerprint
from visualzero.layout import Layout
from visualzero.manifest import read_manifest, verify, write_manifest
from visualzero.models.processor import load_processor
from visualzero.progress import say
from visualzero.prompts import forced_prefix


def intervene_arm(study: Study, layout: Layout, arm: str, seed: int | str, shard: Shard | None = None) -> None:
    """Write a row for each question whose response thinks; with a shard that part, without one a manifest too.

    Raises:
        UserError: if the arm's thoughts are not to be altered, a file that it starts from is missing or was altered,
            or a question has no options.
    """
    asked, spec, source, settings = study.interventions, study.arm(arm), study.source(arm), study.evaluation(arm)
    if arm not in study.intervened_arms():
        raise UserError(f"causes.interventions.arms: '{arm}' is not among them: add it there, or name another arm")
    benchmark = study.intervened_benchmark
    weights, responses = layout.weights(study, arm, seed), layout.predictions(arm, seed, benchmark)
    manifests = (
        layout.questions(benchmark).with_suffix(".json"),
        weights.parent / "manifest.json",
        responses.with_suffix(".json"),
    )
    verify(manifests[1], weights.name)
    questions, altered = _thinking(study, layout, arm, seed)
    files = [read_manifest(manifest)["files"] for manifest in manifests]
    key = digest({"made from": intervention_fingerprint(study, arm), "files": files})
    out = (
        layout.interventions(arm, seed, benchmark)
        if shard is None
        else layout.intervention_shard(arm, seed, benchmark, shard)
    )
    say(f"{arm}/{seed}: {len(questions)} thoughts on {benchmark} are altered, {asked.samples} answers from each")
    rows: list[dict[str, Any]] = []
    work = layout.work("interventions", arm, seed, benchmark, key, str(shard or WHOLE))
    if altered:
        processor = load_processor(weights, spec.asked_with, source.min_pixels, source.max_pixels)
        run = f"{arm}/{seed}"
        labels = {
            "run": run,
            "arm": arm,
            "seed": seed if isinstance(seed, int) else None,
            "benchmark": benchmark,
            "control": "interventions",
            "prompt": spec.asked_with,
            "temperature": asked.temperature,
            "top_p": asked.top_p,
        }
        model: dict[str, Any] = {"weights": weights, "processor": processor, "settings": settings}
        engines = {
            "answers": partial(
                go_on,
                altered=altered,
                draw=partial(draw, **model, sampling=_sampling(asked), run=run, rows=work / "answers" / ROWS),
                size=asked.batch_size,
            ),
            "entropies": partial(certainty, thoughts=_reconsidered(altered), **model),
        }
        window = WINDOW * asked.batch_size
        job = Job(labels, study.data.benchmarks[benchmark].options, window, shard or WHOLE)
        for name, engine in engines.items():
            if not (work / f"{name}.jsonl").exists():
                predict(job, cast(Engine, engine), processor, questions, work / f"{name}.jsonl", work / name)
        answers, entropies = (read_rows(work / f"{name}.jsonl") for name in engines)
        rows = [one | {"entropy": other["entropy"]} for one, other in zip(answers, entropies, strict=True)]
    write_rows(rows, out)
    for part in work.glob("*.jsonl"):
        part.unlink()
    if shard is None:
        _write_record(study, layout, arm, seed)


def gather_interventions(study: Study, layout: Layout, arm: str, seed: int | str) -> None:
    """Join an arm's `evaluate.shards` shards, and write the manifest.

    Raises:
        UserError: if a shard is missing, or a question that thinks has no row in any of them.
    """
    benchmark = study.intervened_benchmark
    parts = [layout.intervention_shard(arm, seed, benchmark, shard) for shard in shards(study.evaluate.shards)]
    questions, _ = _thinking(study, layout, arm, seed, images=False)
    gather(parts, questions["id"].tolist(), layout.interventions(arm, seed, benchmark))
    _write_record(study, layout, arm, seed)


def _thinking(
    study: Study, layout: Layout, arm: str, seed: int | str, images: bool = True
) -> tuple[pd.DataFrame, Altered]:
    """The questions whose responses have a thought, and their altered thoughts."""
    benchmark = study.intervened_benchmark
    verify(layout.questions(benchmark).with_suffix(".json"))
    questions = chosen(read_questions(layout.questions(benchmark), images=images), study.interventions)
    require_choices(questions, "causes.interventions")
    altered = altered_thoughts(
        questions,
        verified_rows(layout.predictions(arm, seed, benchmark)),
        think_prefix=bool(forced_prefix(study.arm(arm).asked_with)),
        seed=study.interventions.seed,
    )
    return questions[questions["id"].isin(list(altered))].reset_index(drop=True), altered


def _reconsidered(altered: Altered) -> dict[str, Reconsidered]:
    """The thoughts with a cue, by question."""
    return {
        name: Reconsidered(kinds["kept"].text, kinds["free"].text) for name, kinds in altered.items() if "free" in kinds
    }


def _sampling(asked: Interventions) -> Sampling:
    """How answers are drawn from each thought."""
    return Sampling(samples=asked.samples, temperature=asked.temperature, top_p=asked.top_p, seed=asked.seed)


def _write_record(study: Study, layout: Layout, arm: str, seed: int | str) -> None:
    """Write the manifest beside the rows (`.json` for `.jsonl`)."""
    benchmark = study.intervened_benchmark
    rows = layout.interventions(arm, seed, benchmark)
    write_manifest(
        rows.with_suffix(".json"),
        [rows],
        intervention_fingerprint(study, arm),
        run=f"{arm}/{seed}",
        benchmark=benchmark,
        style=study.arm(arm).asked_with,
        interventions=study.interventions.model_dump(exclude={"arms", "benchmark", "margin"}),
        evaluate=study.evaluation(arm).model_dump(exclude={"scorer", "shards", "batch_size", "window", "engine"}),
    )
