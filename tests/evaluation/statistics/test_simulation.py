"""Simulations with known truth: every interval covers it as often as it says, and tests find nothing where nothing is.

Each case draws many benchmarks in which questions share images and answers to questions about one image go together.
"""

from collections.abc import Iterable
from math import sqrt

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import binom, norm

from visualzero.evaluation.statistics import (
    Interval,
    clustered_mcnemar,
    combined_interval,
    holm,
    mcnemar,
    official_bootstrap,
    official_values,
    share_interval,
    wilson,
)
from visualzero.evaluation.statistics.gain import gain_values
from visualzero.evaluation.statistics.paired import mean_interval
from visualzero.evaluation.statistics.shares import cluster_sums

Array = npt.NDArray[np.float32]
Images = npt.NDArray[np.int64]


def images_of(n: int, most: int, rng: np.random.Generator) -> Images:
    """The image of each of `n` questions; 1 to `most` questions are about the same one."""
    return np.repeat(np.arange(n), rng.integers(1, most + 1, size=n))[:n]


def normal(rng: np.random.Generator, repeats: int, n: int) -> Array:
    return rng.standard_normal((repeats, n), dtype=np.float32)


def by_image(rng: np.random.Generator, repeats: int, images: Images) -> Array:
    """Standard normal numbers, the same for all questions about an image."""
    return normal(rng, repeats, int(images[-1]) + 1)[:, images]


def answers(
    rng: np.random.Generator, repeats: int, images: Images, share: float, alike: float
) -> npt.NDArray[np.bool_]:
    """Whether each question is answered right: with probability `share`, and `alike` (0 to 1) about one image."""
    ease = sqrt(alike) * by_image(rng, repeats, images) + sqrt(1 - alike) * normal(rng, repeats, len(images))
    return ease < norm.ppf(share)


def paired_answers(
    rng: np.random.Generator, repeats: int, images: Images, shares: Iterable[float], own_images: float = 0.1
) -> list[npt.NDArray[np.int64]]:
    """Answers of several arms: some questions and images are hard for all, some (`own_images`) for one of them."""
    common = sqrt(0.1) * by_image(rng, repeats, images) + sqrt(0.4) * normal(rng, repeats, len(images))
    rest = sqrt(0.5 - own_images)
    return [
        (
            common + sqrt(own_images) * by_image(rng, repeats, images) + rest * normal(rng, repeats, len(images))
            < norm.ppf(share)
        ).astype(np.int64)
        for share in shares
    ]


def coverage(intervals: Iterable[Interval], truth: float) -> float:
    return float(np.mean([low <= truth <= high for low, high in intervals]))


# Coverage


@pytest.mark.parametrize("n", [150, 2638])
@pytest.mark.parametrize("share", [0.05, 0.1, 0.3, 0.5, 0.6, 0.9])
def test_wilsons_interval_covers_the_share_of_independent_questions(n: int, share: float) -> None:
    counts = np.arange(*binom.interval(1 - 1e-6, n, share)).astype(int)
    covers = [low <= share <= high for low, high in (wilson(int(k), n) for k in counts)]
    assert 0.93 <= float(binom.pmf(counts, n, share) @ covers) <= 0.97  # exact, but for the rarest counts


@pytest.mark.parametrize(
    ("n", "most", "share", "alike", "repeats"),
    [
        (150, 1, 0.6, 0.0, 1500),
        (150, 5, 0.6, 0.3, 1500),
        (150, 5, 0.9, 0.3, 1500),
        (150, 5, 0.05, 0.3, 1500),
        (150, 5, 0.3, 0.0, 1500),
        (2638, 3, 0.6, 0.3, 1000),
        (2638, 3, 0.03, 0.3, 1000),
    ],
)
def test_the_interval_of_a_share_covers_it_when_questions_share_images(
    n: int, most: int, share: float, alike: float, repeats: int
) -> None:
    rng = np.random.default_rng(1)
    images = images_of(n, most, rng)
    drawn = answers(rng, repeats, images, share, alike)
    assert 0.93 <= coverage((share_interval(right, images) for right in drawn), share) <= 0.97


