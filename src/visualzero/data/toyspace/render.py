"""Draw a scene: flat-shaded solids on a tiled ground plane, far objects first so that near ones occlude them."""

import io
import math
from functools import lru_cache

from PIL import Image, ImageDraw

from visualzero.data.toyspace.scene import CAMERA_HEIGHT, FAR, SIZE, Scene, Thing, project

SCALE = 3  # supersampling
RGB = {
    "red": (214, 48, 49),
    "green": (46, 160, 67),
    "blue": (41, 98, 220),
    "yellow": (246, 205, 30),
    "purple": (142, 68, 173),
    "orange": (240, 128, 24),
    "white": (244, 244, 240),
}
LIGHT = (-0.45, 0.8, -0.4)

Point = tuple[float, float]


def render(scene: Scene) -> Image.Image:
    """The scene as an RGB image of `SIZE` x `SIZE` pixels."""
    image = _background().copy()
    draw = ImageDraw.Draw(image)
    for thing in _far_to_near(scene):
        _shadow(draw, thing)
    for thing in _far_to_near(scene):
        for outline, shade in _faces(thing):
            draw.polygon(outline, fill=_tint(RGB[thing.color], shade))
    return image.resize((SIZE, SIZE), Image.Resampling.BOX)


def render_png(scene: Scene) -> bytes:
    """The scene as an encoded PNG."""
    buffer = io.BytesIO()
    render(scene).save(buffer, "PNG", optimize=False)
    return buffer.getvalue()


def visible_fractions(scene: Scene) -> list[float]:
    """For each object, the share of its own pixels that no nearer object hides."""
    stencil = Image.new("L", (SIZE, SIZE))
    draw = ImageDraw.Draw(stencil)
    alone = {}
    for thing in _far_to_near(scene):
        number = scene.index(thing) + 1
        single = Image.new("L", (SIZE, SIZE))
        single_draw = ImageDraw.Draw(single)
        for outline, _ in _faces(thing):
            small = [(u / SCALE, v / SCALE) for u, v in outline]
            draw.polygon(small, fill=number)
            single_draw.polygon(small, fill=1)
        alone[number] = single.histogram()[1]
    seen = stencil.histogram()
    return [seen[i + 1] / max(alone[i + 1], 1) for i in range(len(scene))]


def _far_to_near(scene: Scene) -> list[Thing]:
    return sorted(scene, key=lambda thing: -thing.camera_distance)


@lru_cache(maxsize=1)
def _background() -> Image.Image:
    """Sky above a plane of two-tone tiles; the tiles' perspective is a cue of depth."""
    image = Image.new("RGB", (SIZE * SCALE, SIZE * SCALE), (203, 219, 232))
    draw = ImageDraw.Draw(image)
    for z in range(int(FAR) + 14, 0, -1):
        for x in range(-10, 10):
            corners = [(x, z), (x + 1, z), (x + 1, z + 1), (x, z + 1)]
            fade = min(1.0, z / (FAR + 14))
            base = 176 if (x + z) % 2 else 164
            tone = round(base + (200 - base) * fade)
            draw.polygon([_screen(cx, 0.0, cz) for cx, cz in corners], fill=(tone, tone - 6, tone - 16))
    return image


def _screen(x: float, y: float, z: float) -> Point:
    u, v = project(x, y, max(z, 0.6))
    return u * SCALE, v * SCALE


def _ring(thing: Thing, y: float, radius: float, steps: int = 28) -> list[Point]:
    angles = [2 * math.pi * k / steps for k in range(steps)]
    return [_screen(thing.x + radius * math.cos(a), y, thing.z + radius * math.sin(a)) for a in angles]


def _shadow(draw: ImageDraw.ImageDraw, thing: Thing) -> None:
    shifted = Thing(thing.shape, thing.color, thing.size, thing.x + 0.18, thing.z + 0.12, thing.yaw)
    draw.polygon(_ring(shifted, 0.0, thing.radius * 1.12), fill=(128, 122, 112))


def _tint(color: tuple[int, int, int], shade: float) -> tuple[int, int, int]:
    return tuple(min(255, round(channel * shade)) for channel in color)  # type: ignore[return-value]  # three channels


