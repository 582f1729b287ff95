"""What each job depends on: its fingerprint, from the study and the code that runs it.

Snakemake puts these into `params:`, so that an edit reruns exactly what it can change; manifests record them.
"""

from pathlib import Path

from visualzero.config import Study
from visualzero.fingerprint import PACKAGE, fingerprint


def data_fingerprint(study: Study, name: str) -> str:
    """Of the Question table of `train` or of a benchmark."""
    source = study.data.train if name == "train" else study.data.benchmarks[name].source
    return fingerprint(source.model_dump(), ["data.build", f"data.{_reader(source.kind)}"])


def model_fingerprint(study: Study, init: str) -> str:
    """Of an initial model."""
    source = getattr(study.models, init)
    return fingerprint({"path": source.path, "repo": source.repo, "revision": source.revision}, ["models.fetching"])


def run_fingerprint(study: Study, arm: str, seed: int | str) -> str:
    """Of a trained arm's weights. How often checkpoints are saved can't change them."""
    spec = study.arm(arm)
    recipe = study.sft if spec.recipe == "sft" else study.grpo
    terms = study.rewards[spec.reward].terms if spec.reward else {}
    settings = {
        "arm": spec.model_dump(include={"init", "recipe", "prompt", "freeze"}),
        "reward": terms,
        "recipe": recipe.model_dump(exclude={"save_steps"}),
        "options": study.data.train_options,
        "pixels": _pixels(study, arm),
        "seed": seed,
    }
    rewards = [PACKAGE / "rewards" / f"{term}.py" for term in terms]
    return fingerprint(settings, [f"training.{spec.recipe}", *_modules(rewards)], [_stages(), _prompt(spec.prompt)])


def predict_fingerprint(study: Study, arm: str, benchmark: str) -> str:
    """Of an arm's responses to a benchmark, given its weights and the questions."""
    spec = study.arm(arm)
    settings = {
        "prompt": spec.prompt,
        "options": study.data.benchmarks[benchmark].options,
        "pixels": _pixels(study, arm),
        "evaluate": study.evaluate.model_dump(include={"max_new_tokens", "batch_size", "dtype", "threads"}),
    }
    return fingerprint(settings, ["evaluation.generate"], [_stages(), _prompt(spec.prompt)])


def score_fingerprint(study: Study, arm: str) -> str:
    """Of scores, given the responses."""
    scorer = study.evaluate.scorer
    settings = {"scorer": scorer, "prompt": study.arm(arm).prompt}
    return fingerprint(settings, ["evaluation.score", f"evaluation.scorers.{scorer}"])


def summary_fingerprint(study: Study) -> str:
    """Of the summary, given the scores."""
    benchmarks = {name: b.model_dump(exclude={"source"}) for name, b in study.data.benchmarks.items()}
    settings = study.model_dump(include={"scale", "seeds", "arms", "comparisons", "evaluate"}) | {"data": benchmarks}
    return fingerprint(settings, ["evaluation.summarize"])


def report_fingerprint(study: Study) -> str:
    """Of the report, given everything that it shows."""
    settings = study.model_dump(include={"scale", "seeds", "arms", "rewards"})
    return fingerprint(settings, ["report.page"], sorted((PACKAGE / "report").glob("*.jinja")))


def _pixels(study: Study, arm: str) -> list[int]:
    source = getattr(study.models, study.arm(arm).init)
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
