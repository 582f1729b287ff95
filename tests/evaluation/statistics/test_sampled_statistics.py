"""What is computed from sampled answers: against brute force, and where it can be said by hand."""

from itertools import combinations
from math import comb

import numpy as np
import pytest

from visualzero.evaluation.statistics.crossing import crossing
from visualzero.evaluation.statistics.exclusive import exclusive
from visualzero.evaluation.statistics.majority import majority_at_k
from visualzero.evaluation.statistics.pass_at_k import guessed_pass_at_k, pass_at_k
from visualzero.evaluation.statistics.sampled_mean import sampled_mean
from visualzero.evaluation.statistics.shares import clustered_error, fraction_interval, share_interval, unseen

# pass@k


@pytest.mark.parametrize("n", [2, 3, 7])
def test_pass_at_k_is_the_share_of_choices_with_a_right_answer(n: int) -> None:
    found = pass_at_k(range(n + 1), n)
    for right in range(n + 1):
        answers = [True] * right + [False] * (n - right)
        for k in range(1, n + 1):
            assert found[right, k - 1] == pytest.approx(np.mean([any(some) for some in combinations(answers, k)]))


def test_with_many_samples_nothing_overflows() -> None:
    found = pass_at_k([0, 1, 255, 512], 512)
    assert np.isfinite(found).all()
    assert found[1, 99] == pytest.approx(100 / 512)
    assert found[2, 9] == pytest.approx(1 - comb(257, 10) / comb(512, 10))
    assert found[0].max() == 0
    assert found[3].min() == 1


def test_pass_at_one_is_the_share_of_right_answers_and_at_n_whether_there_is_one() -> None:
    found = pass_at_k([0, 1, 3, 4], 4)
    assert found[:, 0].tolist() == pytest.approx([0, 0.25, 0.75, 1])
    assert found[:, -1].tolist() == [0, 1, 1, 1]


@pytest.mark.parametrize("right", [[5], [-1]])
def test_more_right_answers_than_samples_are_refused(right: list[int]) -> None:
    with pytest.raises(ValueError, match="from 0 to 4, the number of samples"):
        pass_at_k(right, 4)


def test_guessing_finds_the_answer_to_nearly_every_question_in_enough_samples() -> None:
    assert guessed_pass_at_k([2, 4], 2).tolist() == pytest.approx([(1 / 2 + 1 / 4) / 2, (3 / 4 + 7 / 16) / 2])
    assert guessed_pass_at_k([4], 32)[-1] > 0.9998


# majority@k


@pytest.mark.parametrize(
    ("right", "others", "unread"), [(3, (2, 1), 0), (2, (2, 2), 1), (1, (), 3), (0, (2,), 1), (2, (3,), 2), (4, (), 0)]
)
def test_majority_at_k_is_its_mean_over_all_choices(right: int, others: tuple[int, ...], unread: int) -> None:
    answers = ["right"] * right + [f"{i}" for i, n in enumerate(others) for _ in range(n)] + [None] * unread

    def won(some: tuple[str | None, ...]) -> float:
        votes = {name: some.count(name) for name in set(some) - {None}}
        most = [name for name, count in votes.items() if count == max(votes.values())]
        return ("right" in most) / len(most) if most else 0.0

    found = majority_at_k(right, others, unread)
    assert len(found) == len(answers)
    for k in range(1, len(answers) + 1):
        assert found[k - 1] == pytest.approx(np.mean([won(some) for some in combinations(answers, k)]))


def test_the_majority_of_one_answer_is_that_answer() -> None:
    assert majority_at_k(8, (20, 4), 0)[0] == pytest.approx(8 / 32)
    assert majority_at_k(20, (8, 4), 0)[-1] == 1
    assert majority_at_k(8, (20, 4), 0)[-1] == 0


# Accuracy


def test_the_error_of_accuracy_is_split_into_that_of_samples_and_that_of_questions() -> None:
    found = sampled_mean([0, 4, 2, 2], 4, ["a", "b", "c", "d"])
    assert found.accuracy == 0.5
    within = sum(c * (4 - c) / (4**2 * 3) for c in (0, 4, 2, 2)) / 4**2
    assert found.sampling_error == pytest.approx(within**0.5)
    assert found.error == pytest.approx(clustered_error([0, 1, 0.5, 0.5], range(4)))
    assert found.error**2 == pytest.approx(found.sampling_error**2 + found.question_error**2)


