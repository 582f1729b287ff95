"""Accuracy: 1 if the completion chooses the right option, or gives the right answer to an open question."""

from visualzero.evaluation.reading.answer import parse_answer
from visualzero.evaluation.reading.free.judging import judge
from visualzero.evaluation.reading.free.kinds import CHOICE


def score(completion: str, *, choices: list[str], answer_index: int, n_tokens: int, answer_kind: str = CHOICE) -> float:
    """1.0 if the right option is chosen, else 0.0 (arXiv 2503.05132, section 3, "accuracy reward").

    The answer is read exactly as the `strict` scorer reads it in evaluation. The paper's code matches SAT answers as
    case-sensitive strings ("Left" and "three" earn nothing), takes the first of several answer tags, and takes a letter
    for the answer whatever text stands beside it. Here an answer that names two options, or a letter and a text that
    disagree, earns nothing, so that hedging is not rewarded. Of an open question the one choice is the right answer,
    and `answer_kind` says how it is judged.
    """
    if answer_kind != CHOICE:
        return float(judge(completion, choices[answer_index], answer_kind).correct)
    parsed = parse_answer(completion, choices)
    return float(parsed.parse_class == "parsed" and parsed.prediction == answer_index)
