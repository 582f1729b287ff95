"""Number: 1 if the completion gives the right number."""

from visualzero.evaluation.reading.free import number
from visualzero.evaluation.reading.free.judged import only


def score(completion: str, *, choices: list[str], answer_index: int, n_tokens: int, answer_kind: str) -> float:
    """1.0 if the number that is read is the right one, or as near as its question allows, else 0.0.

    For questions whose answer is a number; another question is an error. `accuracy` goes by each question's kind, and
    pays the same here.
    """
    return float(number.judge(completion, choices[answer_index], only("number", answer_kind)).correct)
