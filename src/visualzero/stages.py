"""The stages that need torch: train and predict. They find their inputs, each with its manifest, by the layout."""

import hashlib
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from visualzero.config import Study
from visualzero.data.question import read_questions
from visualzero.errors import UserError
from visualzero.evaluation.answering import transformers_engine
from visualzero.evaluation.answering.asking import Answer
from visualzero.evaluation.answering.control_questions import controlled
from visualzero.evaluation.answering.generate import ROWS, Job, predict
from visualzero.evaluation.answering.record import write_record
from visualzero.evaluation.answering.shards import WHOLE, Shard
from visualzero.jobs import predict_fingerprint, run_fingerprint
from visualzero.layout import Layout
from visualzero.manifest import read_manifest, sha256, verify, write_manifest
from visualzero.models.processor import load_processor


def train_arm(study: Study, layout: Layout, arm: str, seed: int | str) -> None:
    """Train an arm with a seed; several processes are done with each other after it."""
    from accelerate import PartialState  # not at the top: evaluation's environment has no trainer

    from visualzero.training.run import Run

    spec = study.arm(arm)
    if not spec.trained or not isinstance(seed, int):
        raise UserError(f"arm '{arm}' is not trained (recipe {spec.recipe}): evaluate it with `visualzero predict`")
    questions, weights = layout.questions("train"), layout.initial(study, arm, seed)
    trajectories = layout.trajectories(study, arm, seed)
    if trajectories and not trajectories.is_file():
        raise UserError(
            f"{trajectories}: no such table of trajectories: correct arms.{arm}.trajectories, or train its arm"
        )
    solved = Path(spec.difficulty.path) if spec.difficulty else None
    if solved and not solved.is_file():
        raise UserError(f"{solved}: no such table of solved questions: correct arms.{arm}.difficulty.path, or make it")
    if os.environ.get("RANK", "0") == "0":  # of several processes the first one looks for all
        verify(questions.with_suffix(".json"))
        verify(weights.parent / "manifest.json", weights.name)
        if trajectories and spec.trajectories and spec.trajectories.arm:
            verify(trajectories.parent / "manifest.json", trajectories.name)
    fingerprint = run_fingerprint(study, arm, seed)
    key = _key(
        fingerprint, questions.with_suffix(".json"), weights.parent / "manifest.json", tables=(trajectories, solved)
    )
    run = Run(
        study=study,
        arm_name=arm,
        seed=seed,
        questions=questions,
        weights=weights,
        out=layout.run(arm, seed),
        work=layout.work("runs", arm, seed, key),
        fingerprint=fingerprint,
        trajectories=trajectories,
    )
    if spec.recipe == "sft":
        from visualzero.training.sft import train_sft

        train_sft(run)
    else:
        from visualzero.training.grpo import train_grpo

        train_grpo(run)
    # Threads that still wait for messages while Python ends can crash a process whose work is done.
    PartialState().destroy_process_group()


def predict_arm(
    study: Study,
    layout: Layout,
    arm: str,
    seed: int | str,
    benchmark: str,
    control: str | None = None,
    shard: Shard | None = None,
    checkpoint: int | None = None,
) -> None:
    """Let an arm's weights, or those of a checkpoint, answer a benchmark or its control questions.

    With a shard, that part of them; without one, their manifest too.
    """
    spec, source, settings = study.arm(arm), study.source(arm), study.evaluation(arm)
    weights, questions = layout.weights(study, arm, seed), layout.questions(benchmark)
    manifest = weights.parent / "manifest.json"
    kept = weights if checkpoint is None else _checkpoint(layout, arm, seed, checkpoint)
    verify(questions.with_suffix(".json"))
    verify(manifest, str(kept.relative_to(manifest.parent)))
    fingerprint = predict_fingerprint(study, arm, benchmark, control)
    company = f"{settings.batch_size} of {settings.window}"  # no part of the fingerprint, and not to be changed midway
    key = _key(f"{fingerprint} {company}", questions.with_suffix(".json"), manifest)
    processor = load_processor(weights, spec.asked_with, source.min_pixels, source.max_pixels)
    labels = {
        "run": f"{arm}/{seed}",
        "arm": arm,
        "seed": seed if isinstance(seed, int) else None,
        "benchmark": benchmark,
        "control": control,
        "prompt": spec.asked_with,
        "engine": settings.engine,
    }
    kind: tuple[int | str, ...] = ("predictions",)
    if checkpoint is not None:
        out, kind = layout.checkpoint_predictions(arm, seed, checkpoint, benchmark), ("curve", checkpoint)
    elif shard is None:
        out = layout.predictions(arm, seed, benchmark, control)
    else:
        out = layout.shard(arm, seed, benchmark, control, shard)
    work = layout.work(*kind, arm, seed, benchmark, key, str(shard or WHOLE))
    predict(
        Job(labels, study.data.benchmarks[benchmark].options, settings.window, shard or WHOLE),
        partial(_answers(settings.engine), weights=kept, processor=processor, settings=settings, rows=work / ROWS),
        processor,
        controlled(read_questions(questions), control),
        out,
        work,
    )
    if checkpoint is not None:
        write_manifest(out.with_suffix(".json"), [out], fingerprint, run=f"{arm}/{seed}", step=checkpoint)
    elif shard is None:
        write_record(study, layout, arm, seed, benchmark, control)


def _checkpoint(layout: Layout, arm: str, seed: int | str, step: int) -> Path:
    """The weights that a run has kept of a step."""
    weights = layout.checkpoint(arm, seed, step)
    if not weights.is_dir():
        raise UserError(
            f"{weights}: no weights kept of step {step}: set checkpoint_steps in the recipe and train again"
        )
    return weights


def _answers(engine: str) -> Callable[..., Iterator[list[Answer]]]:
    if engine == "vllm":
        from visualzero.evaluation.answering import vllm_engine

        return vllm_engine.answers
    return transformers_engine.answers


def _key(fingerprint: str, *manifests: Path, tables: tuple[Path | None, ...] = ()) -> str:
    """Names resume state by all that it depends on, so that changed inputs never resume an old attempt."""
    files = [str(sorted(read_manifest(path)["files"].items())) for path in manifests]
    files += [sha256(table) for table in tables if table]
    return hashlib.sha256("\0".join([fingerprint, *files]).encode()).hexdigest()[:16]
