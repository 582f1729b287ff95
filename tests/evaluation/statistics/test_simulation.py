"""Simulations with known truth: every interval covers it as often as it says, and tests find nothing where nothing is.

Each case draws many benchmarks in which questions share images and answers to questions about one image go together.
"""

from collections.abc import Iterable
from math import sqrt

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import binom, norm

from visualzero.evaluation.comparing.claims import distinguishable
from visualzero.evaluation.statistics import (
    Interval,
    clustered_mcnemar,
    combined_interval,
    holm,
    mcnemar,
    official_bootstrap,
    share_interval,
    t_interval,
    wilson,
)
from visualzero.evaluation.statistics.paired import mean_interval
from visualzero.evaluation.statistics.seeds import t_test
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


@pytest.mark.parametrize(("n", "seeds"), [(150, 3), (2638, 3), (2638, 5)])
def test_the_interval_over_seeds_covers_what_trainings_come_to_on_average(n: int, seeds: int) -> None:
    rng = np.random.default_rng(4)
    repeats = 4000
    ease = rng.standard_normal(n)  # of the questions, which are the same for all seeds
    luck = 0.2 * rng.standard_normal((repeats, seeds, 1))  # of a training
    chances = norm.cdf((ease + luck) / sqrt(0.5)) if n < 1000 else norm.cdf(luck / sqrt(1.5))
    right = rng.binomial(1, chances) if n < 1000 else rng.binomial(n, chances)
    values = right.mean(axis=2) / (1 if n < 1000 else n)
    truth = float(np.mean(norm.cdf(ease / sqrt(0.54)))) if n < 1000 else 0.5
    assert 0.93 <= coverage((t_interval(one, within=(0, 1)) for one in values), truth) <= 0.97


def test_the_interval_over_questions_covers_a_difference_that_is_a_mean_over_seeds() -> None:
    rng = np.random.default_rng(5)
    images = images_of(150, 3, rng)
    shares = (0.55, 0.5, 0.6, 0.5, 0.65, 0.5)  # a and b under each of three seeds
    a1, b1, a2, b2, a3, b3 = paired_answers(rng, 1500, images, shares)
    means = (a1 - b1 + a2 - b2 + a3 - b3) / 3
    assert 0.93 <= coverage((mean_interval(one, images) for one in means), 0.1) <= 0.97


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


def test_a_claim_over_seeds_needs_both_and_is_wrong_in_at_most_5_5_percent() -> None:
    """Arms equal on average, whose trainings differ much: the questions alone would find a difference."""
    rng = np.random.default_rng(9)
    repeats, n, seeds = 2000, 150, 3
    images = np.arange(n)
    luck = 0.15 * rng.standard_normal((seeds, 2, repeats, 1))
    ease = rng.standard_normal((repeats, n))
    right = (ease + rng.standard_normal((seeds, 2, repeats, n)) + luck > 0).astype(np.int64)
    d = right[:, 0] - right[:, 1]
    values, totals = d.mean(axis=2).T, d.sum(axis=0)
    p_questions = [clustered_mcnemar(one) for one in totals]
    claims = [
        distinguishable(
            max(p, t_test(seed_values)), t_interval(seed_values, within=(-1, 1)), mean_interval(one / seeds, images)
        )
        for p, seed_values, one in zip(p_questions, values, totals, strict=True)
    ]
    assert found_by(p_questions) > 0.1
    assert np.mean(claims) <= 0.055
