"""Overlong: a penalty for nearing the limit of tokens, as TRL's and DAPO's."""

SHARE = 5  # the last fifth of the limit is where it hurts, as in DAPO (4096 of 20480 tokens)


def score(completion: str, *, choices: list[str], answer_index: int, n_tokens: int, max_tokens: int | None) -> float:
    """0.0 up to four fifths of the limit `grpo.max_completion`, falling to -1.0 at it (arXiv 2503.14476, eq. 13).

    `trl.rewards.get_soft_overlong_punishment`. Without a limit nothing is overlong.
    """
    if not max_tokens:
        return 0.0
    from trl.rewards import get_soft_overlong_punishment  # only where the term is used: it loads much

    punish = get_soft_overlong_punishment(max_tokens, max(1, max_tokens // SHARE))
    return float(punish([[0] * n_tokens])[0])
