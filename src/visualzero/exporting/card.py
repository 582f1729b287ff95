"""The card of a trained model: what it is, its data and measures, its limits and its licence, as hubs show it."""

from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from visualzero.config import MODELS, ModelSource, Study
from visualzero.layout import Layout
from visualzero.manifest import read_manifest
from visualzero.report.inputs import read_json
from visualzero.wording import clean, interval, number, percent

TINY = (
    "A model of 2.8 million parameters for rendered scenes (toyspace): it shows that the pipeline works, and is of no"
    " use elsewhere."
)
OF_ITS_ORIGIN = {"license": "other", "license_name": "that-of-the-base-model"}
LIMIT = "It was trained on one kind of question, with options to choose from."


def card_text(study: Study, layout: Layout, arm: str, seed: int) -> str:
    """The card in Markdown, with the metadata that hubs read; the same results give the same text.

    Raises:
        UserError: if the run's manifest or the summary is missing or can't be read.
    """
    spec, recipe, source = study.arm(arm), study.recipe(arm), study.source(arm)
    summary, manifest = read_json(layout.summary, "summary"), read_manifest(layout.run(arm, seed) / "manifest.json")
    benchmarks = _benchmarks(summary, arm, seed)
    terms = study.rewards[spec.reward].terms if spec.reward else {}
    facts: dict[str, Any] = {
        "header": _header(study, arm, seed, benchmarks),
        "title": f"{spec.title}, seed {seed}",
        "summary": f"An arm of a study of how visual reasoning is learnt ({study.scale} scale), made with visualzero.",
        "origin": _name(source) if spec.init in MODELS else f"the arm {spec.init}, which started from {_name(source)}",
        "recipe": spec.recipe,
        "reward": ", ".join(f"{weight:g} x {term}" for term, weight in terms.items()),
        "data": _data(study),
        "prompt": spec.prompt,
        "steps": recipe.steps,
        "batch_size": recipe.batch_size,
        "group_size": getattr(recipe, "group_size", None),
        "arms": ", ".join(_with_origins(study, arm)),
        "seed": seed,
        "scale": study.scale,
        "benchmarks": benchmarks,
        "scorer": summary["scorer"],
        "limits": TINY if _ours(source) else LIMIT,
        "fingerprint": manifest["fingerprint"],
        "settings": recipe.model_dump(exclude_none=True, exclude={"alarms"}),
        "licence": _licence(source),
    }
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return clean(made.get_template("card.md.jinja").render(facts))


def _header(study: Study, arm: str, seed: int, benchmarks: list[dict[str, Any]]) -> str:
    """The metadata, as YAML."""
    source = study.source(arm)
    results = [
        {
            "task": {"type": "visual-question-answering"},
            "dataset": {"name": one["name"], "type": one["name"]},
            "metrics": [{"type": "accuracy", "value": one["value"], "name": "accuracy"}],
        }
        for one in benchmarks
    ]
    content = {
        "library_name": "transformers",
        "pipeline_tag": "image-text-to-text",
        "tags": ["visualzero", study.arm(arm).recipe],
        **({"license": "apache-2.0"} if _ours(source) else OF_ITS_ORIGIN),
        **({"base_model": source.repo, "license_link": _page(source.repo)} if source.repo else {}),
        "model-index": [{"name": f"{arm}-{seed}", "results": results}],
    }
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def _with_origins(study: Study, arm: str) -> list[str]:
    """The arms that have to be trained for this one, itself last."""
    spec = study.arm(arm)
    needed = [] if spec.init in MODELS else [spec.init]
    needed += [spec.trajectories.arm] if spec.trajectories and spec.trajectories.arm else []
    return list(dict.fromkeys([*(name for one in needed for name in _with_origins(study, one)), arm]))


def _benchmarks(summary: dict[str, Any], arm: str, seed: int) -> list[dict[str, Any]]:
    """What each benchmark says of the run, as it is shown."""
    found = []
    for name, cell in summary["arms"].get(arm, {}).get("seeds", {}).get(str(seed), {}).items():
        pairs = [pair for pair in summary["comparisons"].get(name, []) if arm in (pair["a"], pair["b"])]
        found.append(
            {
                "name": name,
                "value": cell["micro"],
                "accuracy": percent(cell["micro"]),
                "interval": interval(cell["micro_interval"]),
                "n": sum(task["n"] for task in cell["tasks"].values()),
                "chance": percent(summary["baselines"][name]["chance"]["micro"]),
                "tasks": ", ".join(f"{task} {percent(one['accuracy'])}" for task, one in cell["tasks"].items()),
                "read": percent(cell["parse_rate"]),
                "wanted_form": percent(cell["format_rate"]),
                "tokens": number(cell["response_tokens"]["mean"], 0),
                "claims": [pair["claim"] for pair in pairs if pair["seed"] == str(seed)],
            }
        )
    return found


def _data(study: Study) -> str:
    """Where the training questions come from; of a table of the user's own its name alone."""
    source = study.data.train.model_dump(exclude_none=True, exclude={"sha256", "images"})
    return ", ".join(f"{key} {Path(value).name if key == 'path' else value}" for key, value in source.items())


def _name(source: ModelSource) -> str:
    return source.repo or Path(str(source.path)).name


def _ours(source: ModelSource) -> bool:
    """Whether it is one of the project's own models."""
    return source.path in ("models/tiny-base", "models/tiny-instruct")


def _page(repo: str) -> str:
    return f"https://huggingface.co/{repo}"


def _licence(source: ModelSource) -> str:
    if _ours(source):
        return "Apache-2.0, as the project and the model that it starts from."
    of = _page(source.repo) if source.repo else f"{_name(source)}, whose licence whoever publishes this has to name"
    return f"That of the model that it starts from: {of}. The project's own code is Apache-2.0."
