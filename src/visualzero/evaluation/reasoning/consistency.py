"""Whether the answer is what the thought concludes."""

from collections.abc import Sequence
from typing import Any

from visualzero.evaluation.reading.answer import parse_answer
from visualzero.evaluation.reasoning.measures import share
from visualzero.evaluation.reasoning.thoughts import Sample


def consistency(samples: Sequence[Sample]) -> dict[str, Any]:
    """Thoughts that conclude one option, by the answer parser's rules, against the response's answer.

    Thoughts about open questions conclude none.

    Returns:
        thoughts: with a word. concluding: those that conclude one option. n: those of them whose response predicts one.
        Shares of n: `contradicts`, the two differ; in `right_answer_wrong_thought` and `wrong_answer_right_thought`
        they differ and one of them is right.
    """
    thoughts = [sample for sample in samples if sample.words]
    concluded = [
        (conclusion, sample)
        for sample in thoughts
        if sample.chooses and (conclusion := parse_answer(sample.thought or "", sample.choices).prediction) is not None
    ]
    pairs = [
        (conclusion, sample.prediction, sample.answer_index)
        for conclusion, sample in concluded
        if sample.prediction is not None
    ]
    return {
        "thoughts": len(thoughts),
        "concluding": len(concluded),
        "n": len(pairs),
        "contradicts": share([concluded != answered for concluded, answered, _ in pairs]),
        "right_answer_wrong_thought": share([concluded != answered == right for concluded, answered, right in pairs]),
        "wrong_answer_right_thought": share([right == concluded != answered for concluded, answered, right in pairs]),
    }