def _faces(thing: Thing) -> list[tuple[list[Point], float]]:
    """Outlines in supersampled pixels with their brightness, back to front."""
    return {"cube": _cube, "ball": _ball, "cone": _cone, "cylinder": _cylinder}[thing.shape](thing)


def _cube(thing: Thing) -> list[tuple[list[Point], float]]:
    # A turned square of half-diagonal 1.25 r has about the footprint of the round shapes.
    angles = [thing.yaw + math.pi / 4 + k * math.pi / 2 for k in range(4)]
    feet = [(thing.x + 1.25 * thing.radius * math.cos(a), thing.z + 1.25 * thing.radius * math.sin(a)) for a in angles]
    top = 1.8 * thing.radius
    faces = []
    for k in range(4):
        (x0, z0), (x1, z1) = feet[k], feet[(k + 1) % 4]
        middle = ((x0 + x1) / 2, (z0 + z1) / 2)
        normal = (middle[0] - thing.x, middle[1] - thing.z)
        if normal[0] * middle[0] + normal[1] * middle[1] >= 0:
            continue  # faces away from the camera, which stands above x = z = 0
        length = math.hypot(*normal)
        brightness = 0.72 + 0.32 * max(0.0, (normal[0] * LIGHT[0] + normal[1] * LIGHT[2]) / length)
        faces.append(([_screen(x0, 0, z0), _screen(x1, 0, z1), _screen(x1, top, z1), _screen(x0, top, z0)], brightness))
    faces.append(([_screen(x, top, z) for x, z in feet], 1.06))
    return faces


def _ball(thing: Thing) -> list[tuple[list[Point], float]]:
    faces = []
    for k, shade in enumerate((0.7, 0.85, 0.98, 1.1, 1.25)):
        radius = thing.radius * (1 - 0.2 * k)
        shift = 0.11 * k * thing.radius
        center = (thing.x - shift * 0.8, thing.radius + shift, thing.z)
        # The silhouette of a ball: a ring that faces the camera.
        away = math.hypot(center[2], CAMERA_HEIGHT - center[1])
        up = (0.0, center[2] / away, (CAMERA_HEIGHT - center[1]) / away)
        angles = [2 * math.pi * step / 28 for step in range(28)]
        ring = [
            _screen(
                center[0] + radius * math.cos(a),
                center[1] + radius * math.sin(a) * up[1],
                center[2] + radius * math.sin(a) * up[2],
            )
            for a in angles
        ]
        faces.append((ring, shade))
    return faces


def _cylinder(thing: Thing) -> list[tuple[list[Point], float]]:
    radius, top = 0.85 * thing.radius, 2.0 * thing.radius
    base, lid = _ring(thing, 0.0, radius), _ring(thing, top, radius)
    body = _hull(base + lid)
    middle = (min(u for u, _ in body) + max(u for u, _ in body)) / 2
    lit = [(min(u, middle), v) for u, v in body]
    return [(body, 0.74), (lit, 0.92), (lid, 1.1)]


def _cone(thing: Thing) -> list[tuple[list[Point], float]]:
    apex = _screen(thing.x, 2.2 * thing.radius, thing.z)
    body = _hull([*_ring(thing, 0.0, thing.radius), apex])
    lit = [(min(u, apex[0]), v) for u, v in body]
    return [(body, 0.74), (lit, 1.0)]


def _hull(points: list[Point]) -> list[Point]:
    """Convex hull by Andrew's monotone chain."""
    ordered = sorted(set(points))

    def half(sequence: list[Point]) -> list[Point]:
        chain: list[Point] = []
        for p in sequence:
            while len(chain) >= 2 and _cross(chain[-2], chain[-1], p) <= 0:
                chain.pop()
            chain.append(p)
        return chain[:-1]

    return half(ordered) + half(ordered[::-1])


def _cross(o: Point, a: Point, b: Point) -> float:
    return (a[0] - o[0]) * (b[1] - o[1]) - (a[1] - o[1]) * (b[0] - o[0])
