"""Length: the completion's tokens, for the paper's naive length reward."""


def score(completion: str, *, choices: list[str], answer_index: int, n_tokens: int) -> float:
    """The number of tokens in the completion (arXiv 2503.05132, "length reward").

    The paper adds 0.001 for each token: that is this term's weight in the config. It is not capped, there as here, so
    it pays for repetition up to the limit of tokens; the paper shows it to make that point.
    """
    return float(n_tokens)
