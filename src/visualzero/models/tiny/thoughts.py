"""Thoughts about a question: a look says where things are and concludes; a second look finds a slip of the first.

A thought is a list of pieces of text, each with whether it is learned from. What is wrong in a thought, a slip that a
second look finds, is read and not learned: the models learn to find slips and not to make them.
"""

import random
from dataclasses import dataclass
from itertools import accumulate

from visualzero.data.toyspace.questions import Asked, plural
from visualzero.data.toyspace.scene import COLORS, SHAPES, Scene, Thing
from visualzero.models.tiny.places import DIGITS, across, away

Pieces = list[tuple[str, bool]]

BEGINS, CONCLUDES = "Seen:", "so it is "
CUES = (
    "Wait, let me check again.",
    "Hmm, that is not right.",
    "Let me look again.",
    "Actually, let me verify.",
    "On second thought, I look once more.",
    "Let me double-check.",
    "No, that can't be.",
    "Hold on.",
)
AFTER_CONCLUSION = 0.4  # share of slips that are noticed once the thought has concluded from them
CONFIRMS = 0.25  # share of second looks that find the first one right


@dataclass(frozen=True)
class Seen:
    """What a look says of an object: its name and two digits."""

    name: str
    x: int
    z: int


def seen(thing: Thing) -> Seen:
    """An object as it is."""
    return Seen(thing.name, across(thing), away(thing))


def asked_shape(asked: Asked) -> str:
    """The shape that a Count question asks for."""
    return next(shape for shape in SHAPES if plural(shape) in asked.question)


def look(asked: Asked) -> str | None:
    """Names what decides the answer, and concludes; None where the digits don't tell."""
    if asked.task == "Count":
        return counted(asked.scene, asked_shape(asked))
    concluded = conclusion(asked.task, tuple(map(seen, asked.focus)), asked.answer in ("left", "right"))
    if concluded is None or not concluded.endswith(f" {asked.answer}."):
        return None
    return f"{placed(tuple(map(seen, asked.focus)))} {concluded}"


def second_look(asked: Asked, rng: random.Random) -> Pieces | None:
    """A look with a slip in it, a cue, and the look again; None where the digits don't tell."""
    right = look(asked)
    if right is None:
        return None
    cue = f" {rng.choice(CUES)} {right}"
    if rng.random() < CONFIRMS:
        return [(f"{right}{cue}", True)]
    return [*slip(asked, rng), (cue, True)]


def slip(asked: Asked, rng: random.Random) -> Pieces:
    """A look that misplaces or misnames one object; some go on to conclude from it."""
    goes_on = rng.random() < AFTER_CONCLUSION
    if asked.task == "Count":
        return _miscounted(asked, rng, goes_on)
    wrong = rng.randrange(len(asked.focus))
    things = list(map(seen, asked.focus))
    things[wrong] = _misplaced(things[wrong], rng)
    pieces: Pieces = [(BEGINS, True)]
    for index, thing in enumerate(things):
        pieces += [(f"{',' if index else ''} {thing.name} ", True), (f"{thing.x}{thing.z}", index != wrong)]
    concluded = conclusion(asked.task, tuple(things), asked.answer in ("left", "right")) if goes_on else None
    return [*pieces, (f". {concluded}" if concluded else ".", True)]


def _misplaced(thing: Seen, rng: random.Random) -> Seen:
    """The same object at least three tenths off in one direction or in both."""
    while True:
        x, z = rng.randrange(DIGITS), rng.randrange(DIGITS)
        if max(abs(x - thing.x), abs(z - thing.z)) >= 3:
            return Seen(thing.name, x, z)


def _miscounted(asked: Asked, rng: random.Random, goes_on: bool) -> Pieces:
    """One color is counted that isn't there, or passed over though it is; the count goes on from there."""
    shape = asked_shape(asked)
    there = [any(thing.name == f"{color} {shape}" for thing in asked.scene) for color in COLORS]
    wrong = rng.randrange(len(COLORS))
    there[wrong] = not there[wrong]
    pieces: Pieces = [(f"{BEGINS} {plural(shape)}", True)]
    for index, (color, number) in enumerate(zip(COLORS, accumulate(map(int, there)), strict=True)):
        pieces += [(f", {color} ", True), (str(number), index != wrong)]
    return [*pieces, (f", {CONCLUDES}{sum(there)}." if goes_on else ".", True)]


def placed(things: tuple[Seen, ...]) -> str:
    """Where each object is."""
    return f"{BEGINS} {', '.join(f'{t.name} {t.x}{t.z}' for t in things)}."


def counted(scene: Scene, shape: str) -> str:
    """How many there are of a shape, color by color, each with the number so far."""
    there = (int(any(thing.name == f"{color} {shape}" for thing in scene)) for color in COLORS)
    told = ", ".join(f"{color} {number}" for color, number in zip(COLORS, accumulate(there), strict=True))
    return f"{BEGINS} {plural(shape)}, {told}, {CONCLUDES}{sum(thing.shape == shape for thing in scene)}."


def conclusion(task: str, things: tuple[Seen, ...], sideways: bool) -> str | None:
    """What follows from the places; None where two digits or sums are the same."""
    if task == "Distance":
        anchor, a, b = things
        x, z = (abs(a.x - anchor.x), abs(a.z - anchor.z))
        u, v = (abs(b.x - anchor.x), abs(b.z - anchor.z))
        less = _compared(x + z, u + v)
        told = f"Apart, {a.name} {x} + {z} = {x + z}, {b.name} {u} + {v} = {u + v}."
        return less and f"{told} {less}, {CONCLUDES}the {(a if x + z < u + v else b).name}."
    a, b = things
    if task == "Depth":
        less = _compared(a.z, b.z)
        return less and f"Away, {less}, {CONCLUDES}the {(a if a.z < b.z else b).name}."
    if sideways:
        less = _compared(a.x, b.x)
        return less and f"Across, {less}, {CONCLUDES}{'left' if a.x < b.x else 'right'}."
    less = _compared(a.z, b.z)
    return less and f"Away, {less}, {CONCLUDES}{'below' if a.z < b.z else 'above'}."


def _compared(x: int, y: int) -> str | None:
    return None if x == y else f"{x} is {'less' if x < y else 'more'} than {y}"
