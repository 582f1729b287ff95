"""Answer first: 1 if the completion is an answer and then its reason, in their tags."""

from visualzero.rewards._parts import made_of


def score(completion: str, *, choices: list[str], answer_index: int, n_tokens: int) -> float:
    """1.0 if it is `<answer>` answer `</answer>` `<reason>` thought `</reason>`, else 0.0 (arXiv 2503.16188, E.2).

    The paper gives the prompt and not the check; it is as strict here as the format term is.
    """
    return float(made_of(completion, "answer", "reason"))