def test_where_every_answer_is_luck_no_error_is_left_to_the_questions() -> None:
    rng = np.random.default_rng(0)
    luck, skill = rng.binomial(16, 0.5, 4000), 16 * rng.integers(0, 2, 4000)
    assert sampled_mean(luck, 16, range(4000)).question_error < 0.3 * sampled_mean(luck, 16, range(4000)).error
    assert sampled_mean(skill, 16, range(4000)).sampling_error == 0


# Intervals


def test_the_interval_of_zeros_and_ones_is_that_of_a_share() -> None:
    values, images = [0, 1, 1, 0, 1, 1, 1, 1], ["a", "a", "b", "b", "c", "d", "e", "f"]
    assert fraction_interval(values, images) == share_interval(values, images)


def test_a_mean_whose_questions_nearly_all_agree_is_not_taken_for_certain() -> None:
    values = [1.0] * 99 + [0.97]
    low, high = fraction_interval(values, range(100))
    assert low < 0.995
    assert high == pytest.approx(1.0, abs=0.01)


# Crossing


def test_curves_cross_where_the_leader_falls_behind() -> None:
    found = crossing([[0.3, 0.1, 0.0, -0.1]] * 20, range(20))
    assert found is not None
    assert (found.k, found.low, found.high, found.share) == (4, 4, 4, 1.0)


def test_curves_that_keep_their_order_do_not_cross() -> None:
    found = crossing([[0.3, 0.2, 0.1]] * 20, range(20))
    assert found is not None
    assert (found.k, found.low, found.high, found.share) == (None, None, None, 0.0)


def test_it_does_not_matter_who_leads_and_without_a_leader_there_is_no_crossing() -> None:
    turned = np.array([[0.3, 0.1, -0.1], [0.1, 0.1, -0.1]])
    assert crossing(turned, ["a", "b"]) == crossing(-turned, ["a", "b"])
    assert crossing([[0.5, 0.1], [-0.5, 0.1]], ["a", "b"]) is None


def test_where_curves_may_cross_beyond_the_samples_the_interval_says_so() -> None:
    rng = np.random.default_rng(1)
    values = np.array([0.3, 0.0, -0.01]) + rng.normal(0, 0.2, (50, 1)) * np.array([0, 0.5, 1])
    found = crossing(values, range(50))
    assert found is not None
    assert found.high is None
    assert 0 < found.share < 1
    assert crossing(values, range(50)) == found, "the draws are seeded"


# What one arm alone can do


def test_only_questions_that_the_other_never_answers_are_listed_most_right_first() -> None:
    mine, theirs = exclusive([1, 0, 8, 3, 0], 8, [0, 2, 0, 1, 0], 8)
    assert (mine.places, mine.right) == ([2, 0], [8, 1])
    assert (theirs.places, theirs.right) == ([1], [2])
    assert mine.unseen == unseen(8)


def test_a_single_right_answer_shows_nothing_and_many_do() -> None:
    mine, _ = exclusive([1, 20], 32, [0, 0], 32)
    assert mine.right == [20, 1]
    assert mine.p_holm[0] == pytest.approx(2 * 2 * comb(32, 20) / comb(64, 20))
    assert mine.p_holm[1] == pytest.approx(1.0)


def test_arms_that_do_not_differ_list_as_many_questions_as_expected() -> None:
    rng = np.random.default_rng(2)
    chance = rng.beta(0.2, 2, 20_000)
    a, b = (rng.binomial(8, chance) for _ in range(2))
    mine, theirs = exclusive(a, 8, b, 8)
    assert len(mine.places) == pytest.approx(mine.expected, rel=0.05)
    assert len(theirs.places) == pytest.approx(theirs.expected, rel=0.05)
    assert not any(p < 0.05 for p in mine.p_holm)


def test_an_arm_with_more_samples_is_expected_to_answer_more_alone() -> None:
    mine, theirs = exclusive([1, 0], 24, [0, 1], 8)
    assert (mine.expected, theirs.expected) == (pytest.approx(2 * 24 / 32), pytest.approx(2 * 8 / 32))


def test_where_nothing_is_answered_nothing_is_listed() -> None:
    mine, theirs = exclusive([0, 0], 4, [0, 0], 4)
    assert mine.places == theirs.places == []
    assert mine.expected == 0
