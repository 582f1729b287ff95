"""Reasoning analysis: every number about the thoughts in one arm's responses to a benchmark.

How the numbers read for trivial thoughts ("The answer is left.", the same few sentences with other nouns) and rich ones
(they look at what is in the image, weigh it, and the answer follows):

- thoughts.blank, thoughts.missing: high is as trivial as it gets; nothing below says much about such an arm.
- thought_words: a handful or some dozens; by itself length means little, see repetition.
- diversity.self_similarity, duplicate_share, compression_ratio: high for trivial, low for rich; distinct: the reverse.
- repetition: high means that length is loops, as under a reward for length.
- reflection: rate near 0 for trivial. A high rate is not yet insight: answer_change says whether anything came of it.
- consistency.contradicts: high means that the thought doesn't decide the answer, however rich it looks.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from visualzero.evaluation.reasoning.consistency import consistency
from visualzero.evaluation.reasoning.diversity import diversity
from visualzero.evaluation.reasoning.measures import by_outcome, share, spread
from visualzero.evaluation.reasoning.reflection import reflection
from visualzero.evaluation.reasoning.repetition import repetition
from visualzero.evaluation.reasoning.thoughts import sample_of


def analyse(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """All measures of `rows`, as a dict for JSON; deterministic, shares from 0 to 1, None where undefined.

    Args:
        rows: one per response, with `response` (as it is scored, with the `<think>` that the prompt wrote), `choices`,
            `answer_index`, `prediction` (an index or None), `correct`, `n_tokens` (None if unknown), `finish_reason`.

    Returns:
        n: responses. thoughts: the shares of responses whose thinking part is `missing`, and `blank` (no word in it).
        response_tokens, thought_words: n, mean, median and p95, for all, correct and incorrect responses; thought_words
        of the thoughts with a word. reflection, diversity, repetition, consistency: see the functions of that name.
    """
    samples = [sample_of(row) for row in rows]
    return {
        "n": len(samples),
        "thoughts": {
            "missing": share([sample.thought is None for sample in samples]),
            "blank": share([sample.thought is not None and not sample.words for sample in samples]),
        },
        "response_tokens": by_outcome(
            samples, lambda some: spread([sample.n_tokens for sample in some if sample.n_tokens is not None])
        ),
        "thought_words": by_outcome(
            samples, lambda some: spread([len(sample.words) for sample in some if sample.words])
        ),
        "reflection": reflection(samples),
        "diversity": diversity(samples),
        "repetition": repetition(samples),
        "consistency": consistency(samples),
    }
