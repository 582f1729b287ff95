"""Scripted responders whose thoughts do, and whose cues do, what they were given to do: the truth is known.

A responder is the chances of its answers from each altered thought; a study is a draw of questions and of answers.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from visualzero.evaluation.comparing.altered import ABSENT, Altered
from visualzero.evaluation.reasoning.altering import KINDS

OPTIONS = np.array([2, 2, 2, 5])  # as toyspace has them
REFLECTS = 0.6  # share of responses with a cue
AGAIN = 0.3  # of the free continuations that write one themselves
SURE = 0.9  # of an answer, where it is decided
FIRST, THEN = 0.55, 0.8  # share of right answers before and after a cue that corrects

Chances = npt.NDArray[np.float64]  # [Q, options]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Questions:
    """Q questions: how many options, which is right, and whether the response to each has a cue."""

    options: Ints
    right: Ints
    cue: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Planted:
    """A responder's questions, what it held itself, and the chances of its answers by kind."""

    questions: Questions
    held: Ints
    chances: dict[str, Chances]

    def expected(self, a: str, b: str, changed: bool) -> float:
        """The mean difference of changed, or of right, answers between two kinds."""
        asked = self.questions.cue if {a, b} & {"free", "cued", "stopped"} else np.ones(len(self.held), bool)
        target = self.held if changed else self.questions.right
        rows = np.arange(len(target))
        hit = [self.chances[kind][rows, target][asked].mean() for kind in (a, b)]
        return float(hit[1] - hit[0] if changed else hit[0] - hit[1])

    def draw(self, n: int, rng: np.random.Generator) -> Altered:
        """Answers, n from each thought."""
        cue, answers = self.questions.cue, {}
        for kind in KINDS:
            bounds = self.chances[kind].cumsum(axis=1)
            drawn = (rng.random((len(cue), n))[:, :, None] > bounds[:, None, :-1]).sum(axis=2)
            absent = ~cue[:, None] & (kind in ("free", "cued", "stopped"))
            answers[kind] = np.where(absent, ABSENT, drawn)
        images = [str(place) for place in range(len(cue))]
        again = np.where(cue, rng.binomial(n, AGAIN, len(cue)), 0)
        return Altered(self.held, self.questions.right, images, answers, again)


def questions(n: int, rng: np.random.Generator) -> Questions:
    options = rng.choice(OPTIONS, n)
    return Questions(options, (rng.random(n) * options).astype(np.int64), rng.random(n) < REFLECTS)


def belief(asked: Questions, right: float, rng: np.random.Generator) -> Ints:
    """An option for each question, the right one with this chance."""
    other = (asked.right + 1 + (rng.random(len(asked.right)) * (asked.options - 1)).astype(np.int64)) % asked.options
    return np.where(rng.random(len(asked.right)) < right, asked.right, other)


def sure(asked: Questions, option: Ints) -> Chances:
    """Chances of an answer that is decided but for slips."""
    places = np.arange(OPTIONS.max())
    slips = np.where(places < asked.options[:, None], (1 - SURE) / (asked.options - 1)[:, None], 0.0)
    return np.where(places == option[:, None], SURE, slips)


def corrects(asked: Questions, rng: np.random.Generator) -> Planted:
    """It answers what its thought concludes; after a cue it looks again, and is right more often."""
    first, looked = belief(asked, FIRST, rng), belief(asked, THEN, rng)
    return _thinking(asked, first, np.where(asked.cue, looked, first), looked, rng)


def waits(asked: Questions, rng: np.random.Generator) -> Planted:
    """It answers what its thought concludes; a cue is a word, after which it goes on as before."""
    first = belief(asked, FIRST, rng)
    return _thinking(asked, first, first, first, rng)


def misled(asked: Questions, rng: np.random.Generator) -> Planted:
    """As `corrects`, but what it sees after a cue is worse."""
    first, looked = belief(asked, THEN, rng), belief(asked, FIRST, rng)
    return _thinking(asked, first, np.where(asked.cue, looked, first), looked, rng)


def talks(asked: Questions, rng: np.random.Generator) -> Planted:
    """It answers what it sees, whatever the thought says."""
    seen = belief(asked, FIRST, rng)
    return Planted(asked, seen, dict.fromkeys(KINDS, sure(asked, seen)))


def _thinking(asked: Questions, first: Ints, last: Ints, looked: Ints, rng: np.random.Generator) -> Planted:
    guessed, other = (belief(asked, 1 / OPTIONS.mean(), rng) for _ in range(2))
    itself = AGAIN * sure(asked, looked) + (1 - AGAIN) * sure(asked, first)
    chances = {
        "kept": sure(asked, last),
        "emptied": sure(asked, guessed),
        "foreign": sure(asked, other),
        "corrupted": sure(asked, (last + 1) % asked.options),
        "free": itself,
        "cued": sure(asked, looked),
        "stopped": sure(asked, first),
    }
    return Planted(asked, last, chances)


Responder = Callable[[Questions, np.random.Generator], Planted]
RESPONDERS: dict[str, tuple[Responder, str, str]] = {
    "corrects": (corrects, "decides", "helps"),
    "waits": (waits, "decides", "idle"),
    "misled": (misled, "decides", "hinders"),
    "talks": (talks, "idle", "idle"),
}
"""By name: the responder, whether its thought decides, what its cues do."""
