"""Claims never say more than their numbers."""

from dataclasses import replace

import pytest

from visualzero.evaluation.comparing.claims import claim, distinguishable, gain_claim, seeds_claim
from visualzero.evaluation.statistics import Gain, PairedDifference, SeedsDifference

SMALL = PairedDifference(
    difference=0.016,
    error=0.0128,
    interval=(-0.009, 0.041),
    p_value=0.21,
    p_clustered=0.21,
    mde=0.036,
    b01=200,
    b10=242,
    n=2638,
    n_images=2638,
)
LARGE = replace(SMALL, difference=-0.052, interval=(-0.07, -0.034), p_value=1e-7, p_clustered=1e-7)
SEEDS = SeedsDifference(
    difference=0.03,
    values=(0.02, 0.03, 0.04),
    interval=(0.005, 0.055),
    question_interval=(0.01, 0.05),
    p_seeds=0.02,
    p_questions=0.001,
    p_value=0.02,
    mde=0.029,
    n=800,
)


def test_a_difference_inside_its_interval_is_not_distinguishable() -> None:
    assert claim("Base + GRPO", "Base + SFT", SMALL, 0.84, 4) == (
        "Base + GRPO is ahead of Base + SFT by 1.6 points [\N{MINUS SIGN}0.9, 4.1]; not distinguishable at n=2638"
        " (a difference below 3.6 points can't be told apart)"
    )


def test_the_arm_that_is_ahead_comes_first_and_the_interval_turns_with_it() -> None:
    assert claim("SFT", "GRPO", LARGE, 4e-7, 4) == (
        "GRPO is ahead of SFT by 5.2 points [3.4, 7.0] (n=2638, p < 0.001, Holm over 4 comparisons)"
    )


def test_a_finding_from_one_training_says_so() -> None:
    said = claim("SFT", "GRPO", LARGE, 4e-7, 1, "seed 3")
    assert said == (
        "GRPO is ahead of SFT by 5.2 points [3.4, 7.0], seed 3 (n=2638, p < 0.001);"
        " one training, which says nothing of other seeds"
    )


def test_a_finding_that_does_not_survive_the_correction_is_none() -> None:
    barely = replace(LARGE, p_value=0.02, p_clustered=0.02)
    assert claim("SFT", "GRPO", barely, 0.08, 4).endswith(
        "; not distinguishable at n=2638 (p = 0.080, Holm over 4 comparisons)"
    )


def test_equal_arms_are_level() -> None:
    level = replace(SMALL, difference=0.0, interval=(-0.02, 0.02))
    assert claim("A", "B", level, 1.0, 1).startswith(
        "A and B are level, 0.0 points apart [\N{MINUS SIGN}2.0, 2.0]; not"
    )


def test_arms_that_never_differ_have_no_detectable_difference_to_name() -> None:
    same = replace(SMALL, difference=0.0, interval=(-0.002, 0.002), mde=None)
    assert claim("A", "B", same, 1.0, 1).endswith("; not distinguishable at n=2638")


def test_seeds_that_agree_make_a_finding() -> None:
    assert seeds_claim("A", "B", SEEDS, 0.02, 1) == (
        "A is ahead of B by 3.0 points on the mean of 3 seeds [0.5, 5.5] (each: +2.0, +3.0, +4.0); distinguishable"
        " (n=800, p = 0.020)"
    )


@pytest.mark.parametrize(
    ("changes", "p_holm", "why"),
    [
        ({"interval": (-0.01, 0.07)}, 0.3, "; not distinguishable (the seeds differ too much)"),
        ({"question_interval": (-0.01, 0.07)}, 0.3, "; not distinguishable at n=800 (a difference below 2.9 points"),
        ({}, 0.06, "; not distinguishable (p = 0.060, Holm over 3 comparisons)"),
    ],
)
def test_over_seeds_questions_seeds_and_correction_must_all_agree(changes: dict, p_holm: float, why: str) -> None:
    assert why in seeds_claim("A", "B", replace(SEEDS, **changes), p_holm, 3)


def test_an_interval_and_a_corrected_p_value_must_agree() -> None:
    assert distinguishable(0.04, (0.01, 0.05))
    assert not distinguishable(0.05, (0.01, 0.05))
    assert not distinguishable(0.04, (-0.01, 0.05))
    assert not distinguishable(0.04, (0.01, 0.05), (-0.01, 0.05))


def test_a_gain_is_told_as_form_and_capability() -> None:
    gain = Gain(1.0, 0.775, 0.825, 0.619, 0.139, 0.206, 155, 0.865, 0.619)
    assert gain_claim("GRPO", "Instruct", gain) == (
        "GRPO against Instruct: +13.9 points from how often answers are parsed (100.0 % against 77.5 %),"
        " +20.6 from how often parsed answers are right; 86.5 % against 61.9 % on the 155 questions that both answer"
        " readably"
    )
    assert gain_claim("GRPO", "Base", replace(gain, format=None, capability=None)) is None
