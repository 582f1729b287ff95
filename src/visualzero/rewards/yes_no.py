"""Yes or no: 1 if the completion says the right one."""

from visualzero.evaluation.reading.free import yes_no
from visualzero.evaluation.reading.free.judged import only


def score(completion: str, *, choices: list[str], answer_index: int, n_tokens: int, answer_kind: str) -> float:
    """1.0 if yes or no (or true or false) is said, and is right, else 0.0.

    For questions whose answer is yes or no; another question is an error. `accuracy` goes by each question's kind, and
    pays the same here.
    """
    only("yes_no", answer_kind)
    return float(yes_no.judge(completion, choices[answer_index]).correct)
