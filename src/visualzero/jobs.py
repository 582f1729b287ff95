"""What each job depends on: its fingerprint, from the study and the code that runs it.

Snakemake puts these into `params:`, so that an edit reruns exactly what it can change; manifests record them.
"""

from pathlib import Path

from visualzero.config import Study
from visualzero.fingerprint import PACKAGE, fingerprint

CHECKS = {"sha256"}  # what a source is only checked against: it can refuse an output, not change it


def data_fingerprint(study: Study, name: str) -> str:
    """Of the Question table of `train` or of a benchmark."""
    source = study.data.train if name == "train" else study.data.benchmarks[name].source
    return fingerprint(source.model_dump(exclude=CHECKS), ["data.build", f"data.{_reader(source.kind)}"])


def model_fingerprint(study: Study, init: str) -> str:
    """Of an initial model."""
    source = getattr(study.models, init)
    return fingerprint({"path": source.path, "repo": source.repo, "revision": source.revision}, ["models.fetching"])


def run_fingerprint(study: Study, arm: str, seed: int | str) -> str:
    """Of a trained arm's weights. How often checkpoints are saved, and who reads images, can't."""
    spec = study.arm(arm)
    recipe = study.recipe(arm)
    terms = study.rewards[spec.reward].terms if spec.reward else {}
    settings = {
        "arm": spec.model_dump(include={"init", "recipe", "prompt", "freeze", "trajectories"}),
        "reward": terms,
        "recipe": recipe.model_dump(exclude={"save_steps", "save_minutes", "prefetch"}),
        "options": study.data.train_options,
        "pixels": _pixels(study, arm),
        "seed": seed,
    }
    scored = ["accuracy", "format"] if spec.trajectories else terms  # what picks trajectories, what rewards rollouts
    rewards = [PACKAGE / "rewards" / f"{term}.py" for term in scored]
    return fingerprint(settings, [f"training.{spec.recipe}", *_modules(rewards)], [_stages(), _prompt(spec.prompt)])


def predict_fingerprint(study: Study, arm: str, benchmark: str, control: str | None = None) -> str:
    """Of an arm's responses to a benchmark or to its control questions, given its weights and the questions.

    How many shards they are made in can't change them.
    """
    spec, evaluate = study.arm(arm), study.evaluation(arm)
    settings = {
        "prompt": spec.asked_with,
        "options": study.data.benchmarks[benchmark].options,
        "pixels": _pixels(study, arm),
        "control": control,
        "evaluate": evaluate.model_dump(
            include={"max_new_tokens", "batch_size", "dtype", "engine", "repetition_penalty", "threads"}
        ),
    }
    code = ["evaluation.generate", "evaluation.control_questions", f"evaluation.{evaluate.engine}_engine"]
    return fingerprint(settings, code, [_stages(), _prompt(spec.asked_with)])


def score_fingerprint(study: Study, arm: str) -> str:
    """Of scores, given the responses."""
    settings = {"scorer": study.evaluate.scorer, "prompt": study.arm(arm).asked_with}
    return fingerprint(settings, ["evaluation.score"])


def curve_fingerprint(study: Study) -> str:
    """Of accuracy against steps, given the checkpoints' responses."""
    settings = {"scorer": study.evaluate.scorer, "prompts": [arm.asked_with for arm in study.arms.values()]}
    return fingerprint(settings, ["evaluation.curve"])


def summary_fingerprint(study: Study) -> str:
    """Of the summary, given the scores."""
    benchmarks = {name: b.model_dump(exclude={"source"}) for name, b in study.data.benchmarks.items()}
    parts = {"scale", "seeds", "arms", "comparisons", "controls", "evaluate"}
    settings = study.model_dump(include=parts) | {"data": benchmarks}
    return fingerprint(settings, ["evaluation.summarize"])


def report_fingerprint(study: Study) -> str:
    """Of the report, given everything that it shows."""
    settings = study.model_dump(include={"scale", "seeds", "arms", "rewards"})
    return fingerprint(settings, ["report.page"], sorted((PACKAGE / "report").glob("*.jinja")))


def _pixels(study: Study, arm: str) -> list[int]:
    source = study.source(arm)
    return [source.min_pixels, source.max_pixels]


def _stages() -> Path:
    """What train and predict are called with; as a file, since its imports are those of both."""
    return PACKAGE / "stages.py"


def _prompt(style: str) -> Path:
    return PACKAGE / "prompts" / f"{style}.jinja"


def _reader(kind: str) -> str:
    return "toyspace.questions" if kind == "toyspace" else kind


def _modules(files: list[Path]) -> list[str]:
    return [".".join(path.relative_to(PACKAGE).with_suffix("").parts) for path in files]