def test_wilsons_interval_does_not_when_questions_share_images() -> None:
    rng = np.random.default_rng(1)
    images = images_of(150, 5, rng)
    drawn = answers(rng, 1000, images, 0.6, 0.3)
    assert coverage((wilson(int(right.sum()), 150) for right in drawn), 0.6) < 0.92


def three_sources(
    rng: np.random.Generator, repeats: int, sizes: tuple[int, ...], most: int, shares: tuple[float, ...]
) -> tuple[npt.NDArray[np.bool_], Images, list[slice]]:
    """Answers to the questions of CV-Bench's three sources, their images, and where each source's questions stand."""
    images, right, places = [], [], []
    for size, share, first in zip(sizes, shares, np.cumsum([0, *sizes]).tolist(), strict=False):
        mine = images_of(size, most, rng)
        right.append(answers(rng, repeats, mine, share, 0.3))
        images.append(mine + first)
        places.append(slice(first, first + size))
    return np.hstack(right), np.concatenate(images), places


SMALL, WHOLE = (40, 35, 75), (719, 719, 1200)


@pytest.mark.parametrize(
    ("sizes", "most", "shares", "repeats"),
    [
        (SMALL, 1, (0.6, 0.6, 0.6), 1000),
        (SMALL, 3, (0.3, 0.5, 0.9), 1000),
        (SMALL, 3, (0.1, 0.05, 0.03), 1000),
        (WHOLE, 3, (0.6, 0.7, 0.5), 600),
    ],
)
def test_the_interval_of_the_official_score_and_of_its_halves_cover_them(
    sizes: tuple[int, ...], most: int, shares: tuple[float, ...], repeats: int
) -> None:
    drawn, images, places = three_sources(np.random.default_rng(2), repeats, sizes, most, shares)
    found = []
    for right in drawn:
        each = [(float(right[place].mean()), share_interval(right[place], images[place])) for place in places]
        two = combined_interval([share for share, _ in each[:2]], [interval for _, interval in each[:2]])
        half = (each[0][0] + each[1][0]) / 2
        found.append((combined_interval([half, each[2][0]], [two, each[2][1]]), two, each[2][1]))
    two = (shares[0] + shares[1]) / 2
    for intervals, truth in zip(zip(*found, strict=True), ((two + shares[2]) / 2, two, shares[2]), strict=True):
        assert 0.93 <= coverage(intervals, truth) <= 0.97


@pytest.mark.parametrize(
    ("sizes", "most", "shares", "repeats"),
    [(SMALL, 1, (0.6, 0.6, 0.6), 800), (SMALL, 3, (0.3, 0.5, 0.9), 800), (WHOLE, 3, (0.6, 0.7, 0.5), 500)],
)
def test_the_bootstrap_interval_covers_the_official_score(
    sizes: tuple[int, ...], most: int, shares: tuple[float, ...], repeats: int
) -> None:
    drawn, images, _ = three_sources(np.random.default_rng(2), repeats, sizes, most, shares)
    sources = np.repeat(["ADE20K", "COCO", "Omni3D"], sizes)
    found = [official_bootstrap(right, sources, images, ["ADE20K", "COCO"], ["Omni3D"], draws=400) for right in drawn]
    truth = (shares[0] + shares[1]) / 4 + shares[2] / 2
    assert 0.93 <= coverage([one for one in found if one], truth) <= 0.97


@pytest.mark.parametrize(
    ("n", "most", "shares", "repeats"),
    [
        (150, 1, (0.6, 0.5), 1500),
        (150, 5, (0.6, 0.5), 1500),
        (150, 3, (0.9, 0.85), 1500),
        (150, 3, (0.3, 0.03), 1500),
        (2638, 3, (0.6, 0.58), 1000),
    ],
)
def test_the_interval_of_a_paired_difference_covers_it(
    n: int, most: int, shares: tuple[float, float], repeats: int
) -> None:
    rng = np.random.default_rng(3)
    images = images_of(n, most, rng)
    a, b = paired_answers(rng, repeats, images, shares)
    assert 0.93 <= coverage((mean_interval(d, images) for d in a - b), shares[0] - shares[1]) <= 0.97


