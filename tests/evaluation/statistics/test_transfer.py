"""What carries over to another benchmark: the difference of differences keeps to its level and finds what is there."""

import numpy as np
import pytest

from visualzero.evaluation.comparing.planned import Pair
from visualzero.evaluation.comparing.transfers import transfers
from visualzero.evaluation.statistics import ScoreRows, paired_difference, transfer

Both = tuple[ScoreRows, ScoreRows]


def rows(right: np.ndarray, name: str) -> ScoreRows:
    return [{"id": f"{name}{n}", "correct": bool(hit), "image_id": f"{name}{n}"} for n, hit in enumerate(right)]


def runs(rng: np.random.Generator, name: str, n: int, luck: np.ndarray, gain: float = 0.0) -> list[Both]:
    """Score rows of two arms under each seed; `luck` is what each seed adds to the first arm's ease."""
    ease = rng.standard_normal(n)
    made = []
    for lucky in luck:
        a, b = (ease + 0.7 * rng.standard_normal(n) + more > 0 for more in (gain + lucky, 0.0))
        made.append((rows(a, name), rows(b, name)))
    return made


@pytest.mark.parametrize(("seeds", "spread"), [(1, 0.0), (3, 0.0), (3, 0.3), (5, 0.2)])
def test_where_nothing_changes_a_change_is_found_in_5_percent(seeds: int, spread: float) -> None:
    """A seed's luck is the same on both benchmarks, as it is the same run: it is no change."""
    rng = np.random.default_rng(5)
    p, covers = [], []
    for _ in range(600):
        luck = spread * rng.standard_normal(seeds)
        found = transfer(runs(rng, "h", 60, luck), runs(rng, "f", 120, luck))
        p.append(found.p_value)
        covers.append(found.interval[0] <= 0 <= found.interval[1])
    assert 0.03 <= np.mean(np.array(p) < 0.05) <= 0.07
    assert 0.93 <= np.mean(covers) <= 0.97


def test_a_gain_that_only_familiar_questions_show_is_found() -> None:
    rng = np.random.default_rng(0)
    found = transfer(runs(rng, "h", 300, np.zeros(3)), runs(rng, "f", 300, np.zeros(3), gain=1.0))
    assert found.interval[1] < 0
    assert found.p_value < 0.05
    assert found.difference == pytest.approx(np.mean(found.values))


def test_with_one_seed_the_two_standard_errors_add_up() -> None:
    rng = np.random.default_rng(1)
    [other], [first] = runs(rng, "h", 80, np.zeros(1)), runs(rng, "f", 160, np.zeros(1))
    there, here = paired_difference(*other), paired_difference(*first)
    found = transfer([other], [first])
    assert found.difference == pytest.approx(there.difference - here.difference)
    assert found.error == pytest.approx(np.hypot(there.error, here.error))


@pytest.mark.parametrize("seeds", [1, 2])
def test_arms_that_never_differ_leave_what_may_have_gone_unseen(seeds: int) -> None:
    same = np.ones(50, bool)
    other, first = ([(rows(same, name), rows(same, name))] * seeds for name in "hf")
    found = transfer(other, first)
    assert (found.difference, found.error, found.p_value) == (0.0, 0.0, 1.0)
    assert found.interval[0] < -0.05
    assert found.interval[1] > 0.05


def test_each_pair_is_told_in_words_over_the_seeds_of_both_benchmarks() -> None:
    rng = np.random.default_rng(0)
    other, first = runs(rng, "h", 300, np.zeros(3)), runs(rng, "f", 300, np.zeros(3), gain=1.0)
    here = Pair("grpo", "sft", "GRPO", "SFT", True, dict(enumerate(first)))
    there = Pair("grpo", "sft", "GRPO", "SFT", True, dict(enumerate(other)))
    missing = Pair("sft", "base", "SFT", "Base", True, {})
    untrained = Pair("reason", "base", "Reason", "Base", False, dict.fromkeys(range(3), first[0]))
    again = Pair("reason", "base", "Reason", "Base", False, dict.fromkeys(range(3), other[0]))
    told, bare = transfers([there, missing, again], [here, missing, untrained], "hard", "easy")
    assert list(told["seeds"]) == ["0", "1", "2"]
    assert told["told_apart"]
    assert told["claim"].startswith("GRPO minus SFT is ")
    assert "lower on hard than on easy (each seed: " in told["claim"]
    assert list(bare["seeds"]) == ["0"]
