"""toyspace: answers that geometry confirms, none that pays without the image, and scenes that no two splits share."""

import hashlib
import io
import math
import os
import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml
from PIL import Image

from real_data import real_rows
from visualzero.data.toyspace.questions import SOURCES, TASKS, Asked, ask, toyspace_rows
from visualzero.data.toyspace.render import RGB, render, render_png, visible_fractions
from visualzero.data.toyspace.scene import COLORS, HELD_OUT, SHAPES, SPLITS, Scene, Thing, project, split_of

ROOT = Path(__file__).resolve().parents[1]
DEMO = yaml.safe_load((ROOT / "config/scale/demo.yaml").read_text())["data"]
BENCH = DEMO["benchmarks"]["toyspace"]["source"]
WORDING = {
    "Count": r"How many (?P<a>\w+) are in the image\?",
    "Relation": (
        r"Considering the relative positions of the (?P<a>[\w ]+) and the (?P<b>[\w ]+) in the image provided, "
        r"where is the (?P=a) located with respect to the (?P=b)\?"
    ),
    "Depth": r"Which object is closer to the camera taking this photo, the (?P<a>[\w ]+) or the (?P<b>[\w ]+)\?",
    "Distance": (
        r"Estimate the real-world distances between objects in this image\. "
        r"Which object is closer to the (?P<anchor>[\w ]+), the (?P<a>[\w ]+) or the (?P<b>[\w ]+)\?"
    ),
}
SCRIPT = """
import hashlib
from visualzero.data.toyspace.questions import toyspace_rows
print(hashlib.sha256(repr(list(toyspace_rows("train", 16, 1))).encode()).hexdigest())
"""


