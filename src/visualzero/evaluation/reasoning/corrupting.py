"""A thought with what it states exchanged, so that it leads elsewhere: the same sentences about another world.

Only one kind of word is exchanged, the first of these that the thought has; two at once could undo each other ("3 is
less than 5" is true again if both the numbers and the comparison are turned around).

    options     each option that is named, by its text or as "(A)", becomes the next one, the last one the first
    directions  left and right, above and below, closer and farther, more and less, and so on
    numbers     each whole number, and "two" to "nine", becomes the next one
"""

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from string import ascii_uppercase
from typing import NamedTuple

OPPOSITES = (
    ("left", "right"),
    ("above", "below"),
    ("top", "bottom"),
    ("up", "down"),
    ("higher", "lower"),
    ("in front of", "behind"),
    ("closer", "farther"),
    ("nearer", "further"),
    ("closest", "farthest"),
    ("nearest", "furthest"),
    ("more", "less"),
    ("larger", "smaller"),
    ("inside", "outside"),
)
_DIRECTIONS = {one: other for pair in OPPOSITES for one, other in (pair, pair[::-1])}
_WORDS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_NEXT_WORD = dict(pairwise(_WORDS))
_NUMBER = re.compile(rf"(?<![\w.])(?:\d+|{'|'.join(_NEXT_WORD)})(?!\w|\.\d)", re.IGNORECASE)


class Corrupted(NamedTuple):
    """The thought, and what was exchanged in it: options, directions or numbers."""

    text: str
    by: str


def corrupted(thought: str, choices: Sequence[str]) -> Corrupted | None:
    """A thought about a question with these options, corrupted; None if it has nothing that can be exchanged."""
    for by, text in (
        ("options", _exchanged(thought, _next_options(choices))),
        ("directions", _exchanged(thought, _DIRECTIONS)),
        ("numbers", _NUMBER.sub(lambda found: _next_number(found[0]), thought)),
    ):
        if text != thought:
            return Corrupted(text, by)
    return None


def _next_options(choices: Sequence[str]) -> dict[str, str]:
    """By each option's text and its letter in parentheses, in lower case, those of the next option."""
    following = [*choices[1:], *choices[:1]]
    texts = {one.lower(): other for one, other in zip(choices, following, strict=True) if one.strip()}
    letters = ascii_uppercase[: len(choices)]
    named = {f"({one.lower()})": f"({other})" for one, other in zip(letters, letters[1:] + letters[:1], strict=True)}
    return texts | named


def _exchanged(text: str, others: Mapping[str, str]) -> str:
    """The text with each of these names, as whole words, replaced by the other; all at once."""
    names = "|".join(re.escape(name) for name in sorted(others, key=len, reverse=True))
    found = re.compile(rf"(?<![\w.])(?:{names})(?!\w|\.\d)", re.IGNORECASE)
    return found.sub(lambda one: _as_written(one[0], others[one[0].lower()]), text)


def _next_number(written: str) -> str:
    if written.isdecimal():
        return str(int(written) + 1).zfill(len(written))
    return _as_written(written, _NEXT_WORD[written.lower()])


def _as_written(written: str, other: str) -> str:
    """`other` with a capital where `written` has one."""
    return other[:1].upper() + other[1:] if written[:1].isupper() else other
