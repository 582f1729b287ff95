"""The parts of a response: which turn it is, where its thought ends, which text answers.

The one place that knows, for the answer parser, the rewards and the analysis of reasoning alike:

- A response ends where another turn begins: "User:" or "Human:" where a line or a sentence begins, or a chat marker.
- A thought stands between `<think>` and `</think>`. Closed but never opened it begins with the response: the prompt has
  opened it. Opened but never closed it ends where the last `<answer>` that says something opens, or another mark names
  an answer (`markup.py`); without one it is the whole rest.
- The answer is the last `<answer>` outside of the thoughts that says something, a closed one before an open one;
  without one, what another mark names; without one, all that is not thought. Where nothing is outside, an `<answer>`
  inside counts: form is the format reward's business.

Every search is linear in the response. This module imports nothing of the project but `markup.py`.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from visualzero.evaluation.reading.markup import element, mark

_TAG = re.compile(r"<[ \t]?(/?)[ \t]?(answer|think)(?:ing)?[ \t]?>", re.IGNORECASE | re.ASCII)
_THINK = re.compile(r"<[ \t]?/?[ \t]?think(?:ing)?[ \t]?>", re.IGNORECASE | re.ASCII)
_TURN = re.compile(r"(?:User|Human)\*{0,2}[ \t]?:|<\|(?:im_start|im_end|endoftext)\|>")
_TURN_STARTS = ("", "\n", ".", "!", "?", ">", ")", '"', "}")
_INDENT = 20  # characters of blanks before a turn


class Sections(NamedTuple):
    """A response's first turn: its thoughts, what stands outside of them, and the text that answers."""

    thoughts: tuple[str, ...]
    outside: str
    answer: str


class _Tag(NamedTuple):
    start: int
    end: int
    closes: bool
    answer: bool


class _Answer(NamedTuple):
    tag: int  # where its tag begins
    start: int
    end: int


_Span = tuple[int, int]


def sections(response: str) -> Sections:
    """The parts of a response, from its opening tag on."""
    text = first_turn(response)
    tags = _tags(text)
    answers = [one for one in _answers(text, tags) if text[one.start : one.end].strip()]
    spans = _thoughts(text, tags, answers)
    outside = _outside(text, spans)
    free = _free(answers, spans)
    if not outside.strip():
        free = answers
    if free:
        answer = text[free[-1].start : free[-1].end]
    else:
        named = element(outside)
        answer = outside[named[1] : named[2]] if named else outside
    return Sections(tuple(text[start:end] for start, end in spans), outside, answer)


def first_turn(response: str) -> str:
    """A response up to where it makes up a further turn."""
    if not any(mark in response for mark in ("User", "Human", "<|")):
        return response
    for turn in _TURN.finditer(response):
        before = response[max(0, turn.start() - _INDENT) : turn.start()].rstrip(" \t*")
        if turn[0].startswith("<") or before[-1:] in _TURN_STARTS:
            return response[: turn.start()]
    return response


def thought(response: str) -> str | None:
    """The thinking part of a response without its tags; None if it has none.

    A response without think tags thinks in whatever stands before its last `<answer>`; one without any tag has no part
    that is only thought.
    """
    text = first_turn(response)
    tags = _tags(text)
    if any(not tag.answer for tag in tags):
        return _TAG.sub(" ", "\n".join(sections(text).thoughts)).strip()
    opened = [tag.start for tag in tags if not tag.closes]
    return (text[: opened[-1]].strip() or None) if opened else None


def _tags(text: str) -> list[_Tag]:
    found = _TAG.finditer(text) if "<" in text else iter(())
    return [_Tag(tag.start(), tag.end(), bool(tag[1]), tag[2].lower() == "answer") for tag in found]


def _answers(text: str, tags: Sequence[_Tag]) -> list[_Answer]:
    """What `<answer>` tags hold, those never closed first; of nested ones the innermost."""
    closed: list[_Answer] = []
    opened: list[_Answer] = []
    last: _Tag | None = None
    for tag in tags:
        if not tag.answer:
            continue
        if last:
            (closed if tag.closes else opened).append(_Answer(last.start, last.end, tag.start))
        last = None if tag.closes else tag
    if last:
        opened.append(_Answer(last.start, last.end, len(text)))
    return opened + closed


def _thoughts(text: str, tags: Sequence[_Tag], answers: Sequence[_Answer]) -> list[_Span]:
    """Spans of the thoughts, in order."""
    spans: list[_Span] = []
    thinks = [tag for tag in tags if not tag.answer]
    start = 0 if thinks and thinks[0].closes else None
    for tag in thinks:
        if not tag.closes:
            start = tag.end if start is None else start
        elif start is not None:
            spans.append((start, tag.start))
            start = None
    if start is not None:
        marked = mark(text[start:])
        end = len(text) if marked is None else start + marked
        spans.append((start, max((one.tag for one in answers if one.tag >= start), default=end)))
    return spans


def _free(answers: Sequence[_Answer], thoughts: Sequence[_Span]) -> list[_Answer]:
    """The answers that begin outside of the thoughts."""
    starts = [start for start, _ in thoughts]
    ends = [end for _, end in thoughts]
    return [one for one in answers if bisect_right(starts, one.tag) == bisect_right(ends, one.tag)]


def _outside(text: str, thoughts: Sequence[_Span]) -> str:
    """What is left of a text without thoughts and their tags; lines keep the parts apart."""
    ends = [0, *(end for _, end in thoughts)]
    starts = [*(start for start, _ in thoughts), len(text)]
    return "\n".join(_THINK.sub("", text[end:start]) for end, start in zip(ends, starts, strict=True)).strip("\n")
