"""An arm's altered thoughts, made of its own responses: what the model is to go on from, for each question."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from visualzero.evaluation.reading.answer import parse_answer
from visualzero.evaluation.reasoning.altering import Prefix, Thinker, donors, prefixes, thinking
from visualzero.prompts import THINK

Altered = dict[str, dict[str, Prefix]]
"""By question and kind; a question whose response has no thought isn't there."""


def altered_thoughts(
    questions: pd.DataFrame, responses: Sequence[Mapping[str, Any]], *, think_prefix: bool, seed: int
) -> Altered:
    """The altered thoughts of every question whose response has a thought.

    Args:
        questions: of the Question table; images are not needed.
        responses: prediction rows of these questions, and maybe of others.
        think_prefix: whether the prompt has already written `<think>`.
        seed: of whose thought a question is given.
    """
    said = {row["id"]: row["response"] for row in responses}
    found = []
    for row in questions.to_dict("records"):
        if own := thinking(said[row["id"]], think_prefix):
            found.append((row, own))

    def thinker(row: Mapping[str, Any]) -> Thinker:
        whole = THINK + said[row["id"]] if think_prefix else said[row["id"]]
        chosen = parse_answer(whole, list(row["choices"])).prediction
        return Thinker(row["task"], row["image_id"], None if chosen is None else row["choices"][chosen])

    others = donors([thinker(row) for row, _ in found], seed)
    return {
        row["id"]: prefixes(own, list(row["choices"]), None if other is None else found[other][1].thought)
        for (row, own), other in zip(found, others, strict=True)
    }
