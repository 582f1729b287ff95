"""What each job depends on: its parts, and their fingerprint, from the study, the code, the rule and the software env.

Snakemake puts the fingerprints into `params:`, so that an edit reruns exactly what it can change; manifests record
them, DVC reads them from `results/<scale>/fingerprints.json`, and `visualzero why` compares the parts behind them.
"""

import re
from functools import lru_cache
from pathlib import Path

from visualzero.config import Mixture, Study
from visualzero.errors import UserError
from visualzero.fingerprint import PACKAGE, Parts, digest, parts, text_digest

CHECKS = {"sha256"}  # what a source is only checked against: it can refuse an output, not change it


def data_parts(study: Study, name: str) -> Parts:
    """Of the Question table of `train` or of a benchmark."""
    benchmark = None if name == "train" else study.data.benchmarks[name]
    source = benchmark.source if benchmark else study.data.train
    settings, files = source.model_dump(exclude=CHECKS), _env("data")
    kinds = {source.kind}
    if isinstance(source, Mixture):
        settings["parts"] = {
            part: {"weight": one.weight, "source": one.source.model_dump(exclude=CHECKS)}
            for part, one in source.parts.items()
        }
        kinds |= {part.source.kind for part in source.parts.values()}
    if kinds & {"local", "dataset"}:  # whose texts are refused where they list options that the prompt lists too
        settings["options"] = benchmark.options if benchmark else study.data.train_options
    if "dataset" in kinds:  # which may leave out what the checks refuse
        files = [*files, PACKAGE / "data" / "checks.py"]
    code = ["data.build", *(f"data.{_reader(kind)}" for kind in sorted(kinds))]
    return parts(settings, code, files) | _rule("questions")


def model_parts(study: Study, init: str) -> Parts:
    """Of an initial model."""
    source = getattr(study.models, init)
    settings = {"path": source.path, "repo": source.repo, "revision": source.revision}
    return parts(settings, ["models.fetching"], _env("data")) | _rule("initial_model")


def run_parts(study: Study, arm: str, seed: int | str) -> Parts:
    """Of a trained arm's weights. How often checkpoints are saved, who reads images, and alarms can't change them."""
    spec = study.arm(arm)
    recipe = study.recipe(arm)
    terms = study.rewards[spec.reward].terms if spec.reward else {}
    settings = {
        "arm": spec.model_dump(include={"init", "recipe", "prompt", "freeze", "trajectories", "altered", "difficulty"}),
        "reward": terms,
        "recipe": recipe.model_dump(exclude={"save_steps", "save_minutes", "prefetch", "alarms"}),
        "options": study.data.train_options,
        "pixels": _pixels(study, arm),
        "seed": seed,
    }
    scored = ["accuracy", "format"] if spec.trajectories else terms  # what picks trajectories, what rewards rollouts
    code = [f"training.{spec.recipe}", *(f"rewards.{term}" for term in scored)]
    env = "train-vllm" if spec.recipe == "grpo" and _vllm(study) else "train"
    return parts(settings, code, [_stages(), _prompt(spec.prompt), *_env(env)]) | _rule(f"train_{spec.recipe}")


def predict_parts(study: Study, arm: str, benchmark: str, control: str | None = None) -> Parts:
    """Of an arm's responses to a benchmark or to its control questions, given its weights and the questions.

    In how many shards they are made can't change them, and how many together can't but by rounding.
    """
    spec, evaluate = study.arm(arm), study.evaluation(arm)
    settings = {
        "prompt": spec.asked_with,
        "options": study.data.benchmarks[benchmark].options,
        "pixels": _pixels(study, arm),
        "control": control,
        "evaluate": evaluate.model_dump(include={"max_new_tokens", "dtype", "engine", "repetition_penalty", "threads"}),
    }
    answering = ("generate", "control_questions", f"{evaluate.engine}_engine")
    code = [f"evaluation.answering.{module}" for module in answering]
    return parts(settings, code, [_stages(), _prompt(spec.asked_with), *_env("evaluate")]) | _rule("predict")


