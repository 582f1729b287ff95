"""Fingerprints of whole stages, for DVC: of each arm's runs and evaluation with everything that they come from.

A job's own fingerprint says nothing of what is upstream: Snakemake sees that by the inputs' content. DVC is told it
here, so that no stage is called up to date while anything before it has to run again. They stand in
`results/<scale>/fingerprints.json`, which dvc.yaml's first stage writes, and of which the others take their part.
"""

import json
from typing import Any

from visualzero import jobs
from visualzero.config import MODELS, Study
from visualzero.errors import UserError
from visualzero.fingerprint import digest
from visualzero.layout import Layout, seeds_of
from visualzero.manifest import write_json


def write_fingerprints(study: Study, layout: Layout) -> None:
    """Write the fingerprints of the study's stages."""
    write_json(layout.fingerprints, stage_fingerprints(study))


def read_fingerprints(layout: Layout) -> dict[str, Any]:
    """What `write_fingerprints` has written.

    Raises:
        UserError: if it is missing or no JSON object.
    """
    try:
        content = json.loads(layout.fingerprints.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{layout.fingerprints}: {error}: make it with `dvc repro fingerprints`") from None
    if not isinstance(content, dict):
        raise UserError(f"{layout.fingerprints}: no JSON object: make it with `dvc repro fingerprints`")
    return content


def stage_fingerprints(study: Study) -> dict[str, Any]:
    """By stage: data (by table), models (by name), train (by arm and seed), evaluate (by arm), report.

    An arm that is not trained has no entry of its own under train, only an empty one.
    """
    data = {name: jobs.data_fingerprint(study, name) for name in ("train", *study.data.benchmarks)}
    models = {init: jobs.model_fingerprint(study, init) for init in sorted({study.origin(arm) for arm in study.arms})}
    runs = {
        arm: {str(seed): _run(study, arm, seed, data, models) for seed in study.seeds} if spec.trained else {}
        for arm, spec in study.arms.items()
    }
    evaluations = {arm: _evaluation(study, arm, runs[arm] or models[study.arm(arm).init], data) for arm in study.arms}
    made = {"summary": jobs.summary_fingerprint(study), "page": jobs.report_fingerprint(study)}
    report = digest({**made, "evaluate": evaluations, "runs": runs, "train": data["train"]})
    return {"data": data, "models": models, "train": runs, "evaluate": evaluations, "report": report}


def _run(study: Study, arm: str, seed: int, data: dict[str, str], models: dict[str, str]) -> str:
    """Of a run, with the questions, the weights and the rollouts that it starts from."""
    spec = study.arm(arm)
    source = spec.trajectories.arm if spec.trajectories else None
    return digest(
        {
            "run": jobs.run_fingerprint(study, arm, seed),
            "questions": data["train"],
            "weights": models[spec.init] if spec.init in MODELS else _run(study, spec.init, seed, data, models),
            "trajectories": _run(study, source, seed, data, models) if source else None,
        }
    )


def _evaluation(study: Study, arm: str, weights: Any, data: dict[str, str]) -> str:
    """Of an arm's responses and scores, on every benchmark and its control questions, and of what it is asked more."""
    controls = [None, *(control for control, asked in study.controls if arm in asked)]
    more = {}
    if arm in study.sampled_arms():
        made = jobs.sample_fingerprint(study, arm), jobs.sample_scores_fingerprint(study, arm)
        more = {"samples": [data[study.sampled_benchmark], *made]}
    if arm in study.intervened_arms():
        made = jobs.intervention_fingerprint(study, arm), jobs.intervention_scores_fingerprint(study, arm)
        more |= {"interventions": [data[study.intervened_benchmark], *made]}
    return digest(
        {
            "weights": weights,
            "seeds": [str(seed) for seed in seeds_of(study, arm)],
            "score": jobs.score_fingerprint(study, arm),
            "predict": [
                [data[name], jobs.predict_fingerprint(study, arm, name, control)]
                for name in study.data.benchmarks
                for control in controls
            ],
        }
        | more
    )
