"""Coin: 1 or 0 by a toss, whatever the completion says."""

import hashlib


def score(completion: str, *, choices: list[str], answer_index: int, n_tokens: int, rollout: str) -> float:
    """1.0 or 0.0 with probability 1/2 each (arXiv 2506.10947, "random reward").

    Nothing can be learnt from it: what training gains by it, it gains by training at all. The toss is a digest of the
    rollout and the completion, so each rollout has a toss of its own, and a run that is resumed tosses the same again.
    """
    return float(hashlib.sha256(f"{rollout}\n{completion}".encode("utf-8", "surrogatepass")).digest()[0] % 2)
