"""A text laid out for reading: its sentences, the options that each mentions, and what each claims of them."""

import re
from bisect import bisect_left
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

from visualzero.evaluation.reading.options import Mention, Options
from visualzero.evaluation.reading.phrases import CONDITIONS, REFUSES, any_of
from visualzero.evaluation.reading.roles import Claim, claims

_BREAK = re.compile(r"[.!?][\"')\]]{0,3}(?:\s{1,9}|$)|\n+")
_LETTERED = re.compile(r"(?<![\w.])[A-Za-z]\.\s{1,9}")
_LONGEST = 500  # characters of a sentence; a longer one is cut
_CONDITION, _REFUSES = any_of(CONDITIONS), any_of(REFUSES)


class Sentence(NamedTuple):
    """A sentence or line [start, end) of a text, without what ends it."""

    start: int
    end: int
    text: str
    asks: bool
    conditional: bool
    mentions: Sequence[Mention]  # their positions count from the sentence's start


class Page:
    """A text and the options of its question."""

    def __init__(self, text: str, options: Options) -> None:
        self.text = text
        self.options = options

    @cached_property
    def breaks(self) -> list[tuple[int, int]]:
        """Where sentences end and the next begin; "B. 3" is one."""
        text, lettered = self.text, self.options.lettered
        return [
            one.span()
            for one in _BREAK.finditer(text)
            if not (
                _LETTERED.fullmatch(text, max(0, one.start() - 1), one.end())
                and lettered(text, one.start() - 1, one.end())
            )
        ]

    def stop(self, start: int, reach: int) -> tuple[int, str]:
        """Where the sentence that `start` is in ends, at most `reach` characters on, and with what."""
        index = bisect_left(self.breaks, (start, 0))
        if index < len(self.breaks) and self.breaks[index][0] < start + reach:
            end, after = self.breaks[index]
            return end, self.text[end:after]
        return min(len(self.text), start + reach), ""

    @cached_property
    def mentions(self) -> list[Mention]:
        """All mentions in the text."""
        return self.options.mentions(self.text)

    @cached_property
    def sentences(self) -> list[Sentence]:
        """The sentences that say something."""
        found: list[Sentence] = []
        start = 0
        starts = [mention.start for mention in self.mentions]
        for end, after in [*self.breaks, (len(self.text), len(self.text))]:
            ending = self.text[end:after]
            while start < end:
                stop = min(end, start + _LONGEST)
                text = self.text[start:stop]
                if text.strip():
                    inside = self.mentions[bisect_left(starts, start) : bisect_left(starts, stop)]
                    moved = [one._replace(start=one.start - start, end=one.end - start) for one in inside]
                    found.append(Sentence(start, stop, text, "?" in ending, _CONDITION.search(text) is not None, moved))
                start = stop
            start = after
        return found

    @cached_property
    def refused(self) -> int:
        """Where the last refusal to choose ends, before which nothing is claimed for good; -1 if there is none."""
        return max((found.end() for found in _REFUSES.finditer(self.text)), default=-1)

    @cached_property
    def claims(self) -> list[list[Claim]]:
        """What each sentence claims; a question and a condition claim nothing."""
        found: list[list[Claim]] = []
        subject: int | None = None
        for sentence in self.sentences:
            if sentence.asks or sentence.conditional:
                found.append([])
                continue
            said, subject = claims(sentence.text, sentence.mentions, subject, self.options.n)
            found.append(said)
        return found
