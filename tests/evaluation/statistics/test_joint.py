"""The test over seeds and questions: it keeps to its level, its intervals cover, and its power is what it says.

    python tests/evaluation/statistics/test_joint.py

prints the same figures for many more studies, those of docs/statistics.md. Each study draws trainings (whose luck all
questions feel), images and questions (hard for all trainings alike), and what a training does with a question; both
arms answer the same questions, and each seed trains both of them.
"""

import argparse
from math import sqrt

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import chi2, norm

from visualzero.evaluation.statistics import Spread, crossed, detectable
from visualzero.evaluation.statistics.crossed import criticals, p_value
from visualzero.evaluation.statistics.power import detectable_again, questions_needed, small_sample, spread_of

Floats = npt.NDArray[np.float64]


def studies(
    rng: np.random.Generator, repeats: int, n: int, most: int, seeds: int, luck: float, effect: float = 0.0
) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Differences of two arms, studies x seeds x questions, and the image of each question.

    `luck` is the standard deviation of the difference over trainings, `effect` its mean, both of accuracies near 1/2.
    """
    images = np.repeat(np.arange(n), rng.integers(1, most + 1, size=n))[:n]
    groups = int(images[-1]) + 1

    def drawn(*shape: int) -> npt.NDArray[np.float32]:
        return rng.standard_normal((repeats, *shape), dtype=np.float32)

    common = sqrt(0.1) * drawn(1, groups)[..., images] + sqrt(0.3) * drawn(1, n)
    steep = float(norm.pdf(0))  # accuracy per unit of ease at 1/2; the variance of ease is 1
    right = []
    for sign in (1, -1):
        own = sqrt(0.1) * drawn(1, groups)[..., images] + sqrt(0.15) * drawn(1, n)
        each = sqrt(0.05) * drawn(seeds, groups)[..., images] + sqrt(0.3) * drawn(seeds, n)
        ease = common + own + each + luck / sqrt(2) / steep * drawn(seeds, 1) + sign * effect / 2 / steep
        right.append((ease > 0).astype(np.float64))
    return right[0] - right[1], images


def found(differences: Floats, images: npt.NDArray[np.int64]) -> Floats:
    """For each study the p-value, and whether the interval holds 0."""
    results = [crossed(one, images, (-1.0, 1.0)) for one in differences]
    return np.array([(one.p_value, one.interval[0] <= 0 <= one.interval[1]) for one in results])


CASES = [(150, 1, 3, 0.0), (150, 3, 3, 0.05), (150, 3, 3, 0.15), (150, 3, 5, 0.0), (150, 3, 5, 0.1)]


@pytest.mark.parametrize(("n", "most", "seeds", "luck"), CASES)
def test_equal_arms_are_told_apart_in_4_to_6_percent(n: int, most: int, seeds: int, luck: float) -> None:
    p, covers = found(*studies(np.random.default_rng(25), 4000, n, most, seeds, luck)).T
    assert 0.04 <= np.mean(p < 0.05) <= 0.06
    assert np.array_equal(p >= 0.05, covers.astype(bool))  # the interval and the test are one


@pytest.mark.parametrize("seeds", [3, 4, 5, 10])
def test_whatever_share_the_seeds_have_the_level_is_kept(seeds: int) -> None:
    """Exact, but for many questions: an integral over what the seeds' spread may turn out to be."""
    likely = chi2.ppf((np.arange(4000) + 0.5) / 4000, seeds - 1) / (seeds - 1)
    for share in (0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0):
        variance = share * likely + 1 - share
        for level, low, high in ((0.05, 0.044, 0.052), (0.01, 0.007, 0.0125)):
            limits = criticals(share * likely / variance, seeds, 10**9, level)
            assert low <= np.mean(2 * norm.sf(limits * np.sqrt(variance))) <= high


def test_two_seeds_keep_to_the_level_and_find_next_to_nothing() -> None:
    p, _ = found(*studies(np.random.default_rng(21), 1000, 150, 1, 2, 0.1)).T
    assert 0.025 <= np.mean(p < 0.05) <= 0.065
    assert detectable(Spread(0.02, 0.2, 0.2), 2, 800, 800) > 0.3


@pytest.mark.parametrize(("seeds", "luck"), [(3, 0.0), (3, 0.05), (5, 0.05)])
def test_a_stated_difference_is_found_in_77_to_83_percent(seeds: int, luck: float) -> None:
    rng = np.random.default_rng(22)
    n = 300
    seen = [crossed(one, images, (-1, 1)) for ds, images in [studies(rng, 300, n, 2, seeds, luck)] for one in ds]
    spread = Spread(
        luck,
        *(float(np.mean([getattr(spread_of(one, n), part) for one in seen])) for part in ("shared", "single")),
    )
    stated = detectable(spread, seeds, n, seen[0].clusters)
    assert 0.77 <= 1 - np.mean(found(*studies(rng, 2000, n, 2, seeds, luck, stated))[:, 1]) <= 0.83
    told = [one for study in seen if (one := detectable_again(study))]
    assert np.mean(told) == pytest.approx(stated, rel=0.06)  # what studies print, on average


