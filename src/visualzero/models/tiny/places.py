"""Where objects are, as the tiny models write it: a digit across the ground and a digit away from the camera.

These two digits decide every question by rule: digits across say left and right, digits away say above and below,
nearer and farther, and their differences, added, say which of two objects is closer to a third.
"""

from visualzero.data.toyspace.scene import COLORS, FAR, HALF_WIDTH, NEAR, SHAPES, Thing

DIGITS = 10
NAMES = [f"{color} {shape}" for color in COLORS for shape in SHAPES]  # that an object can have


def across(thing: Thing) -> int:
    """The tenth of the ground's width that the object stands in, 0-9 from the left."""
    return _tenth((thing.x + HALF_WIDTH) / (2 * HALF_WIDTH))


def away(thing: Thing) -> int:
    """The tenth of the ground's depth that the object stands in, 0-9 from the nearest."""
    return _tenth((thing.z - NEAR) / (FAR - NEAR))


def _tenth(share: float) -> int:
    return min(DIGITS - 1, max(0, int(share * DIGITS)))


def place(thing: Thing) -> str:
    """Both digits."""
    return f"{across(thing)}{away(thing)}"
