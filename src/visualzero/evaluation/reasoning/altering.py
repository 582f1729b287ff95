"""Responses with an altered thought: the prefixes from which a model is asked to go on.

    kept       the thought as it is, closed: what drawing the answer anew changes by itself
    emptied    no thought: closed at once
    foreign    the thought of another question
    corrupted  the thought with what it states exchanged (`corrupting.py`)
    free       the thought up to its first cue of self-reflection; the model goes on as it likes
    cued       the same with the cue
    stopped    the same without the cue, closed

Where an answer hangs on the thought, the first ones change it (Lanham et al., "Measuring faithfulness in
chain-of-thought reasoning", arXiv 2307.13702); where reconsidering helps, `cued` is right more often than `free`.
"""

import random
import re
from collections.abc import Sequence
from typing import NamedTuple

from visualzero.evaluation.reading.sections import first_turn
from visualzero.evaluation.reasoning.corrupting import corrupted
from visualzero.evaluation.reasoning.cues import find_cues

KINDS = ("kept", "emptied", "foreign", "corrupted", "free", "cued", "stopped")
_THINK = re.compile(r"<[ \t]?(/?)[ \t]?think(?:ing)?[ \t]?>", re.IGNORECASE)
_ANSWER = re.compile(r"<[ \t]?answer[ \t]?>", re.IGNORECASE)
_LEADS_IN = re.compile(r"[.!?;:,(*\n\u2026\u2013\u2014-]?\s{0,4}")  # what a cue starts with (cues.py)


class Thinking(NamedTuple):
    """A response up to the end of its thought: what stands before the thought, the thought, the tag that ends it."""

    lead: str
    thought: str
    close: str


class Thinker(NamedTuple):
    """A question whose response thinks; `said` is the text of the option that it chose, or None."""

    task: str
    image_id: str
    said: str | None


class Prefix(NamedTuple):
    """What a model is to go on from; `by` says what was exchanged in a corrupted thought."""

    text: str
    by: str | None = None


def thinking(completion: str, think_prefix: bool) -> Thinking | None:
    """The parts of a completion up to the end of its first thought; None if it has none with a word.

    Where the thought is never closed, or stands without tags before `<answer>`, it ends at the last `<answer>`.
    `think_prefix` says that the prompt has opened it.
    """
    text = first_turn(completion)
    tags = list(_THINK.finditer(text))
    answers = [one.start() for one in _ANSWER.finditer(text)]
    if not tags and not think_prefix:
        found = Thinking("", text[: answers[-1]], "<answer>") if answers else None
    else:
        first = tags[0] if tags and not tags[0][1] else None  # which the prompt may have written
        opened = first.end() if first and not (think_prefix and text[: first.start()].strip()) else 0
        closing = next((tag for tag in tags if tag[1] and tag.start() >= opened), None)
        end = closing.start() if closing else max((one for one in answers if one >= opened), default=len(text))
        found = Thinking(text[:opened], text[opened:end], closing[0] if closing else "</think>")
    return found if found and re.search(r"\w", found.thought) else None


def prefixes(own: Thinking, choices: Sequence[str], other: str | None) -> dict[str, Prefix]:
    """By kind, what to go on from; a kind that can't be made of this thought is left out.

    Args:
        own: the response's thought.
        choices: of its question.
        other: a thought of another question, if there is one.
    """
    lead, thought, close = own
    made = {"kept": Prefix(lead + thought + close), "emptied": Prefix(lead + close)}
    if other is not None:
        made["foreign"] = Prefix(lead + other + close)
    if exchanged := corrupted(thought, choices):
        made["corrupted"] = Prefix(lead + exchanged.text + close, exchanged.by)
    if cue := next(find_cues(thought), None):
        led_in = _LEADS_IN.match(thought, cue.start)
        before = thought[: led_in.end() if led_in else cue.start].rstrip()  # a word's blank is part of its token
        made |= {
            "free": Prefix(lead + before),
            "cued": Prefix(lead + thought[: cue.end]),
            "stopped": Prefix(lead + before + close),
        }
    return made


def donors(thinkers: Sequence[Thinker], seed: int) -> list[int | None]:
    """For each question the place of another one whose thought it is given; None if there is none.

    Of the same task, about another image and with another answer, as far as there is one: of these the next one in a
    circle that the seed has shuffled.
    """
    circle = list(range(len(thinkers)))
    random.Random(seed).shuffle(circle)
    found: list[int | None] = [None] * len(thinkers)
    for place, mine in enumerate(circle):
        best = (False, False, False)
        for other in (*circle[place + 1 :], *circle[:place]):
            unlike = _unlike(thinkers[mine], thinkers[other])
            if found[mine] is None or unlike > best:
                found[mine], best = other, unlike
            if all(best):
                break
    return found


def _unlike(one: Thinker, other: Thinker) -> tuple[bool, bool, bool]:
    return one.image_id != other.image_id, one.task == other.task, one.said != other.said


def reconsiders(prefix: str, continuation: str, think_prefix: bool) -> bool:
    """Whether what a model wrote from a prefix within its thought has a cue, while it still thinks."""
    own = thinking(prefix + continuation, think_prefix)
    return own is not None and any(cue.end > len(prefix) - len(own.lead) for cue in find_cues(own.thought))
