"""Accuracy: 1 if the completion chooses the right option."""

from visualzero.evaluation.reading.answer import parse_answer


def score(completion: str, *, choices: list[str], answer_index: int, n_tokens: int) -> float:
    """1.0 if the right option is chosen, else 0.0 (arXiv 2503.05132, section 3, "accuracy reward").

    The answer is read exactly as the `strict` scorer reads it in evaluation. The paper's code matches SAT answers as
    case-sensitive strings ("Left" and "three" earn nothing), takes the first of several answer tags, and takes a letter
    for the answer whatever text stands beside it. Here an answer that names two options, or a letter and a text that
    disagree, earns nothing, so that hedging is not rewarded.
    """
    parsed = parse_answer(completion, choices)
    return float(parsed.parse_class == "parsed" and parsed.prediction == answer_index)
