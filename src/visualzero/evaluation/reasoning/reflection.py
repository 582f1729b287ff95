"""Self-reflection: how often thoughts have a cue, and whether the answer changes after it."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from visualzero.evaluation.reading.answer import parse_answer
from visualzero.evaluation.reading.plain import plain
from visualzero.evaluation.reasoning.cues import CUES, DIGEST, NAME
from visualzero.evaluation.reasoning.measures import by_outcome, share
from visualzero.evaluation.reasoning.thoughts import Sample

_SENTENCE_END = re.compile(r"(?:(?<=\w\w[.!?])|(?<=\w [0-9][.!?]))\s+|\n+")  # not in "B. 3"


def reflection(samples: Sequence[Sample]) -> dict[str, Any]:
    """Rates of self-reflection; a response without a thought has no cue.

    Returns:
        list: name and digest of the cue list. `rate` (responses with a cue, of all), `per_1000_words` (cues in 1,000
        words of thought: the tokens of a thought alone are not known) and `paper_keywords` (the same two for the
        paper's keywords), each for all, correct and incorrect responses. `by_cue`: responses with each cue.
        `answer_change`: what `answer_change` gives.
    """
    return {
        "list": {"name": NAME, "digest": DIGEST},
        **_rates(samples, lambda sample: len(sample.cues)),
        "paper_keywords": _rates(samples, lambda sample: sample.keywords),
        "by_cue": {name: sum(any(cue.name == name for cue in sample.cues) for sample in samples) for name in CUES},
        "answer_change": answer_change(samples),
    }


def answer_change(samples: Sequence[Sample]) -> dict[str, Any]:
    """Whether responses end with another option than the one held before their first cue.

    Counted are the `n` of the `with_cue` responses, to questions with options, that hold an option before the cue and
    end with a prediction. Shares of them: `changed`, which is the sum of `wrong_to_right`, `right_to_wrong` and
    `wrong_to_wrong`.
    """
    reflecting = [sample for sample in samples if sample.cues and sample.chooses]
    held = [held_option((sample.thought or "")[: sample.cues[0].start], sample.choices) for sample in reflecting]
    pairs = [
        (before, sample.prediction, sample.answer_index)
        for before, sample in zip(held, reflecting, strict=True)
        if before is not None and sample.prediction is not None
    ]
    return {
        "with_cue": len(reflecting),
        "n": len(pairs),
        "changed": share([before != after for before, after, _ in pairs]),
        "wrong_to_right": share([before != after == right for before, after, right in pairs]),
        "right_to_wrong": share([right == before != after for before, after, right in pairs]),
        "wrong_to_wrong": share([right != before != after != right for before, after, right in pairs]),
    }


def held_option(text: str, choices: Sequence[str]) -> int | None:
    """The option that the last sentence naming any option chooses; None if there is none or it weighs several.

    So "Is it left or right?" holds neither, and "the books are closer than the desk" holds the books, named first.
    """
    for sentence in reversed(_SENTENCE_END.split(plain(text))):
        parsed = parse_answer(sentence, choices)
        if parsed.parse_class != "none":
            return parsed.prediction
    return None


def _rates(samples: Sequence[Sample], count: Callable[[Sample], int]) -> dict[str, Any]:
    """Share of responses with a count above 0 and counts in 1,000 words, by outcome."""

    def per_1000_words(some: Sequence[Sample]) -> float | None:
        words = sum(len(sample.words) for sample in some)
        return 1000 * sum(map(count, some)) / words if words else None

    return {
        "rate": by_outcome(samples, lambda some: share([count(sample) > 0 for sample in some])),
        "per_1000_words": by_outcome(samples, per_1000_words),
    }