def score_parts(study: Study, arm: str) -> Parts:
    """Of scores, given the responses."""
    settings = {"scorer": study.evaluate.scorer, "prompt": study.arm(arm).asked_with}
    return parts(settings, ["evaluation.reading.score"], _env("evaluate")) | _rule("score")


def sample_parts(study: Study, arm: str) -> Parts:
    """Of an arm's sampled answers, given its weights and the questions.

    How many shards they are made in can't change them.
    """
    spec, evaluate, sampling = study.arm(arm), study.evaluation(arm), study.sampling
    settings = {
        "prompt": spec.asked_with,
        "options": study.data.benchmarks[study.sampled_benchmark].options,
        "pixels": _pixels(study, arm),
        "sampling": sampling.model_dump(exclude={"arms", "benchmark"}),
        "evaluate": evaluate.model_dump(include={"max_new_tokens", "dtype", "repetition_penalty", "threads"}),
    }
    code = ["causes.chosen", "causes.drawing", "evaluation.answering.generate"]
    files = [PACKAGE / "causes" / "sample.py", _prompt(spec.asked_with), *_env("train")]
    return parts(settings, code, files) | _rule("sample")


def sample_scores_parts(study: Study, arm: str) -> Parts:
    """Of what the scorers read in samples, given the samples."""
    settings = {
        "prompt": study.arm(arm).asked_with,
        "sampling": study.sampling.model_dump(include={"questions", "seed"}),
    }
    return parts(settings, ["causes.reading"], _env("evaluate")) | _rule("read_samples")


def intervention_parts(study: Study, arm: str) -> Parts:
    """Of how an arm goes on from its altered thoughts, given its responses, its weights and the questions.

    How many shards they are made in can't change them.
    """
    spec, evaluate, interventions = study.arm(arm), study.evaluation(arm), study.interventions
    settings = {
        "prompt": spec.asked_with,
        "options": study.data.benchmarks[study.intervened_benchmark].options,
        "pixels": _pixels(study, arm),
        "interventions": interventions.model_dump(exclude={"arms", "benchmark", "margin"}),
        "evaluate": evaluate.model_dump(include={"max_new_tokens", "dtype", "repetition_penalty", "threads"}),
    }
    code = [
        "causes.certainty",
        "causes.chosen",
        "causes.continuing",
        "causes.drawing",
        "causes.thoughts",
        "evaluation.answering.generate",
    ]
    files = [PACKAGE / "causes" / "intervene.py", _prompt(spec.asked_with), *_env("train")]
    return parts(settings, code, files) | _rule("intervene")


def intervention_scores_parts(study: Study, arm: str) -> Parts:
    """Of what is read in these, given them."""
    settings = {
        "prompt": study.arm(arm).asked_with,
        "scorer": study.evaluate.scorer,
        "interventions": study.interventions.model_dump(include={"questions", "seed"}),
    }
    return parts(settings, ["causes.reading_altered"], _env("evaluate")) | _rule("read_interventions")


def curve_parts(study: Study) -> Parts:
    """Of accuracy against steps, given the checkpoints' responses."""
    settings = {"scorer": study.evaluate.scorer, "prompts": [arm.asked_with for arm in study.arms.values()]}
    return parts(settings, ["evaluation.summary.curve"], _env("evaluate")) | _rule("accuracy_curve")


def summary_parts(study: Study) -> Parts:
    """Of the summary, given the scores."""
    benchmarks = {name: b.model_dump(exclude={"source"}) for name, b in study.data.benchmarks.items()}
    keys = {"scale", "seeds", "arms", "comparisons", "margin", "controls", "causes", "evaluate"}
    settings = study.model_dump(include=keys) | {"data": benchmarks}
    return parts(settings, ["evaluation.summary.summarize"], _env("evaluate")) | _rule("summarize")


def report_parts(study: Study) -> Parts:
    """Of the report, given everything that it shows."""
    settings = study.model_dump(include={"scale", "seeds", "arms", "rewards"})
    folder = PACKAGE / "report"
    templates = sorted([*folder.glob("*.jinja"), *folder.glob("*.js")])
    return parts(settings, ["report.page"], [*templates, *_env("report")]) | _rule("page")


