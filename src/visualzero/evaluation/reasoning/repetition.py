"""Responses that repeat themselves: loops at the end, and text that compresses too well.

A model that loops goes on until its tokens are spent, so a long mean length may be nothing but loops.
"""

from collections.abc import Sequence
from typing import Any

from visualzero.evaluation.reasoning.diversity import compression_ratio
from visualzero.evaluation.reasoning.measures import share
from visualzero.evaluation.reasoning.thoughts import Sample

REPEATS = 3
MIN_CHARS = 60
MAX_UNIT = 300
# Whisper rejects a decoding above this zlib ratio as repetitive (Radford et al., arXiv 2212.04356).
MAX_RATIO = 2.4


def repetition(samples: Sequence[Sample]) -> dict[str, Any]:
    """Shares of responses: `truncated` at the token limit, that `loop`, that loop until the limit, `repetitive`.

    A repetitive response loops or has a zlib ratio above 2.4: near-loops such as a list whose items differ in a number.
    """
    loops = [ends_in_loop(sample.response) for sample in samples]
    return {
        "truncated": share([sample.truncated for sample in samples]),
        "loop": share(loops),
        "loop_until_limit": share([loop and sample.truncated for loop, sample in zip(loops, samples, strict=True)]),
        "repetitive": share(
            [
                loop or (compression_ratio(sample.response) or 0) > MAX_RATIO
                for loop, sample in zip(loops, samples, strict=True)
            ]
        ),
    }


def ends_in_loop(text: str) -> bool:
    """Whether a text ends in at least 3 copies, and 60 characters, of one unit of up to 300 characters.

    The last copy may be cut off: what is asked is that every character equals the one a unit's length before it.
    """
    text = text.rstrip()
    for unit in range(1, MAX_UNIT + 1):
        n = max(REPEATS * unit, MIN_CHARS)
        if n > len(text):
            return False
        if text[-n + unit :] == text[-n:-unit]:
            return True
    return False
