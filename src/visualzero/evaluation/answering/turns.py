"""Responses that go on with a turn of the user's: where they are cut, and when a row of tokens has come to it.

A base model that is asked without roles writes the next question itself. What follows isn't its answer, nor worth the
time. In training nothing is cut: the tokens of a rollout are those that TRL's own would be, and the parser of the
reward ends a response at the same place.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence

Text = Callable[[Sequence[int]], str]
"""What tokens say."""


def cut(tokens: Sequence[int], text: Text, turn: str | None) -> tuple[str, int, bool]:
    """What tokens say up to `turn`, how many of them say it, and whether it was there."""
    said = text(tokens)
    end = said.find(turn) if turn else -1
    if end < 0:
        return said, len(tokens), False
    return said[:end], bisect_left(range(len(tokens)), end, key=lambda n: len(text(tokens[:n]))), True


def has_begun(tokens: Sequence[int], text: Text, turn: str, new: int) -> bool:
    """Whether `turn` ends in the last `new` of these tokens; no token says less than a byte of it."""
    return turn in text(tokens[-new - len(turn.encode()) :])
