"""Checks across sections: does every name that an arm, a reward or a comparison uses exist?

They read the plain mapping rather than the typed one, so that such a mistake is told along with the mistakes of type.
"""

from collections.abc import Iterator
from typing import Any

from visualzero.config.base import prompt_styles, reward_terms
from visualzero.config.naming import unknown

Keys = tuple[str | int, ...]
"""A place in the config: keys, and indexes of lists, from the top."""
Problem = tuple[Keys, str]
"""A place and what is wrong there."""


def cross_checks(config: dict[str, Any]) -> Iterator[Problem]:
    """Yield what is wrong between sections; a part of the wrong type is left to the typed models."""
    yield from _arms(config)
    yield from _rewards(config)
    yield from _comparisons(config)


def _arms(config: dict[str, Any]) -> Iterator[Problem]:
    rewards, prompts = _names(config.get("rewards")), prompt_styles()
    for name, arm in _mappings(config.get("arms")):
        prompt, reward, recipe = arm.get("prompt"), arm.get("reward"), arm.get("recipe")
        if isinstance(prompt, str) and prompt not in prompts:
            yield ("arms", name, "prompt"), unknown("prompt style", prompt, prompts)
        if isinstance(reward, str) and reward not in rewards:
            yield ("arms", name, "reward"), unknown("reward", reward, rewards)
        if recipe == "grpo" and reward is None:
            yield ("arms", name, "reward"), f"a grpo arm needs a reward (known: {', '.join(rewards) or 'none'})"
        if recipe in ("none", "sft") and reward is not None:
            yield ("arms", name, "reward"), f"{reward!r} has no use: only a grpo arm has a reward; remove the key"
        if recipe == "none" and arm.get("freeze"):
            yield ("arms", name, "freeze"), "has no use: the arm is not trained; remove the key"


def _rewards(config: dict[str, Any]) -> Iterator[Problem]:
    known = reward_terms()
    for name, reward in _mappings(config.get("rewards")):
        for term in _names(reward.get("terms")):
            if term not in known:
                yield ("rewards", name, "terms", term), unknown("reward term", term, known)


def _comparisons(config: dict[str, Any]) -> Iterator[Problem]:
    arms, comparisons = _names(config.get("arms")), config.get("comparisons")
    for index, pair in enumerate(comparisons if isinstance(comparisons, list) else []):
        sides = [side for side in ("a", "b") if isinstance(pair, dict) and isinstance(pair.get(side), str)]
        for side in sides:
            if pair[side] not in arms:
                yield ("comparisons", index, side), unknown("arm", pair[side], arms)
        if len(sides) == 2 and pair["a"] == pair["b"]:
            yield ("comparisons", index), f"compares {pair['a']!r} with itself; name two arms"


def _names(value: object) -> list[str]:
    return [key for key in value if isinstance(key, str)] if isinstance(value, dict) else []


def _mappings(value: object) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the entries of a mapping that are mappings themselves."""
    for key, entry in value.items() if isinstance(value, dict) else ():
        if isinstance(key, str) and isinstance(entry, dict):
            yield key, entry
