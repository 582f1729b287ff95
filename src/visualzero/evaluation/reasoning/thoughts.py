"""A scored response ready to be analysed. Where its thought ends is told by `evaluation.reading.sections`."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from visualzero.evaluation.reading.sections import thought
from visualzero.evaluation.reasoning.cues import Cue, count_keywords, find_cues

_WORD = re.compile(r"\w+(?:['-]\w+)*")


@dataclass(frozen=True)
class Sample:
    """A scored response with its thought.

    `thought` is None if the response has no thinking part and "" if that part is blank; `words`, `cues` and
    `keywords` (how many of the paper's) are the thought's.
    """

    response: str
    thought: str | None
    words: Sequence[str]
    cues: Sequence[Cue]
    keywords: int
    choices: Sequence[str]
    answer_index: int
    prediction: int | None
    correct: bool
    n_tokens: int | None
    truncated: bool

    @property
    def chooses(self) -> bool:
        """Whether it answers a question with options; an open one has its answer alone."""
        return len(self.choices) > 1


def sample_of(row: Mapping[str, Any]) -> Sample:
    """The sample of one row; `analysis.analyse` says what a row has."""
    text = thought(row["response"])
    return Sample(
        response=row["response"],
        thought=text,
        words=words(text or ""),
        cues=tuple(find_cues(text or "")),
        keywords=count_keywords(text or ""),
        choices=tuple(row["choices"]),
        answer_index=row["answer_index"],
        prediction=row["prediction"],
        correct=bool(row["correct"]),
        n_tokens=row["n_tokens"],
        truncated=row["finish_reason"] == "length",
    )


def words(text: str) -> list[str]:
    """Lower-case words and numbers of a text; "re-check" and "it's" are one word each."""
    return _WORD.findall(text.lower())