@cache
def questions(split: str, n: int, seed: int) -> tuple[Asked, ...]:
    """The questions of a Question table with their scenes."""
    return tuple(ask(TASKS[index % 4], index // 4, split, seed) for index in range(n))


@cache
def bench() -> tuple[Asked, ...]:
    """The demo's benchmark."""
    assert BENCH == {"kind": "toyspace", "split": "bench", "n": 800, "seed": 3}
    return questions("bench", 800, 3)


def of_task(task: str) -> list[Asked]:
    return [asked for asked in bench() if asked.task == task]


def named(asked: Asked) -> dict[str, str]:
    """What the question names, by the groups of its wording."""
    match = re.fullmatch(WORDING[asked.task], asked.question)
    assert match, asked.question
    return match.groupdict()


def thing(scene: Scene, name: str) -> Thing:
    [found] = [thing for thing in scene if f"{thing.color} {thing.shape}" == name]
    return found


def pixel(thing: Thing) -> tuple[float, float]:
    """Where the middle of an object is seen, by vectors: a camera five units up that looks 36 degrees down."""
    pitch = math.radians(36)
    ahead, up = (0, -math.sin(pitch), math.cos(pitch)), (0, math.cos(pitch), math.sin(pitch))
    seen = (thing.x, {"small": 0.42, "large": 0.62}[thing.size] - 5, thing.z)
    depth, height = (sum(a * b for a, b in zip(seen, axis, strict=True)) for axis in (ahead, up))
    return 56 + 1.22 * 112 * seen[0] / depth, 56 - 1.22 * 112 * height / depth


def camera_distance(thing: Thing) -> float:
    return math.sqrt(thing.x**2 + thing.z**2 + (5 - {"small": 0.42, "large": 0.62}[thing.size]) ** 2)


def ground_distance(a: Thing, b: Thing) -> float:
    return math.sqrt((a.x - b.x) ** 2 + (a.z - b.z) ** 2)


# The same questions for ever


def test_the_same_seed_gives_the_same_rows_in_every_process() -> None:
    here = hashlib.sha256(repr(list(toyspace_rows("train", 16, 1))).encode()).hexdigest()
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    there = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True)
    assert there.stdout.strip() == here


def test_another_seed_gives_other_scenes() -> None:
    assert not {asked.scene for asked in questions("train", 40, 1)} & {
        asked.scene for asked in questions("train", 40, 2)
    }


def test_the_benchmark_is_the_one_that_results_were_made_with() -> None:
    told = repr([(a.task, a.scene, a.question, a.choices, a.answer_index) for a in bench()[:80]])
    assert hashlib.sha256(told.encode()).hexdigest()[:16] == "4894d4a291595fa6"


def test_rows_hold_the_questions_with_their_pictures() -> None:
    rows = list(toyspace_rows("bench", 24, 3))
    assert [row["id"] for row in rows] == [f"bench-3-{index:05d}" for index in range(24)]
    for row, asked in zip(rows, bench(), strict=False):
        assert (row["task"], row["question"], row["choices"]) == (asked.task, asked.question, list(asked.choices))
        assert (row["answer_index"], row["source"]) == (asked.answer_index, SOURCES[asked.task])
        assert row["image"]["bytes"] == render_png(asked.scene)
    assert len({row["image_id"] for row in rows}) == 24


# Splits


def test_every_layout_belongs_to_exactly_one_split() -> None:
    assert sorted(residue for residues in SPLITS.values() for residue in residues) == list(range(16))


@pytest.mark.parametrize("split", SPLITS)
def test_every_scene_of_a_split_belongs_to_it_in_any_order_of_its_objects(split: str) -> None:
    rng = random.Random(0)
    for asked in questions(split, 60, 5):
        assert split_of(asked.scene) == split
        assert split_of(tuple(rng.sample(asked.scene, len(asked.scene)))) == split


def test_no_two_splits_share_a_picture() -> None:
    train = DEMO["train"]
    pictures = {
        "bench": [hashlib.sha256(render_png(asked.scene)).digest() for asked in bench()],
        **{
            split: [hashlib.sha256(render_png(asked.scene)).digest() for asked in questions(split, 200, train["seed"])]
            for split in ("train", "validation")
        },
    }
    assert train["split"] == "train"
    counts = Counter(digest for digests in pictures.values() for digest in set(digests))
    assert counts.most_common(1)[0][1] == 1
    assert len(set(pictures["bench"])) == 800


# Harder scenes


def test_training_and_its_benchmark_never_show_what_is_held_out() -> None:
    asked = [*questions("train", 400, 1), *bench()[:400]]
    seen = {(thing.color, thing.shape) for one in asked for thing in one.scene}
    assert seen == {(color, shape) for color in COLORS for shape in SHAPES} - HELD_OUT


def test_harder_questions_are_about_what_is_held_out_among_more_objects() -> None:
    for asked in questions("hard", 48, 1):
        assert len(asked.scene) in (7, 8)
        assert any((thing.color, thing.shape) in HELD_OUT for thing in asked.focus or asked.scene)
        assert min(visible_fractions(asked.scene)) >= 0.55


def test_harder_questions_are_asked_in_words_that_training_never_uses() -> None:
    for asked in questions("hard", 48, 1):
        assert not re.fullmatch(WORDING[asked.task], asked.question)
        assert all(one.name in asked.question for one in asked.focus if asked.task != "Count")


def test_what_the_tiny_models_read_has_all_pairings_and_all_words() -> None:
    read = questions("pretrain", 400, 1)
    assert {(t.color, t.shape) for asked in read for t in asked.scene} >= HELD_OUT
    for task in TASKS:
        wordings = [bool(re.fullmatch(WORDING[task], asked.question)) for asked in read if asked.task == task]
        assert 0.6 < sum(wordings) / len(wordings) < 0.9


# No answer pays without the image


@pytest.mark.parametrize("task", TASKS)
def test_no_constant_answer_beats_chance(task: str) -> None:
    asked = of_task(task)
    chance = sum(1 / len(one.choices) for one in asked) / len(asked)
    places = Counter(one.answer_index for one in asked)
    values = Counter(one.answer for one in asked)
    for kind in (places, values):
        answer, right = kind.most_common(1)[0]
        assert right / len(asked) <= chance + 0.03, f"always {answer!r}"


@pytest.mark.parametrize("pair", [{"left", "right"}, {"above", "below"}])
def test_no_side_beats_chance_where_it_is_offered(pair: set[str]) -> None:
    asked = [one for one in of_task("Relation") if set(one.choices) == pair]
    assert len(asked) == 100
    assert max(Counter(one.answer for one in asked).values()) <= 53


@pytest.mark.parametrize("options", [4, 5, 6])
def test_no_number_beats_chance_where_it_is_offered(options: int) -> None:
    asked = [one for one in of_task("Count") if len(one.choices) == options]
    for number in "012345":
        offered = [one for one in asked if number in one.choices]
        right = sum(one.answer == number for one in offered)
        assert abs(right / len(offered) - 1 / options) < 0.12, number  # about two standard errors of some 50 questions


def test_tasks_take_turns_and_have_equally_many_questions() -> None:
    assert [asked.task for asked in bench()] == list(TASKS) * 200


# What is asked


def test_questions_are_worded_as_in_cv_bench() -> None:
    for asked in bench():
        names = named(asked)
        if asked.task == "Count":
            assert names["a"] in {f"{shape}s" for shape in SHAPES}
            assert set(asked.choices) <= set("012345")
        else:
            assert all(thing(asked.scene, name) in asked.focus for name in names.values())


@pytest.mark.parametrize("task", TASKS)
def test_cv_bench_itself_has_the_wording(task: str) -> None:
    asked = [row for row in real_rows("cvbench_items_120.jsonl") if row["task"] == task]
    assert len(asked) >= 20
    for row in asked:
        plain = re.sub(r" \((annotated|highlighted) by [^)]*\)", "", row["question"])
        assert re.fullmatch(WORDING[task].replace(r"\w+", r"[\w ]+"), plain), plain


@pytest.mark.parametrize("task", TASKS)
def test_counts_have_four_to_six_options_and_other_tasks_two(task: str) -> None:
    options = Counter(len(asked.choices) for asked in of_task(task))
    assert set(options) == ({4, 5, 6} if task == "Count" else {2})
    assert max(options.values()) - min(options.values()) <= 12


def test_choices_are_unique() -> None:
    for asked in bench():
        assert len(set(asked.choices)) == len(asked.choices)


def test_an_option_of_depth_and_distance_stands_where_the_question_names_it() -> None:
    for asked in [*of_task("Depth"), *of_task("Distance")]:
        assert asked.choices == (named(asked)["a"], named(asked)["b"])


# What is right


def test_count_is_how_many_there_are() -> None:
    for asked in of_task("Count"):
        shape = named(asked)["a"].removesuffix("s")
        assert int(asked.answer) == sum(thing.shape == shape for thing in asked.scene)


def test_relation_is_where_the_centers_are_seen_at_least_14_pixels_apart() -> None:
    for asked in of_task("Relation"):
        a, b = (thing(asked.scene, named(asked)[key]) for key in "ab")
        (ua, va), (ub, vb) = pixel(a), pixel(b)
        apart = {"left": ub - ua, "right": ua - ub, "above": vb - va, "below": va - vb}[asked.answer]
        assert apart >= 14
        if asked.answer in ("left", "right"):
            across = b.x - a.x if asked.answer == "left" else a.x - b.x
            assert across >= 0.8
        assert set(asked.choices) in ({"left", "right"}, {"above", "below"})


def test_depth_is_the_smaller_camera_distance_by_at_least_1_2_units() -> None:
    for asked in of_task("Depth"):
        near = thing(asked.scene, asked.answer)
        [far] = [thing(asked.scene, name) for name in asked.choices if name != asked.answer]
        assert camera_distance(far) - camera_distance(near) >= 1.2


def test_distance_is_the_nearer_one_by_half_and_0_9_units() -> None:
    for asked in of_task("Distance"):
        anchor, near = thing(asked.scene, named(asked)["anchor"]), thing(asked.scene, asked.answer)
        [far] = [thing(asked.scene, name) for name in asked.choices if name != asked.answer]
        short, long = ground_distance(anchor, near), ground_distance(anchor, far)
        assert long >= 1.5 * short
        assert long - short >= 0.9


# What is seen


def test_every_object_has_a_name_of_its_own() -> None:
    for asked in bench():
        assert len({thing.name for thing in asked.scene}) == len(asked.scene)


def test_at_least_55_percent_of_every_object_is_visible() -> None:
    assert min(min(visible_fractions(asked.scene)) for asked in bench()) >= 0.55


def test_a_nearer_object_hides_a_farther_one() -> None:
    near, far = Thing("cube", "red", "large", 0.0, 5.0, 0.0), Thing("ball", "blue", "small", 0.0, 6.2, 0.0)
    assert visible_fractions((far,)) == [1.0]
    assert visible_fractions((far, near))[1] == 1.0
    assert visible_fractions((far, near))[0] < 0.6
    u, v = project(far.x, 0.2, far.z)
    hidden = render((far, near)).getpixel((round(u), round(v)))
    shown = render((far,)).getpixel((round(u), round(v)))
    assert hidden[0] > 2 * hidden[2]
    assert shown[2] > 2 * shown[0]


def test_images_are_112_pixels_wide_and_high_in_rgb() -> None:
    for row in toyspace_rows("train", 4, 1):
        image = Image.open(io.BytesIO(row["image"]["bytes"]))
        image.load()
        assert (image.format, image.mode, image.size) == ("PNG", "RGB", (112, 112))


def whole_objects(n: int) -> Iterator[tuple[Image.Image, Thing]]:
    """Objects of `n` scenes that nothing hides, with their scene's picture."""
    for asked in bench()[:n]:
        image = render(asked.scene)
        for thing, visible in zip(asked.scene, visible_fractions(asked.scene), strict=True):
            if visible == 1.0:
                yield image, thing


def test_an_object_has_its_color_where_its_center_is_seen() -> None:
    def direction(color: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(channel / math.hypot(*color) for channel in color)

    for image, seen in whole_objects(60):
        u, v = pixel(seen)
        color = direction(image.getpixel((round(u), round(v))))
        nearest = min(RGB, key=lambda name: math.dist(direction(RGB[name]), color))
        assert nearest == seen.color
