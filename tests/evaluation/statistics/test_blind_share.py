"""The share of questions that texts answer: planted shortcuts in toyspace are recovered within the interval."""

from typing import Any

import numpy as np
import pytest

from planted_shortcuts import SHORTCUTS, Row, plant, unseen
from real_data import real_rows
from visualzero.evaluation.statistics.blind import blind_chances, told, told_share
from visualzero.evaluation.summary.blind import blind

DEMO = 800  # questions
CASES = [(kind, share) for kind in SHORTCUTS for share in (0.2, 0.8) if (kind, share) != ("wording goes with it", 0.8)]


@pytest.fixture(scope="module")
def clean() -> list[Row]:
    return unseen(DEMO, seed=1)


def recovered(rows: list[Row]) -> tuple[float, tuple[float, float]]:
    chances = blind_chances(rows).chances
    right = told(chances, [row["answer_index"] for row in rows])
    guessed = np.array([1 / len(row["choices"]) for row in rows])
    return told_share(right, guessed, [row["image_id"] for row in rows])


def test_planted_shares_are_recovered_within_their_intervals(clean: list[Row]) -> None:
    missed = {}
    for seed, (kind, share) in enumerate(CASES):
        found, (low, high) = recovered(plant(clean, kind, share, seed))
        assert found == pytest.approx(share, abs=0.07), kind
        if not low <= share <= high:
            missed[kind, share] = found, low, high
    assert len(missed) <= 2, missed  # of 11, at 95 % each


def test_where_nothing_is_planted_nothing_is_found(clean: list[Row]) -> None:
    found, (low, high) = recovered(clean)
    assert (low, round(found, 2)) == (0.0, 0.0)
    assert 0 < high < 0.02


def test_what_was_planted_is_what_gives_answers_away(clean: list[Row]) -> None:
    for kind, what in (
        ("letter by wording", "a question with “care”: letter B"),
        ("letter by task", "Depth: letter A"),
        ("question names it", "the option that the question says most"),
        ("option is worded so", "an option with “indeed”"),
        ("letter, unmarked", "letter A"),
    ):
        assert blind_chances(plant(clean, kind, 0.2, 0)).tells[what] >= 4, kind


def test_given_away_questions_need_no_eyes_and_the_others_do(clean: list[Row]) -> None:
    rows = plant(clean, "letter by wording", 0.2, 0)
    found = blind(rows, {})
    assert found
    given = {row["id"] for row in rows if "care" in row["question"]}
    scores: dict[str, float] = found["scores"]
    assert min(scores[one] for one in given) > 0.8
    assert found["eyes"] == pytest.approx(DEMO - len(given), abs=40)


def values(share: float, options: int, n: int, rng: np.random.Generator) -> tuple[Any, Any]:
    """Whether questions are right of which some are told and the others guessed, and the chance of that."""
    chance = np.full(n, 1 / options)
    return np.where(rng.random(n) < share, 1.0, rng.random(n) < chance).astype(float), chance


@pytest.mark.parametrize("share", [0.02, 0.2, 0.8, 0.98])
def test_intervals_of_a_perfect_learner_cover_the_share(share: float) -> None:
    rng, held = np.random.default_rng(7), []
    for _ in range(1000):
        low, high = told_share(*values(share, 3, 200, rng), np.arange(200))[1]
        held.append(low <= share <= high)
    assert np.mean(held) >= 0.93


def test_where_all_or_nothing_is_told_the_interval_is_no_point() -> None:
    guessed = np.full(50, 0.25)
    assert told_share(np.ones(50), guessed, np.arange(50)) == (1.0, (pytest.approx(0.905, abs=0.001), 1.0))
    assert told_share(guessed, guessed, np.arange(50)) == (0.0, (0.0, pytest.approx(0.071, abs=0.001)))


def test_questions_about_one_image_widen_the_interval() -> None:
    right, guessed = values(0.5, 2, 100, np.random.default_rng(1))
    apart, together = (
        told_share(np.repeat(right, 4), np.repeat(guessed, 4), images)[1]
        for images in (np.arange(400), np.repeat(np.arange(100), 4))
    )
    assert together[1] - together[0] == pytest.approx(2 * (apart[1] - apart[0]), rel=0.1)


def test_one_image_says_nothing() -> None:
    assert told_share(np.ones(3), np.full(3, 0.5), ["a"] * 3) == (1.0, (0.0, 1.0))


def test_real_items_of_cv_bench_are_found_to_be_partly_given_away() -> None:
    rows = [
        {**row, "answer_index": "ABCDEF".index(row["answer"][1]), "image_id": row["source_filename"]}
        for row in real_rows("cvbench_items_120.jsonl")
    ]
    found, (low, _) = recovered(rows)
    assert found > 0.2
    assert low > 0.1


def test_balanced_statements_of_vsr_are_not_told_worse_than_by_guessing() -> None:
    rows = [
        {
            "task": "Statement",
            "question": row["caption"],
            "choices": ["false", "true"],
            "answer_index": row["label"],
            "image_id": row["image"],
        }
        for row in real_rows("vsr_zeroshot_test.jsonl")
    ]
    right = told(blind_chances(rows).chances, [row["answer_index"] for row in rows])
    assert right.mean() == pytest.approx(0.5, abs=0.01)
