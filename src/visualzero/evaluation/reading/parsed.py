"""The reading of a response. This module imports nothing of the project."""

from collections.abc import Sequence
from string import ascii_uppercase
from typing import Literal, NamedTuple

ParseClass = Literal["parsed", "ambiguous", "conflicting", "none"]


class Parsed(NamedTuple):
    """The reading of a response.

    `prediction` indexes the choices; it is None unless the class is parsed. `accepted` holds the options that count as
    chosen where a scorer may take one answer for several of them; else it is empty.
    """

    prediction: int | None
    parse_class: ParseClass
    accepted: frozenset[int] = frozenset()

    def given(self, answer_index: int) -> int | None:
        """The prediction where `answer_index` is right: that option if it is among those accepted."""
        return answer_index if answer_index in self.accepted else self.prediction


NOTHING = Parsed(None, "none")
AMBIGUOUS = Parsed(None, "ambiguous")
CONFLICTING = Parsed(None, "conflicting")


def letter_choice(letter: str, choices: Sequence[str]) -> Parsed:
    """The option of an upper-case letter; nothing if no option has that letter, or there is none ("")."""
    letters = list(ascii_uppercase[: len(choices)])
    return Parsed(letters.index(letter), "parsed") if letter in letters else NOTHING
