"""What the tiny models read about scenes without being asked: places, numbers, what follows from them, and plain facts.

Which objects are spoken of is read and not learned, since it can't be known; what is said of them is learned.
"""

import random

from visualzero.data.toyspace.questions import MIN_PIXELS, plural
from visualzero.data.toyspace.scene import SHAPES, Scene, ground_distance, project
from visualzero.models.tiny.places import NAMES, place
from visualzero.models.tiny.thoughts import BEGINS, Pieces, conclusion, counted, seen

PLACES, FACTS = 8, 4  # in a document
TASKS_BY_PLACES = ("Relation", "Depth", "Distance")


def places(scene: Scene, rng: random.Random) -> Pieces:
    """Where objects are, some of them twice; which object is at a place; and names that no object has."""
    things = [thing for _ in range(PLACES) for thing in rng.sample(scene, len(scene))][:PLACES]
    here = {thing.name for thing in scene}
    absent = [name for name in NAMES if name not in here]
    pieces: Pieces = []
    for index, thing in enumerate(things):
        begin = "," if index else ""
        draw = rng.random()
        if draw < 0.5:
            pieces += [(f"{begin} {thing.name} ", False), (place(thing), True)]
        elif draw < 0.75:
            pieces += [(f"{begin} at {place(thing)}", False), (f" {thing.name}", True)]
        else:
            pieces += [(f"{begin} {rng.choice(absent)}", False), (" none", True)]
    return [(BEGINS, False), *pieces, (".", True)]


def numbers(scene: Scene, rng: random.Random) -> Pieces:
    """How many there are of each shape."""
    pieces: Pieces = []
    for index, shape in enumerate(rng.sample(SHAPES, len(SHAPES))):
        shape_told, _, told = counted(scene, shape).partition(",")
        pieces += [(f"{' ' if index else ''}{shape_told}", False), (f",{told}", True)]
    return pieces


def reasoned(scene: Scene, rng: random.Random) -> Pieces:
    """Some objects' places and what follows from them, in the words of thoughts."""
    pieces: Pieces = []
    said = 0
    while said < FACTS // 2:
        task = rng.choice(TASKS_BY_PLACES)
        things = tuple(map(seen, rng.sample(scene, 3 if task == "Distance" else 2)))
        concluded = conclusion(task, things, sideways=rng.random() < 0.5)
        if concluded:
            placed: Pieces = []
            for index, thing in enumerate(things):
                placed += [(f"{',' if index else ''} {thing.name} ", False), (f"{thing.x}{thing.z}", True)]
            # Which comparison follows is not known before its first word.
            first, _, rest = concluded.partition(" ")
            pieces += [(f" {BEGINS}" if said else BEGINS, False), *placed]
            pieces += [(f". {first}", False), (f" {rest}", True)]
            said += 1
    return pieces


def facts(scene: Scene, rng: random.Random) -> Pieces:
    """What lies where, which is nearer, how many there are: answers without a thought."""
    pieces: Pieces = []
    for index in range(FACTS):
        asked, answer = _fact(scene, rng)
        pieces += [(f"{' ' if index else ''}{asked}:", False), (f" {answer}.", True)]
    return pieces


def _fact(scene: Scene, rng: random.Random) -> tuple[str, str]:
    while True:
        draw = rng.randrange(4)
        if draw == 0:
            shape = rng.choice(SHAPES)
            return f"Number of {plural(shape)}", str(sum(thing.shape == shape for thing in scene))
        told = (_side, _nearer, _closer)[draw - 1](scene, rng)
        if told:
            return told


def _side(scene: Scene, rng: random.Random) -> tuple[str, str] | None:
    a, b = rng.sample(scene, 2)
    (u, v), (x, y) = project(*a.center), project(*b.center)
    if rng.random() < 0.5:
        sides = ("left", "right") if u < x else ("right", "left")
        plain = abs(u - x) >= MIN_PIXELS and (u - x) * (a.x - b.x) > 0
    else:
        sides = ("above", "below") if v < y else ("below", "above")
        plain = abs(v - y) >= MIN_PIXELS
    axis = " or ".join(rng.sample(sides, 2))
    return (f"The {a.name} seen from the {b.name}, {axis}", sides[0]) if plain else None


def _nearer(scene: Scene, rng: random.Random) -> tuple[str, str] | None:
    a, b = rng.sample(scene, 2)
    if abs(a.camera_distance - b.camera_distance) < 1.0:
        return None
    near = min(a, b, key=lambda thing: thing.camera_distance)
    return f"Nearer to the camera, the {a.name} or the {b.name}", f"the {near.name}"


def _closer(scene: Scene, rng: random.Random) -> tuple[str, str] | None:
    anchor, a, b = rng.sample(scene, 3)
    x, y = ground_distance(anchor, a), ground_distance(anchor, b)
    if max(x, y) < 1.4 * min(x, y):
        return None
    return f"Closer to the {anchor.name}, the {a.name} or the {b.name}", f"the {(a if x < y else b).name}"
