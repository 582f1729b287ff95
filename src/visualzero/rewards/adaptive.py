"""Adaptive: 1 if the completion is an answer in its tags, with or without a thought before it."""

from visualzero.rewards._parts import made_of


def score(completion: str, *, choices: list[str], answer_index: int, n_tokens: int) -> float:
    """1.0 if it is `<answer>` alone, or `<think>` and `<answer>`; else 0.0 (arXiv 2503.16188, E.3, "format reward").

    Both forms earn the same, so whether to think is left to what earns right answers.
    """
    return float(made_of(completion, "answer") or made_of(completion, "think", "answer"))
