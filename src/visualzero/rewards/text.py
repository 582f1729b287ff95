"""Text: 1 if the completion says the right words."""

from visualzero.evaluation.reading.free import text
from visualzero.evaluation.reading.free.judged import only


def score(completion: str, *, choices: list[str], answer_index: int, n_tokens: int, answer_kind: str) -> float:
    """1.0 if the answer is the right text, whatever its case, articles and punctuation, else 0.0.

    For questions whose answer is a short text; another question is an error. `accuracy` goes by each question's kind,
    and pays the same here.
    """
    only("text", answer_kind)
    return float(text.judge(completion, choices[answer_index]).correct)
