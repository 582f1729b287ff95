"""Blind scores: what can be told from the texts is found, and where nothing can be told nothing is."""

from typing import Any

import numpy as np
import pytest

from visualzero.data.toyspace.questions import ask
from visualzero.evaluation.statistics.blind import blind_chances
from visualzero.evaluation.summary.blind import blind

N = 400
WORDS = ("red cube", "blue ball", "green cone", "white ring")


def benchmark(leak: float, seed: int = 0) -> list[dict[str, Any]]:
    """Questions of two tasks; in the first, with this chance, the red cube or else the first option is right."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(N):
        choices = list(rng.permutation(WORDS)[:2]) if i % 2 else [str(n) for n in rng.permutation(6)[:4]]
        right = int(rng.integers(len(choices)))
        if i % 2 and rng.random() < leak:
            right = choices.index("red cube") if "red cube" in choices else 0
        rows.append(
            {
                "id": f"q{i}",
                "task": "Depth" if i % 2 else "Count",
                "question": "Which is closer?" if i % 2 else "How many are there?",
                "choices": choices,
                "answer_index": right,
                "image_id": f"i{i // 2}",
            }
        )
    return rows


def scored(rows: list[dict[str, Any]], right: Any) -> list[dict[str, Any]]:
    return [{**row, "correct": bool(one)} for row, one in zip(rows, right, strict=True)]


def test_chances_are_chances_of_each_option() -> None:
    rows = benchmark(0.5)
    for row, chances in zip(rows, blind_chances(rows).chances, strict=True):
        assert len(chances) == len(row["choices"])
        assert chances.sum() == pytest.approx(1)


def test_what_the_texts_give_away_is_found() -> None:
    found = blind(benchmark(0.9), {})
    assert found
    assert found["share_interval"][0] > 0
    assert "more than the" in found["claim"]
    assert found["tells"][0]["folds"] == 5
    leaked = [found["scores"][f"q{i}"] for i in range(1, N, 2)]
    assert np.mean(leaked) > 0.8


def test_where_nothing_can_be_told_nothing_is() -> None:
    for seed in range(3):
        found = blind(benchmark(0.0, seed), {})
        assert found
        assert found["share_interval"][0] == 0
        assert "not shown to be more than" in found["claim"]


def test_toyspace_cannot_be_answered_from_its_texts() -> None:
    rows = []
    for index in range(160):
        one = ask(("Count", "Relation", "Depth", "Distance")[index % 4], index // 4, "bench", 3)
        rows.append({"id": str(index), "task": one.task, "question": one.question, "choices": list(one.choices)})
        rows[-1] |= {"answer_index": one.answer_index, "image_id": str(index)}
    found = blind(rows, {})
    assert found
    assert found["share_interval"][0] == 0
    assert found["accuracy"] == pytest.approx(found["chance"], abs=0.02), "and not below it, however balanced they are"


def test_an_arm_that_goes_by_the_texts_fails_where_eyes_are_needed() -> None:
    rows = benchmark(0.8)
    by_text = [row["choices"].index("red cube") if "red cube" in row["choices"] else 0 for row in rows]
    arms = {
        "texts": {"1": scored(rows, [said == row["answer_index"] for said, row in zip(by_text, rows, strict=True)])},
        "sees": {"1": scored(rows, [i % 7 > 0 for i in range(N)])},
    }
    found = blind(rows, arms)
    assert found
    assert found["arms"]["sees"]["eyes"]["accuracy"] == pytest.approx(6 / 7, abs=0.07)
    assert found["arms"]["texts"]["eyes"]["accuracy"] < found["arms"]["texts"]["rest"]["accuracy"] - 0.2
    assert found["arms"]["sees"]["eyes"]["n"] == found["eyes"]


def test_what_is_spread_over_many_features_is_found_where_it_helped_in_other_folds() -> None:
    rng = np.random.default_rng(0)
    names = "abcdefghijklmnopqrstuvwxyz"
    rows = []
    for place in range(300):
        choices = [str(one) for one in rng.permutation(list(names))[:2]]
        right = choices.index(max(choices)) if rng.random() < 0.8 else int(rng.integers(2))
        row = {"task": "Depth", "question": "Which?", "choices": choices, "answer_index": right}
        rows.append({**row, "id": str(place), "image_id": str(place)})
    found = blind(rows, {})
    assert found
    assert found["share"] > 0.5
    assert len([tell for tell in found["tells"] if tell["folds"] == 5]) < 13, "few are no luck by themselves"


def test_open_questions_have_no_blind_score() -> None:
    assert blind([{"choices": ["3"], "answer_index": 0}], {}) is None


def test_the_same_questions_give_the_same_scores() -> None:
    one, other = (blind(benchmark(0.5), {}) for _ in range(2))
    assert one == other
