"""Scenes: objects on a ground plane, seen by a pinhole camera.

World axes: x to the right, y up, z away from the camera; lengths in units of the scene. The camera stands at
`CAMERA_HEIGHT` above the plane and looks slightly down. Image axes: u to the right, v down, in pixels of a
`SIZE` x `SIZE` image.
"""

import hashlib
import math
import random
from dataclasses import dataclass

SIZE = 112
CAMERA_HEIGHT = 5.0
PITCH = math.radians(36.0)
FOCAL = 1.22 * SIZE
NEAR, FAR = 4.0, 10.4  # z of the closest and the farthest object
HALF_WIDTH = 3.0  # largest |x|

SHAPES = ("cube", "ball", "cone", "cylinder")
COLORS = ("red", "green", "blue", "yellow", "purple", "orange", "white")
RADII = {"small": 0.42, "large": 0.62}

# Residues of the layout digest (mod 16) that belong to each split.
SPLITS = {
    "pretrain": range(8),
    "instruct": range(8, 10),
    "train": range(10, 13),
    "validation": range(13, 14),
    "bench": range(14, 15),
    "hard": range(15, 16),
}
# Pairings of color and shape that the arms' training never shows, nor the benchmark like it; the tiny models know them.
HELD_OUT = frozenset({("red", "cone"), ("blue", "cube"), ("yellow", "ball"), ("purple", "cylinder")})
WITH_HELD_OUT = ("pretrain", "instruct", "hard")
OBJECTS, OBJECTS_IF_HARD = (3, 6), (7, 8)


@dataclass(frozen=True)
class Thing:
    """One object: `x`, `z` on the ground (scene units), `yaw` in radians; only cubes show their yaw."""

    shape: str
    color: str
    size: str
    x: float
    z: float
    yaw: float

    @property
    def name(self) -> str:
        """Color and shape; unique within a scene."""
        return f"{self.color} {self.shape}"

    @property
    def held_out(self) -> bool:
        """Whether the arms' training never shows this color with this shape."""
        return (self.color, self.shape) in HELD_OUT

    @property
    def radius(self) -> float:
        """Half the width of the object, in scene units; its height is twice that."""
        return RADII[self.size]

    @property
    def center(self) -> tuple[float, float, float]:
        """The middle of the object in world coordinates."""
        return self.x, self.radius, self.z

    @property
    def camera_distance(self) -> float:
        """Distance from the camera to the middle of the object, in scene units."""
        return math.dist((0.0, CAMERA_HEIGHT, 0.0), self.center)


Scene = tuple[Thing, ...]


def project(x: float, y: float, z: float) -> tuple[float, float]:
    """Pixel coordinates (u, v) of a world point in front of the camera."""
    height = y - CAMERA_HEIGHT
    depth = z * math.cos(PITCH) - height * math.sin(PITCH)
    up = z * math.sin(PITCH) + height * math.cos(PITCH)
    return SIZE / 2 + FOCAL * x / depth, SIZE / 2 - FOCAL * up / depth


def ground_distance(a: Thing, b: Thing) -> float:
    """Distance between two objects' feet on the plane, in scene units."""
    return math.hypot(a.x - b.x, a.z - b.z)


def in_view(thing: Thing) -> bool:
    """Whether the whole object lies inside the image, with a margin of two pixels."""
    r = thing.radius
    corners = [project(thing.x + dx, y, thing.z + dz) for dx in (-r, r) for y in (0.0, 2 * r) for dz in (-r, r)]
    return all(2 <= u <= SIZE - 2 and 2 <= v <= SIZE - 2 for u, v in corners)


def split_of(scene: Scene) -> str:
    """The split that a scene belongs to, from a digest of its layout."""
    layout = sorted((t.shape, t.color, t.size, round(t.x, 3), round(t.z, 3), round(t.yaw, 3)) for t in scene)
    residue = hashlib.sha256(repr(layout).encode()).digest()[0] % 16
    return next(name for name, residues in SPLITS.items() if residue in residues)


def sample_scene(rng: random.Random, split: str, counts: dict[str, int] | None = None) -> Scene | None:
    """Place objects at random, as many and in such pairings as the split has; `counts` fixes how many of some shapes.

    The layout's digest may still belong to another split. Returns None where the draw did not fit the plane, so that
    callers draw again.
    """
    shapes = [shape for shape, n in (counts or {}).items() for _ in range(n)]
    free = [shape for shape in SHAPES if shape not in (counts or {})]
    total = max(rng.randint(*(OBJECTS_IF_HARD if split == "hard" else OBJECTS)), len(shapes) + 1)
    shapes += [rng.choice(free) for _ in range(total - len(shapes))]
    rng.shuffle(shapes)
    things: list[Thing] = []
    for shape in shapes:
        thing = _place(rng, shape, things, split in WITH_HELD_OUT)
        if thing is None:
            return None
        things.append(thing)
    return tuple(things)


def _place(rng: random.Random, shape: str, others: list[Thing], with_held_out: bool) -> Thing | None:
    taken = {t.color for t in others if t.shape == shape}
    left_out = set() if with_held_out else {color for color, held_out in HELD_OUT if held_out == shape}
    color = rng.choice([c for c in COLORS if c not in taken | left_out])
    size = rng.choice(tuple(RADII))
    for _ in range(20):
        z = rng.uniform(NEAR, FAR)
        x = rng.uniform(-HALF_WIDTH, HALF_WIDTH)
        thing = Thing(shape, color, size, round(x, 3), round(z, 3), round(rng.uniform(0, math.pi / 2), 3))
        apart = all(ground_distance(thing, other) > thing.radius + other.radius + 0.25 for other in others)
        if apart and in_view(thing):
            return thing
    return None
