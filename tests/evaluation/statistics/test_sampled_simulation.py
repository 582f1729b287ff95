"""Simulated samples with known truth: intervals of pass@k cover it, also where nearly every question is answered.

Run as a program it prints the coverage of ours and of the bootstrap.
"""

import numpy as np
import pytest
from scipy.special import betaln
from scipy.stats import norm

from visualzero.evaluation.comparing.sampled import Sampled, differences, told
from visualzero.evaluation.statistics.pass_at_k import pass_at_k
from visualzero.evaluation.statistics.shares import Floats, Interval, fraction_interval, t_quantile

SAMPLES = 32
KS = (1, 4, 8, 32)
# The chance of a right answer over questions (Beta distributions): easy ones, hard ones, both, neither.
CHANCES = {"all between": (4, 4), "easy or hard": (0.3, 0.7), "mostly hard": (0.5, 3), "mostly easy": (3, 0.3)}


def truth(chance: tuple[float, float], k: int) -> float:
    """Pass@k over all questions: 1 - E (1 - p)^k."""
    a, b = chance
    return float(1 - np.exp(betaln(a, b + k) - betaln(a, b)))


def bootstrap(values: Floats, rng: np.random.Generator) -> Interval:
    n = len(values)
    means = rng.choice(values, (500, n - 1)).mean(axis=1)
    tail = norm.sf(t_quantile(n - 1))
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)


def coverage(chance: tuple[float, float], questions: int, repeats: int, with_bootstrap: bool = False) -> Floats:
    """How often intervals hold the truth, by k; of ours, or of the bootstrap."""
    rng = np.random.default_rng(0)
    held = np.zeros(len(KS))
    for _ in range(repeats):
        passed = pass_at_k(rng.binomial(SAMPLES, rng.beta(*chance, questions)), SAMPLES)
        for place, k in enumerate(KS):
            values = passed[:, k - 1]
            low, high = bootstrap(values, rng) if with_bootstrap else fraction_interval(values, range(questions))
            held[place] += low <= truth(chance, k) <= high
    return held / repeats


@pytest.mark.parametrize("chance", CHANCES.values(), ids=CHANCES)
def test_intervals_of_pass_at_k_cover_the_truth(chance: tuple[float, float]) -> None:
    assert coverage(chance, 150, 400).min() > 0.91


def test_questions_about_one_image_widen_the_interval_as_they_should() -> None:
    rng, held = np.random.default_rng(3), 0
    images = np.repeat(np.arange(60), 3)
    for _ in range(300):
        chance = np.clip(0.7 * rng.beta(1, 1, 60)[images] + 0.3 * rng.beta(1, 1, 180), 0, 1)
        low, high = fraction_interval(pass_at_k(rng.binomial(8, chance), 8)[:, 0], images)
        held += low <= 0.5 <= high
    assert held / 300 > 0.92


def test_arms_that_do_not_differ_are_told_apart_at_most_as_often_as_allowed() -> None:
    rng, false = np.random.default_rng(4), 0
    for _ in range(300):
        chance = rng.beta(0.5, 1, 150)
        counts = (rng.binomial(8, chance).tolist() for _ in range(2))
        a, b = (Sampled("", {"untrained": right}, [str(i) for i in range(150)], 8) for right in counts)
        low, high = told(differences(a, b)[:, :, 3], a.images).interval
        false += not low <= 0 <= high
    assert false / 300 < 0.08


if __name__ == "__main__":
    for name, chance in CHANCES.items():
        for questions in (60, 150, 600):
            ours, theirs = (coverage(chance, questions, 200, other) for other in (False, True))
            print(f"{name:13} {questions:4} questions: ours {ours.round(3)}, bootstrap {theirs.round(3)} for k in {KS}")
