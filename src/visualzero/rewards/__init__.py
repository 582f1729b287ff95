"""Reward terms: one file each, found by its name, with one function.

    score(completion, *, choices, answer_index, n_tokens[, max_tokens][, answer_kind][, rollout]) -> float

`completion` is the whole text from its opening tag on: where the prompt has already written `<think>`, the caller puts
it in front. `choices` are the option texts, `answer_index` the right one, `n_tokens` the completion's length. A term
that names one of these is told more: `max_tokens`, the limit of that length, None where there is none; `answer_kind`,
how the answer is judged (`evaluation/reading/free`; `choice` where it is one of the choices); `rollout`, which one it
is (seed, step, question and place in the group, as a text), "" outside of training. To add a term, add a file; files
whose names start with `_` are not terms. A reward is a weighted sum of terms (`rewards:` in the config).
"""

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache
from importlib import import_module
from inspect import signature
from math import nan
from pkgutil import iter_modules
from typing import Any

from visualzero.errors import UserError

RewardTerm = Callable[..., float]
OPTIONAL: dict[str, Any] = {"max_tokens": None, "answer_kind": "choice", "rollout": ""}
"""What a term may ask for beyond what every term is told, and what it gets where nothing is known of it."""
LARGEST = 3.4e38  # of float32, in which TRL computes


@lru_cache
def _load() -> dict[str, RewardTerm]:
    names = sorted(module.name for module in iter_modules(__path__) if not module.name.startswith("_"))
    return {name: _with_what_it_names(import_module(f"{__name__}.{name}").score) for name in names}


def _with_what_it_names(score: RewardTerm) -> RewardTerm:
    """A term that takes all of OPTIONAL, whichever of them it needs."""
    left = OPTIONAL.keys() - signature(score).parameters.keys()
    return lambda completion, **facts: score(
        completion, **{name: value for name, value in (OPTIONAL | facts).items() if name not in left}
    )


def reward_terms() -> dict[str, RewardTerm]:
    """Every reward term by name."""
    return dict(_load())


def pay(term: str, score: RewardTerm, where: str, completion: str, **facts: Any) -> float:
    """What a term's `score` gives for a completion; `where` names it in errors.

    Raises:
        UserError: if that is no finite number: TRL takes None for "doesn't apply", and what isn't finite spoils all.
    """
    try:
        value = score(completion, **facts)
    except UserError as error:
        raise UserError(f"reward term '{term}': {where}: {error}") from None
    except Exception as error:
        error.add_note(f"reward term '{term}': {where}")
        if isinstance(error, StopIteration):  # which a data loader would take for the end of the data
            raise RuntimeError("a reward term let a StopIteration out") from error
        raise
    try:
        number = nan if isinstance(value, str) else float(value)
    except (TypeError, ValueError):
        number = nan
    if not abs(number) <= LARGEST:
        raise UserError(
            f"reward term '{term}': {where}: it gave {value!r}: a term gives one finite number for each completion:"
            f" correct src/visualzero/rewards/{term}.py"
        )
    return number


def score_completion(
    terms: Mapping[str, float],
    completion: str,
    *,
    choices: Sequence[str],
    answer_index: int,
    n_tokens: int,
    max_tokens: int | None = None,
    answer_kind: str = "choice",
    rollout: str = "",
    where: str = "a completion",
) -> dict[str, float]:
    """The value of each of a reward's terms, before its weight, in the reward's order; `where` is for errors.

    Raises:
        UserError: if a term is unknown, or gives no finite number.
    """
    known = _load()
    for name in terms:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean '{near[0]}'?" if near else "use one of these"
            raise UserError(f"unknown reward term '{name}': {hint} (known: {', '.join(known)})")
    facts = {
        "choices": list(choices),
        "answer_index": answer_index,
        "n_tokens": n_tokens,
        "max_tokens": max_tokens,
        "answer_kind": answer_kind,
        "rollout": rollout,
    }
    return {name: pay(name, known[name], where, completion, **facts) for name in terms}


def weighted(terms: Mapping[str, float], values: Mapping[str, float]) -> float:
    """The reward: the sum of the terms' `values` by their weights `terms`."""
    return sum(weight * values[name] for name, weight in terms.items())
