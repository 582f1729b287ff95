"""Checks across sections: does every name that an arm, a reward or a comparison uses exist?

They read the plain mapping rather than the typed one, so that such a mistake is told along with the mistakes of type.
"""

from collections.abc import Iterator
from typing import Any

from visualzero.config.base import prompt_styles, reward_terms
from visualzero.config.naming import unknown
from visualzero.config.selection import ALL, named

Keys = tuple[str | int, ...]
"""A place in the config: keys, and indexes of lists, from the top."""
Problem = tuple[Keys, str]
"""A place and what is wrong there."""
USES = {
    "freeze": ("sft", "grpo"),
    "eval_prompt": ("sft", "grpo"),
    "trajectories": ("sft",),
    "altered": ("sft", "grpo"),
    "difficulty": ("sft", "grpo"),
    "sft": ("sft",),
    "grpo": ("grpo",),
}
"""Keys of an arm that concern some recipes only."""
SHARED = {"scorer", "shards", "threads"}
"""Keys of evaluate that no arm changes for itself: arms are compared, and their jobs are alike."""


def cross_checks(config: dict[str, Any]) -> Iterator[Problem]:
    """Yield what is wrong between sections; a part of the wrong type is left to the typed models."""
    yield from _benchmarks(config)
    yield from _run(config)
    yield from _sets(config)
    yield from _arms(config)
    yield from _rewards(config)
    yield from _comparisons(config)
    yield from _controls(config)
    for key in ("sampling", "interventions"):
        yield from _causes(config, key)


def _benchmarks(config: dict[str, Any]) -> Iterator[Problem]:
    for name in names(mapping(config.get("data")).get("benchmarks")):
        if name.casefold() == "train":  # some disks don't tell Train.parquet from train.parquet
            yield ("data", "benchmarks", name), "is what the training questions are called; give it another name"


def _run(config: dict[str, Any]) -> Iterator[Problem]:
    arms, sets, run = names(config.get("arms")), names(config.get("sets")), config.get("run")
    for index, name in enumerate(run if isinstance(run, list) else []):
        if name not in (*arms, *sets, ALL):
            yield ("run", index), unknown("arm", name, [*arms, *sets])


def _sets(config: dict[str, Any]) -> Iterator[Problem]:
    arms, sets = names(config.get("arms")), mapping(config.get("sets"))
    for name, listed in sets.items():
        if name in (*arms, ALL):
            yield ("sets", name), f"{name!r} is the name of an arm, or of all of them; give the set another name"
        for index, arm in enumerate(listed if isinstance(listed, list) else []):
            if arm not in arms:
                yield ("sets", name, index), unknown("arm", arm, arms)


def _arms(config: dict[str, Any]) -> Iterator[Problem]:
    rewards, prompts = names(config.get("rewards")), prompt_styles()
    for name, arm in mappings(config.get("arms")):
        reward, recipe = arm.get("reward"), arm.get("recipe")
        for key in ("prompt", "eval_prompt"):
            if isinstance(arm.get(key), str) and arm[key] not in prompts:
                yield ("arms", name, key), unknown("prompt style", arm[key], prompts)
        if isinstance(reward, str) and reward not in rewards:
            yield ("arms", name, "reward"), unknown("reward", reward, rewards)
        if recipe == "grpo" and reward is None:
            yield ("arms", name, "reward"), f"a grpo arm needs a reward (known: {', '.join(rewards) or 'none'})"
        if recipe in ("none", "sft") and reward is not None:
            yield ("arms", name, "reward"), f"{reward!r} has no use: only a grpo arm has a reward; remove the key"
        for key, recipes in USES.items():
            if arm.get(key) and recipe in ("none", "sft", "grpo") and recipe not in recipes:
                yield ("arms", name, key), f"has no use: the arm's recipe is {recipe}; remove the key"
        for key in SHARED & mapping(arm.get("evaluate")).keys():
            yield ("arms", name, "evaluate", key), f"is the same for all arms; set evaluate.{key} instead"


def _rewards(config: dict[str, Any]) -> Iterator[Problem]:
    known = reward_terms()
    for name, reward in mappings(config.get("rewards")):
        for term in names(reward.get("terms")):
            if term not in known:
                yield ("rewards", name, "terms", term), unknown("reward term", term, known)


def _comparisons(config: dict[str, Any]) -> Iterator[Problem]:
    arms, comparisons = names(config.get("arms")), config.get("comparisons")
    for index, pair in enumerate(comparisons if isinstance(comparisons, list) else []):
        sides = [side for side in ("a", "b") if isinstance(pair, dict) and isinstance(pair.get(side), str)]
        for side in sides:
            if pair[side] not in arms:
                yield ("comparisons", index, side), unknown("arm", pair[side], arms)
        if len(sides) == 2 and pair["a"] == pair["b"]:
            yield ("comparisons", index), f"compares {pair['a']!r} with itself; name two arms"


def _controls(config: dict[str, Any]) -> Iterator[Problem]:
    arms = names(config.get("arms"))
    for control, asked in mapping(config.get("controls")).items():
        for index, name in enumerate(asked if isinstance(asked, list) else []):
            if name not in arms:
                yield ("controls", control, index), unknown("arm", name, arms)


def _causes(config: dict[str, Any], key: str) -> Iterator[Problem]:
    arms, benchmarks = names(config.get("arms")), names(mapping(config.get("data")).get("benchmarks"))
    section = mapping(mapping(config.get("causes")).get(key))
    asked = section.get("arms")
    for index, name in enumerate(asked if isinstance(asked, list) else []):
        if isinstance(name, str) and name not in arms:
            yield ("causes", key, "arms", index), unknown("arm", name, arms)
    run = named(config.get("run"), config)
    known = [name for name in asked if name in arms] if isinstance(asked, list) else []
    if known and isinstance(run, list) and not any(name in run for name in known):
        yield ("causes", key, "arms"), "none of them is run: name one that is, or add one to run"
    benchmark = section.get("benchmark")
    if isinstance(benchmark, str) and benchmark not in benchmarks:
        yield ("causes", key, "benchmark"), unknown("benchmark", benchmark, benchmarks)


def names(value: object) -> list[str]:
    """Return the keys of a mapping that are texts."""
    return [key for key in value if isinstance(key, str)] if isinstance(value, dict) else []


def mapping(value: object) -> dict[str, Any]:
    """Return a mapping as it is, and an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def mappings(value: object) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the entries of a mapping that are mappings themselves."""
    for key, entry in value.items() if isinstance(value, dict) else ():
        if isinstance(key, str) and isinstance(entry, dict):
            yield key, entry