def data_fingerprint(study: Study, name: str) -> str:
    """Digest of `data_parts`."""
    return digest(data_parts(study, name))


def model_fingerprint(study: Study, init: str) -> str:
    """Digest of `model_parts`."""
    return digest(model_parts(study, init))


def run_fingerprint(study: Study, arm: str, seed: int | str) -> str:
    """Digest of `run_parts`."""
    return digest(run_parts(study, arm, seed))


def predict_fingerprint(study: Study, arm: str, benchmark: str, control: str | None = None) -> str:
    """Digest of `predict_parts`."""
    return digest(predict_parts(study, arm, benchmark, control))


def score_fingerprint(study: Study, arm: str) -> str:
    """Digest of `score_parts`."""
    return digest(score_parts(study, arm))


def sample_fingerprint(study: Study, arm: str) -> str:
    """Digest of `sample_parts`."""
    return digest(sample_parts(study, arm))


def sample_scores_fingerprint(study: Study, arm: str) -> str:
    """Digest of `sample_scores_parts`."""
    return digest(sample_scores_parts(study, arm))


def intervention_fingerprint(study: Study, arm: str) -> str:
    """Digest of `intervention_parts`."""
    return digest(intervention_parts(study, arm))


def intervention_scores_fingerprint(study: Study, arm: str) -> str:
    """Digest of `intervention_scores_parts`."""
    return digest(intervention_scores_parts(study, arm))


def curve_fingerprint(study: Study) -> str:
    """Digest of `curve_parts`."""
    return digest(curve_parts(study))


def summary_fingerprint(study: Study) -> str:
    """Digest of `summary_parts`."""
    return digest(summary_parts(study))


def report_fingerprint(study: Study) -> str:
    """Digest of `report_parts`."""
    return digest(report_parts(study))


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


def _vllm(study: Study) -> bool:
    """Whether the rule of all grpo arms takes the env with vLLM."""
    arms = [arm for arm in study.arms.values() if arm.recipe == "grpo"]
    return any(arm.grpo.get("engine", study.grpo.engine) == "vllm" for arm in arms)


def _project(folder: str) -> Path:
    """A folder of the project: below the working folder, else beside the package's sources.

    Raises:
        UserError: if it is in neither.
    """
    for root in (Path.cwd(), PACKAGE.parents[1]):
        if (root / folder).is_dir():
            return root / folder
    raise UserError(f"{folder}: no such folder in {Path.cwd()}: run this from the project's root")


def _env(name: str) -> list[Path]:
    """The files of a software env: its packages, and pins and scripts of the same name where there are some.

    Raises:
        UserError: if there is none.
    """
    found = _env_files(_project("envs"), name)
    if not found:
        raise UserError(f"envs/{name}.yaml: no such file: restore it, since results depend on it")
    return found


@lru_cache
def _env_files(folder: Path, name: str) -> list[Path]:
    return sorted(folder.glob(f"{name}.*"))


def _rule(name: str) -> Parts:
    """The command of a rule of the workflow, before its wildcards are filled in.

    Raises:
        UserError: if no rule has this name.
    """
    commands = _commands(_project("workflow"))
    if name not in commands:
        raise UserError(f"workflow/rules: no rule {name} with a shell command: restore it, or correct jobs.py")
    return {f"rule {name}": commands[name]}


@lru_cache
def _commands(workflow: Path) -> dict[str, str]:
    """Digests of every rule's shell command by the rule's name."""
    found = {}
    for file in sorted((workflow / "rules").glob("*.smk")):
        _, *texts = re.split(r"^ *rule (\w+):\n", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
        for name, body in zip(texts[::2], texts[1::2], strict=True):
            if shell := re.search(r"^( *)shell:\n((?:\1 .*\n?)+)", body, flags=re.MULTILINE):
                found[name] = text_digest("\n".join(line.strip() for line in shell[2].splitlines()))
    return found
