"""Rollouts as tables: what TRL writes at each logged step, and what a run leaves of it."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import pandas as pd


def rollout_table(tables: Iterable[pd.DataFrame], weights: dict[str, float]) -> pd.DataFrame:
    """TRL's tables of completions joined: step, id, completion, `reward_<term>`, the weighted `reward`, advantage."""
    rollouts = pd.concat(tables, ignore_index=True)
    texts = [text_of(completion) for completion in rollouts["completion"]]
    table = pd.DataFrame({"step": rollouts["step"], "id": rollouts["id"], "completion": texts})
    for term in weights:
        table[f"reward_{term}"] = rollouts[term]
    table["reward"] = sum(weight * rollouts[term] for term, weight in weights.items())
    table["advantage"] = rollouts["advantage"]
    return table


def rollout_names(seed: int, step: int, questions: list[str]) -> list[str]:
    """Which rollout each one of a batch is, for reward terms: the run's seed, the steps made before it, its question
    and its place among those of the question.
    """
    places: Counter[str] = Counter()
    names = []
    for question in questions:
        names.append(f"{seed}/{step}/{question}/{places[question]}")
        places[question] += 1
    return names


def text_of(completion: Any) -> str:
    """The text of a completion: conversational prompts give it back as a list of one message."""
    if isinstance(completion, str):
        return completion
    content = completion[-1]["content"]
    return content if isinstance(content, str) else "".join(part.get("text") or "" for part in content)
