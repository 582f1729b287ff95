"""Questions about scenes in CV-Bench's wording, with answers from geometry.

The split `hard` asks in other words, about scenes with more objects and with pairings of color and shape that training
and the benchmark like it never show. What the tiny models read (`pretrain`, `instruct`) has all pairings and all words.

Objects are named by color and shape, which is unique in a scene, so that CV-Bench's red, blue and green boxes are not
needed.

Margins, so that no answer is a matter of taste:
    every object     at least 55 % of its pixels are visible
    Relation         the centers are at least 14 px apart on the asked axis; for left and right also 0.8 units on the
                     ground
    Depth            camera distances differ by at least 1.2 units
    Distance         the farther object is at least 1.5 times as far, and 0.9 units farther, than the nearer one

Balance is by construction: answers, option counts and the right option's place are cycled through, not drawn.
Distractors of a count come from the values that can be right, so that no option can be ruled out without the image.
"""

import hashlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from visualzero.data.toyspace.render import render_png, visible_fractions
from visualzero.data.toyspace.scene import SHAPES, Scene, Thing, ground_distance, project, sample_scene, split_of

TASKS = ("Count", "Relation", "Depth", "Distance")
SOURCES = {"Count": "toyspace2d", "Relation": "toyspace2d", "Depth": "toyspace3d", "Distance": "toyspace3d"}
MIN_VISIBLE = 0.55
MIN_PIXELS = 14.0
COUNTS = range(6)
# CV-Bench's words, and others; {a} and {b} are compared, with {anchor} for Distance.
WORDINGS = {
    "Count": ("How many {a} are in the image?", "What is the number of {a} that can be seen here?"),
    "Relation": (
        "Considering the relative positions of the {a} and the {b} in the image provided, "
        "where is the {a} located with respect to the {b}?",
        "Seen from the {b}, on which side of it does the {a} stand in this picture?",
    ),
    "Depth": (
        "Which object is closer to the camera taking this photo, the {a} or the {b}?",
        "Of the {a} and the {b}, which one stands nearer to whoever took this picture?",
    ),
    "Distance": (
        "Estimate the real-world distances between objects in this image. "
        "Which object is closer to the {anchor}, the {a} or the {b}?",
        "Of the {a} and the {b}, which one has the shorter way to the {anchor}?",
    ),
}
OTHER_WORDS = {"hard": 1.0, "pretrain": 0.25, "instruct": 0.25}  # share of a split's questions asked in the others


@dataclass(frozen=True)
class Asked:
    """A question with its scene; `focus` holds the objects that decide the answer, in the question's order."""

    task: str
    scene: Scene
    question: str
    choices: tuple[str, ...]
    answer_index: int
    focus: tuple[Thing, ...]

    @property
    def answer(self) -> str:
        """Text of the right choice."""
        return self.choices[self.answer_index]


def toyspace_rows(split: str, n: int, seed: int) -> Iterator[dict[str, Any]]:
    """`n` rows of the Question table, task by task in turn; all scenes belong to `split`."""
    for index in range(n):
        asked = ask(TASKS[index % 4], index // 4, split, seed)
        image = render_png(asked.scene)
        yield {
            "id": f"{split}-{seed}-{index:05d}",
            "source": SOURCES[asked.task],
            "task": asked.task,
            "image": {"bytes": image, "path": None},
            "question": asked.question,
            "choices": list(asked.choices),
            "answer_index": asked.answer_index,
            "image_id": hashlib.sha256(image).hexdigest()[:16],
        }


def ask(task: str, index: int, split: str, seed: int) -> Asked:
    """Question number `index` of a task; the same arguments always give the same question and scene."""
    rng = random.Random(f"toyspace/{split}/{seed}/{task}/{index}")
    make: Callable[[random.Random, int, str], Asked | None] = {
        "Count": _count,
        "Relation": _relation,
        "Depth": _depth,
        "Distance": _distance,
    }[task]
    while True:
        asked = make(rng, index, split)
        if asked is not None and (split != "hard" or any(thing.held_out for thing in asked.focus or asked.scene)):
            return asked


def draw_scene(rng: random.Random, split: str, counts: dict[str, int] | None = None) -> Scene:
    """A scene of the split in which every object can be seen."""
    while True:
        scene = sample_scene(rng, split, counts)
        if scene and split_of(scene) == split and min(visible_fractions(scene)) >= MIN_VISIBLE:
            return scene


def plural(shape: str) -> str:
    """The plural of a shape's name, all of which are regular."""
    return f"{shape}s"


def _words(task: str, rng: random.Random, split: str, **names: str) -> str:
    share = OTHER_WORDS.get(split, 0.0)
    other = share > 0 and rng.random() < share
    return WORDINGS[task][other].format(**names)


def _count(rng: random.Random, index: int, split: str) -> Asked:
    n = COUNTS[index % 6]
    k = 4 + index // 6 % 3
    shape = rng.choice(SHAPES)
    scene = draw_scene(rng, split, {shape: n})
    others = rng.sample([c for c in COUNTS if c != n], k - 1)
    place = (index // 18 + n) % k
    values = [*others[:place], n, *others[place:]]
    focus = tuple(thing for thing in scene if thing.shape == shape)
    question = _words("Count", rng, split, a=plural(shape))
    return Asked("Count", scene, question, tuple(map(str, values)), place, focus)


def _relation(rng: random.Random, index: int, split: str) -> Asked | None:
    answer = ("left", "right", "above", "below")[index % 4]
    scene = draw_scene(rng, split)
    a, b = rng.sample(scene, 2)
    (ua, va), (ub, vb) = project(*a.center), project(*b.center)
    across = min(abs(ua - ub), 17.5 * abs(a.x - b.x)) if (ua - ub) * (a.x - b.x) > 0 else 0.0
    margin = {"left": ub - ua, "right": ua - ub, "above": vb - va, "below": va - vb}[answer]
    if margin < MIN_PIXELS or (answer in ("left", "right") and across < MIN_PIXELS):
        return None
    other = {"left": "right", "right": "left", "above": "below", "below": "above"}[answer]
    place = index // 4 % 2
    question = _words("Relation", rng, split, a=a.name, b=b.name)
    return Asked("Relation", scene, question, (answer, other) if place == 0 else (other, answer), place, (a, b))


def _depth(rng: random.Random, index: int, split: str) -> Asked | None:
    scene = draw_scene(rng, split)
    near, far = sorted(rng.sample(scene, 2), key=lambda thing: thing.camera_distance)
    if far.camera_distance - near.camera_distance < 1.2:
        return None
    place = index % 2
    a, b = (near, far) if place == 0 else (far, near)
    question = _words("Depth", rng, split, a=a.name, b=b.name)
    return Asked("Depth", scene, question, (a.name, b.name), place, (a, b))


def _distance(rng: random.Random, index: int, split: str) -> Asked | None:
    scene = draw_scene(rng, split)
    anchor, *pair = rng.sample(scene, 3)
    near, far = sorted(pair, key=lambda thing: ground_distance(anchor, thing))
    short, long = ground_distance(anchor, near), ground_distance(anchor, far)
    if long < 1.5 * short or long - short < 0.9:
        return None
    place = index % 2
    a, b = (near, far) if place == 0 else (far, near)
    question = _words("Distance", rng, split, anchor=anchor.name, a=a.name, b=b.name)
    return Asked("Distance", scene, question, (a.name, b.name), place, (anchor, a, b))
