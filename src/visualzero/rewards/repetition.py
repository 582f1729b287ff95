"""Repetition: a penalty for saying the same again, as TRL's."""

NGRAM = 3  # words


def score(completion: str, *, choices: list[str], answer_index: int, n_tokens: int) -> float:
    """From 0.0 for no repeated three words to nearly -1.0 for a loop (arXiv 2502.03373, appendix C.2).

    The share of three-word sequences that occurred before, times -1: `trl.rewards.get_repetition_penalty_reward`. TRL
    counts tokens; here words are counted, so that recorded completions earn what they earned in training.
    """
    from trl.rewards import get_repetition_penalty_reward  # only where the term is used: it loads much

    return float(get_repetition_penalty_reward(NGRAM)([completion.split()])[0])
