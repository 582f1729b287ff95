"""Format: 1 if the completion is a thought and an answer in their tags."""

from visualzero.evaluation.reading.answer import is_formatted


def score(completion: str, *, choices: list[str], answer_index: int, n_tokens: int) -> float:
    r"""1.0 if it is `<think>` thought `</think>` `<answer>` answer `</answer>`, else 0.0 (arXiv 2503.05132).

    The paper's code asks for a full match of `<think>.*?</think>\s*<answer>.*?</answer>`, which also accepts several
    answers and empty parts, and refuses a line break at the end. Here each tag must occur once, so that a completion
    can't hedge, and neither part may be blank, so that tags alone earn nothing; blanks around the whole are no fault.
    """
    return float(is_formatted(completion))
