"""The thinking part of a response, and a response ready to be analysed."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from visualzero.evaluation.reasoning.cues import Cue, count_keywords, find_cues

_TAG = re.compile(r"<(/?)(answer|think)>", re.IGNORECASE | re.ASCII)
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


def thought(response: str) -> str | None:
    """The thinking part of a response without its tags; None if it has none.

    It is what stands in `<think>...</think>`. A part that is closed but never opened begins with the response: the
    prompt has opened it. A part that is never closed ends at the last `<answer>`, or with the response. A response
    without think tags thinks in whatever stands before its last `<answer>`; one without any tag has no part that is
    only thought.
    """
    tags = list(_TAG.finditer(response))
    thinks = [tag for tag in tags if tag[2].lower() == "think"]
    answers = [tag.start() for tag in tags if tag[2].lower() == "answer" and not tag[1]]
    if not thinks:
        return (response[: answers[-1]].strip() or None) if answers else None
    parts: list[str] = []
    start = 0 if thinks[0][1] else None
    for tag in thinks:
        if not tag[1]:
            start = tag.end() if start is None else start
        elif start is not None:
            parts.append(response[start : tag.start()])
            start = None
    if start is not None:
        parts.append(response[start : answers[-1] if answers and answers[-1] >= start else None])
    return _TAG.sub(" ", "\n".join(parts)).strip()


def words(text: str) -> list[str]:
    """Lower-case words and numbers of a text; "re-check" and "it's" are one word each."""
    return _WORD.findall(text.lower())