def test_what_was_printed_before_is_found_in_a_third() -> None:
    """2.8 standard errors over questions alone, with trainings that differ by five points."""
    rng = np.random.default_rng(23)
    differences, images = studies(rng, 200, 800, 1, 3, 0.05)
    before = 2.8 * float(np.mean([crossed(one, images, (-1, 1)).question_variance for one in differences])) ** 0.5
    assert 1 - np.mean(found(*studies(rng, 300, 800, 1, 3, 0.05, before))[:, 1]) < 0.35


def test_the_spread_of_trainings_is_found_again() -> None:
    differences, images = studies(np.random.default_rng(24), 400, 400, 1, 5, 0.1)
    spreads = [spread_of(crossed(one, images, (-1, 1)), 400) for one in differences]
    assert np.mean([one.seeds for one in spreads]) == pytest.approx(0.1, abs=0.01)
    within = np.mean([one.shared + one.single for one in spreads])
    assert within == pytest.approx(np.mean([one.var(axis=1).mean() for one in differences]), rel=0.02)


def test_a_p_value_is_the_level_whose_limit_is_just_reached() -> None:
    for errors, share in ((0.5, 0.4), (2.1, 0.0), (3.0, 0.3), (12.0, 0.9), (60.0, 0.6)):
        p = p_value(errors, share, 3, 200)
        assert float(criticals(np.array([share]), 3, 200, p)[0]) == pytest.approx(errors, rel=1e-3)
    assert p_value(0.0, 0.5, 3, 200) == 1.0
    assert p_value(400.0, 0.0, 3, 200) == pytest.approx(0, abs=1e-200)


def test_seeds_that_agree_by_chance_leave_the_questions() -> None:
    made = crossed([[1, 0, 0, 0], [0, 1, 0, 0]], list("abcd"), (-1, 1))
    assert made.seed_variance == 0
    assert made.error > 0
    assert made.p_value == pytest.approx(0.25, abs=0.15)


def test_nothing_varies_where_all_answers_are_alike() -> None:
    same = crossed(np.zeros((3, 40)), range(40), (-1, 1))
    assert (same.p_value, same.error, detectable_again(same)) == (1.0, 0.0, None)
    assert same.interval == pytest.approx((0.025 ** (1 / 40) - 1, 1 - 0.025 ** (1 / 40)))
    assert crossed(np.ones((3, 40)), range(40), (-1, 1)).p_value == pytest.approx(2 * 0.5**40)
    assert crossed(np.ones((3, 4)), ["same"] * 4, (-1, 1)).p_value == 1.0  # one image says nothing of others


def test_a_deviation_of_three_values_is_a_ninth_too_small_on_average() -> None:
    assert small_sample(3) == pytest.approx(0.8862, abs=1e-4)
    assert small_sample(2) == pytest.approx(0.7979, abs=1e-4)


def test_one_seed_needs_the_questions_of_the_formula_and_two_of_no_number() -> None:
    spread = Spread(0.02, 0.2, 0.2)
    assert questions_needed(0.03, spread, 1, 1) == pytest.approx((2.8016 / 0.03) ** 2 * 0.4, rel=0.01)
    assert questions_needed(0.03, spread, 3, 1) is None
    needed = questions_needed(0.05, spread, 5, 1)
    assert needed is not None
    assert detectable(spread, 5, needed, needed) <= 0.05 < detectable(spread, 5, needed - 10, needed - 10)


def main() -> None:
    """Print the figures of docs/statistics.md."""
    parser = argparse.ArgumentParser(description="Level, coverage and power of the test over seeds and questions.")
    parser.add_argument("--studies", type=int, default=20_000)
    repeats = parser.parse_args().studies
    print("| questions | an image | seeds | luck, points | false findings, % | at 1 % | seeds' share | power, % |")
    print("|---|---|---|---|---|---|---|---|")
    rng = np.random.default_rng(0)
    for n, most in ((150, 1), (150, 3), (800, 1)):
        for seeds in (2, 3, 5):
            for luck in (0.0, 0.03, 0.1):
                print(_line(rng, repeats, n, most, seeds, luck), flush=True)


def _line(rng: np.random.Generator, repeats: int, n: int, most: int, seeds: int, luck: float) -> str:
    seen, levels = [], []
    for _ in range(repeats // 500):
        differences, images = studies(rng, 500, n, most, seeds, luck)
        seen += [crossed(one, images, (-1, 1)) for one in differences]
    levels = [100 * float(np.mean([one.p_value < level for one in seen])) for level in (0.05, 0.01)]
    share = float(np.mean([one.seed_variance for one in seen]) / np.mean([one.error**2 for one in seen]))
    spread = Spread(
        luck, *(float(np.mean([getattr(spread_of(one, n), k) for one in seen])) for k in ("shared", "single"))
    )
    stated = detectable(spread, seeds, n, seen[0].clusters)
    told = "-"
    if stated < 0.25:  # beyond, accuracies near 1/2 have no room for it
        hits = [found(*studies(rng, 500, n, most, seeds, luck, stated))[:, 1] for _ in range(repeats // 2000)]
        told = f"{100 * (1 - float(np.mean(hits))):.1f} at {100 * stated:.1f}"
    images_told = "1" if most == 1 else f"1 to {most}"
    cells = [n, images_told, seeds, f"{100 * luck:.0f}", *(f"{one:.1f}" for one in levels), f"{share:.2f}", told]
    return f"| {' | '.join(map(str, cells))} |"


if __name__ == "__main__":
    main()