@pytest.mark.parametrize(("sizes", "most", "repeats"), [(SMALL, 3, 800), (WHOLE, 3, 400)])
def test_the_interval_of_a_difference_of_official_scores_covers_it(
    sizes: tuple[int, ...], most: int, repeats: int
) -> None:
    rng = np.random.default_rng(12)
    images = images_of(sum(sizes), most, rng)
    sources = np.repeat(["ADE20K", "COCO", "Omni3D"], sizes)
    a, b = paired_answers(rng, repeats, images, (0.6, 0.5))
    values = [official_values(d, sources, ["ADE20K", "COCO"], ["Omni3D"]) for d in a - b]
    assert 0.93 <= coverage((mean_interval(one, images) for one in values if one is not None), 0.1) <= 0.97


def test_the_intervals_of_form_and_capability_cover_them() -> None:
    rng = np.random.default_rng(13)
    images = images_of(300, 3, rng)
    parsed = paired_answers(rng, 800, images, (0.95, 0.7))
    right = paired_answers(rng, 800, images, (0.6, 0.5))
    parts = []
    for pa, pb, ca, cb in zip(*parsed, *right, strict=True):
        sides = [
            [
                {"id": i, "correct": bool(p and c), "parse_class": "parsed" if p else "none"}
                for i, (p, c) in enumerate(zip(read, chosen, strict=True))
            ]
            for read, chosen in ((pa, ca), (pb, cb))
        ]
        parts.append(gain_values(*sides))
    assert 0.93 <= coverage((mean_interval(form, images) for form, _ in parts), 0.25 * 0.55) <= 0.97
    assert 0.93 <= coverage((mean_interval(rest, images) for _, rest in parts), 0.1 * 0.825) <= 0.97


# Errors of the first kind


def found_by(tests: Iterable[float]) -> float:
    return float(np.mean([p < 0.05 for p in tests]))


@pytest.mark.parametrize(("n", "discordance"), [(150, 0.05), (150, 0.4), (2638, 0.2)])
def test_mcnemars_test_finds_a_difference_where_there_is_none_in_at_most_5_5_percent(
    n: int, discordance: float
) -> None:
    rng = np.random.default_rng(6)
    discordant = rng.binomial(n, discordance, size=1500)
    only_a = rng.binomial(discordant, 0.5)
    tests = {pair: mcnemar(*pair) for pair in set(zip(only_a.tolist(), (discordant - only_a).tolist(), strict=True))}
    assert found_by(tests[pair] for pair in zip(only_a.tolist(), (discordant - only_a).tolist(), strict=True)) <= 0.055


@pytest.mark.parametrize(("n", "most"), [(150, 1), (150, 5), (2638, 3)])
def test_the_test_by_image_keeps_to_5_5_percent_when_questions_share_images(n: int, most: int) -> None:
    rng = np.random.default_rng(7)
    images = images_of(n, most, rng)
    a, b = paired_answers(rng, 1500, images, (0.6, 0.6), own_images=0.3)
    assert found_by(clustered_mcnemar(cluster_sums(d, images).astype(np.int64)) for d in a - b) <= 0.055


def test_mcnemars_test_does_not_when_questions_share_images() -> None:
    rng = np.random.default_rng(7)
    images = images_of(150, 5, rng)
    a, b = paired_answers(rng, 1000, images, (0.6, 0.6), own_images=0.3)
    assert found_by(mcnemar(int((d < 0).sum()), int((d > 0).sum())) for d in a - b) > 0.06


def test_with_holm_five_comparisons_of_equal_arms_find_anything_in_at_most_5_5_percent() -> None:
    rng = np.random.default_rng(8)
    images = images_of(300, 1, rng)
    arms = paired_answers(rng, 1000, images, [0.6] * 6)
    planned = [(0, 1), (0, 2), (2, 3), (4, 5), (0, 4)]
    tests = np.array([[clustered_mcnemar(d) for d in arms[a] - arms[b]] for a, b in planned]).T
    assert found_by(min(p_values) for p_values in tests) > 0.1
    assert found_by(min(holm(p_values)) for p_values in tests) <= 0.055
