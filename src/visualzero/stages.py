"""The stages that need torch: train and predict. They find their inputs, each with its manifest, by the layout."""

import hashlib
from pathlib import Path

from visualzero.config import Study
from visualzero.data.question import read_questions
from visualzero.errors import UserError
from visualzero.evaluation.generate import Job, predict
from visualzero.jobs import predict_fingerprint, run_fingerprint
from visualzero.layout import Layout
from visualzero.manifest import read_manifest
from visualzero.models.processor import load_processor
from visualzero.training.run import Run


def train_arm(study: Study, layout: Layout, arm: str, seed: int | str) -> None:
    """Train an arm with a seed."""
    spec = study.arm(arm)
    if not spec.trained or not isinstance(seed, int):
        raise UserError(f"arm '{arm}' is not trained (recipe {spec.recipe}): evaluate it with `visualzero predict`")
    questions, weights = layout.questions("train"), layout.model(spec.init)
    fingerprint = run_fingerprint(study, arm, seed)
    key = _key(fingerprint, questions.with_suffix(".json"), weights.parent / "manifest.json")
    run = Run(
        study=study,
        arm_name=arm,
        seed=seed,
        questions=questions,
        weights=weights,
        out=layout.run(arm, seed),
        work=layout.work("runs", arm, seed, key),
        fingerprint=fingerprint,
    )
    if spec.recipe == "sft":
        from visualzero.training.sft import train_sft

        train_sft(run)
    else:
        from visualzero.training.grpo import train_grpo

        train_grpo(run)


def predict_arm(study: Study, layout: Layout, arm: str, seed: int | str, benchmark: str) -> None:
    """Let an arm's weights answer a benchmark."""
    spec = study.arm(arm)
    weights, questions = layout.weights(study, arm, seed), layout.questions(benchmark)
    source = study.models.base if spec.init == "base" else study.models.instruct
    fingerprint = predict_fingerprint(study, arm, benchmark)
    key = _key(fingerprint, questions.with_suffix(".json"), weights.parent / "manifest.json")
    labels = {"run": f"{arm}/{seed}", "arm": arm, "seed": seed if isinstance(seed, int) else None}
    predict(
        Job(
            {**labels, "benchmark": benchmark, "prompt": spec.prompt},
            study.data.benchmarks[benchmark].options,
            study.evaluate,
        ),
        weights,
        load_processor(weights, spec.prompt, source.min_pixels, source.max_pixels),
        read_questions(questions),
        layout.predictions(arm, seed, benchmark),
        layout.work("predictions", arm, seed, benchmark, key),
    )


def _key(fingerprint: str, *manifests: Path) -> str:
    """Names resume state by all that it depends on, so that changed inputs never resume an old attempt."""
    files = [str(sorted(read_manifest(path)["files"].items())) for path in manifests]
    return hashlib.sha256("\0".join([fingerprint, *files]).encode()).hexdigest()[:16]
