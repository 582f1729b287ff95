"""Claims never say more than their numbers."""

from dataclasses import replace

import pytest

from visualzero.evaluation.comparing.claims import claim, distinguishable, equivalent, gain_claim, seeds_claim
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
    error=0.009,
    interval=(0.005, 0.055),
    p_value=0.02,
    mde=0.041,
    seed_error=0.006,
    question_error=0.007,
    spread={"seeds": 0.01, "shared": 0.04, "single": 0.2},
    n=800,
    n_images=800,
)
MINUS = "\N{MINUS SIGN}"


def test_a_difference_whose_interval_holds_0_is_undecided_between_its_ends() -> None:
    assert claim("Base + GRPO", "Base + SFT", SMALL, 0.84, 4, 0.02) == (
        f"Base + GRPO against Base + SFT is undecided: between {MINUS}0.9 and +4.1 points, +1.6 seen"
        " (n=2638, p = 0.840, Holm over 4 comparisons; 80 % power from 3.6 points on)"
    )


def test_the_arm_that_is_ahead_comes_first_and_the_interval_turns_with_it() -> None:
    assert claim("SFT", "GRPO", LARGE, 4e-7, 4, 0.02) == (
        "GRPO is ahead of SFT by 5.2 points [3.4, 7.0] (n=2638, p < 0.001, Holm over 4 comparisons)"
    )


def test_a_finding_from_one_training_says_so() -> None:
    said = claim("SFT", "GRPO", LARGE, 4e-7, 1, 0.02, "seed 3")
    assert said == (
        "GRPO is ahead of SFT by 5.2 points [3.4, 7.0], seed 3 (n=2638, p < 0.001);"
        " one training, which says nothing of other seeds"
    )


def test_what_one_training_leaves_undecided_is_about_that_one_too() -> None:
    assert claim("A", "B", SMALL, 1.0, 1, 0.02, "seed 3").endswith("; one training, which says nothing of other seeds")


def test_a_finding_that_does_not_survive_the_correction_is_none() -> None:
    barely = replace(LARGE, p_value=0.02, p_clustered=0.02)
    assert claim("SFT", "GRPO", barely, 0.08, 4, 0.02).startswith(
        f"SFT against GRPO is undecided: between {MINUS}7.0 and {MINUS}3.4 points, {MINUS}5.2 seen (n=2638, p = 0.080,"
    )


def test_arms_are_equal_only_where_the_whole_interval_lies_within_the_margin() -> None:
    close = replace(SMALL, difference=0.001, interval=(-0.017, 0.019))
    assert claim("A", "B", close, 1.0, 1, 0.02) == (
        f"A and B differ by less than 2.0 points: between {MINUS}1.7 and +1.9 points, +0.1 seen (n=2638, p = 1.000)"
    )
    assert claim("A", "B", replace(close, interval=(-0.017, 0.021)), 1.0, 1, 0.02).startswith(
        "A against B is undecided"
    )
    assert equivalent((-0.019, 0.019), 0.02)
    assert not equivalent((-0.02, 0.019), 0.02)


def test_arms_that_never_differ_have_no_detectable_difference_to_name() -> None:
    same = replace(SMALL, difference=0.0, interval=(-0.03, 0.03), mde=None)
    assert claim("A", "B", same, 1.0, 1, 0.02).endswith("0.0 seen (n=2638, p = 1.000)")


def test_a_claim_whose_sign_changes_with_the_scorer_says_so() -> None:
    note = "SFT is behind under strict, ahead under lmms: a matter of form"
    assert claim("SFT", "GRPO", LARGE, 1e-7, 1, 0.02, note=note).endswith(f"; but {note}")
    assert seeds_claim("SFT", "GRPO", SEEDS, 0.02, 1, 0.02, note).endswith(f"; but {note}")


def test_seeds_and_questions_together_make_a_finding() -> None:
    assert seeds_claim("A", "B", SEEDS, 0.02, 1, 0.02) == (
        "A is ahead of B by 3.0 points [0.5, 5.5] on the mean of 3 seeds (each: +2.0, +3.0, +4.0, n=800, p = 0.020)"
    )


@pytest.mark.parametrize(
    ("changes", "p_holm", "told"),
    [
        ({"interval": (-0.01, 0.07)}, 0.3, "undecided on the mean of 3 seeds: between"),
        ({}, 0.06, "+3.0 seen (each: +2.0, +3.0, +4.0, n=800, p = 0.060, Holm over 3 comparisons; 80 % power from 4.1"),
        (
            {"difference": 0.0, "interval": (-0.01, 0.01)},
            1.0,
            "A and B differ by less than 2.0 points on the mean of 3",
        ),
    ],
)
def test_over_seeds_the_interval_and_the_correction_must_agree(changes: dict, p_holm: float, told: str) -> None:
    assert told in seeds_claim("A", "B", replace(SEEDS, **changes), p_holm, 3, 0.02)


def test_an_interval_and_a_corrected_p_value_must_agree() -> None:
    assert distinguishable(0.04, (0.01, 0.05))
    assert not distinguishable(0.05, (0.01, 0.05))
    assert not distinguishable(0.04, (-0.01, 0.05))


def test_a_gain_is_told_as_form_and_capability() -> None:
    gain = Gain(1.0, 0.775, 0.825, 0.619, 0.162, (0.12, 0.2), 0.183, (0.1, 0.26), 155, 0.865, 0.619)
    assert gain_claim("GRPO", "Instruct", gain) == (
        "GRPO against Instruct: +16.2 [12.0, 20.0] points from how often answers are parsed (100.0 % against 77.5 %),"
        " +18.3 [10.0, 26.0] from how often parsed answers are right; 86.5 % against 61.9 % on the 155 questions that"
        " both answer readably"
    )
    assert gain_claim("GRPO", "Base", replace(gain, format=None, capability=None)) is None
