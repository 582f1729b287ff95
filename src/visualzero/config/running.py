"""Checks of arms beside each other: is what they start from and learn from there, and is it run if they are?"""

from collections.abc import Iterator
from typing import Any

from visualzero.config.base import MODELS
from visualzero.config.checks import Problem, mapping, mappings
from visualzero.config.naming import unknown

Arms = dict[str, dict[str, Any]]


def run_checks(config: dict[str, Any]) -> Iterator[Problem]:
    """Yield what is wrong with arms, when seen beside the recipes, the other arms and those that are run."""
    arms = dict(mappings(config.get("arms")))
    run = config["run"] if isinstance(config.get("run"), list) else list(arms)
    for name in arms:
        yield from _parents_there(name, arms)
        for parent in _parents(name, arms):
            if name != parent and name in _ancestors(parent, arms):
                yield ("arms", name), f"comes from {parent!r}, which comes from {name!r} itself; start one from a model"
            elif name in run and parent in arms and parent not in run:
                yield ("arms", name), f"comes from {parent!r}, which is not run: add it to run"
        if name in run:
            yield from _lora(name, arms, config)


def _lora(name: str, arms: Arms, config: dict[str, Any]) -> Iterator[Problem]:
    recipe = str(arms[name].get("recipe"))
    settings = mapping(config.get(recipe)) | mapping(arms[name].get(recipe))
    if arms[name].get("freeze") and settings.get("lora"):
        yield ("arms", name, "freeze"), "has no use with lora, which trains adapters alone; set lora.targets instead"


def _parents_there(name: str, arms: Arms) -> Iterator[Problem]:
    others = {other: arm.get("recipe") for other, arm in arms.items() if other != name}
    trained = [other for other, recipe in others.items() if recipe in ("sft", "grpo")]
    sampled = [other for other, recipe in others.items() if recipe == "grpo"]
    init, source = arms[name].get("init"), _source(arms[name])
    if isinstance(init, str) and init not in (*MODELS, *trained):
        yield ("arms", name, "init"), unknown("model or trained arm", init, [*MODELS, *trained])
    elif init in trained and init not in MODELS and arms[name].get("recipe") == "none":
        yield ("arms", name, "init"), f"{init!r} is trained: an arm of recipe none starts from a model"
    if isinstance(source, str) and source not in sampled:
        yield ("arms", name, "trajectories", "arm"), unknown("grpo arm", source, sampled)


def _source(arm: dict[str, Any]) -> Any:
    return mapping(arm.get("trajectories")).get("arm")


def _parents(name: str, arms: Arms) -> set[str]:
    """The arms whose weights an arm starts from and whose rollouts it learns from."""
    arm = arms.get(name, {})
    return {parent for parent in (arm.get("init"), _source(arm)) if isinstance(parent, str)} - {*MODELS}


def _ancestors(name: str, arms: Arms) -> set[str]:
    """The arms that an arm comes from, directly or by way of others."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        new = _parents(waiting.pop(), arms) - found
        found |= new
        waiting += new
    return found
