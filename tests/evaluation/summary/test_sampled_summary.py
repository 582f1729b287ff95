"""Planted truths: an arm that only sharpens and one that extends what the base can do are told from each other."""

import json
from typing import Any

import numpy as np
import pytest

from visualzero.evaluation.summary.numbers import rounded, summary_text
from visualzero.evaluation.summary.sampled import sampled

QUESTIONS, SAMPLES, OPTIONS = 300, 16, 4
TITLES = {"base": "Base", "sharp": "Sharpened", "wide": "Extended", "same": "The same"}
PAIRS = [("sharp", "base"), ("wide", "base"), ("same", "base")]


def responder(chance: np.ndarray, seed: int, samples: int = SAMPLES) -> list[dict[str, Any]]:
    """Rows of an arm that is right with these chances, and unread or on another option else."""
    rng = np.random.default_rng(seed)
    rows = []
    for i, p in enumerate(chance):
        read = [0 if rng.random() < p else rng.choice([1, 2, 3, None]) for _ in range(samples)]
        row = {"id": f"q{i}", "task": "Count", "source": "s", "image_id": f"i{i // 2}", "answer_index": 0}
        row |= {"n_choices": OPTIONS, "reflecting": i % 2, "readings": {"strict": read, "lmms": [None] * samples}}
        rows.append(row | {"n_tokens": [5] * samples, "finish_reasons": ["stop"] * (samples - 1) + ["length"]})
    return rows


def truth() -> dict[str, np.ndarray]:
    """By arm, the chance of a right answer to each question.

    Half of the questions are in reach of the base, rarely answered. Sharpening makes three in five of these sure and
    loses the others; extending makes a third of the others answerable too.
    """
    rng = np.random.default_rng(0)
    base = np.where(np.arange(QUESTIONS) % 2 == 0, 0.25, 0.0)
    sharp = np.where((base > 0) & (rng.random(QUESTIONS) < 0.6), 0.95, 0.0)
    wide = np.where((base == 0) & (rng.random(QUESTIONS) < 0.33), 0.5, base)
    return {"base": base, "sharp": sharp, "wide": wide, "same": base}


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    rows = {(arm, "untrained" if arm == "base" else "1"): responder(p, i) for i, (arm, p) in enumerate(truth().items())}
    return sampled(rows, scorer="strict", titles=TITLES, comparisons=[*PAIRS, ("wide", "missing")])


def compared(found: dict[str, Any], a: str) -> dict[str, Any]:
    [one] = [one for one in found["comparisons"] if one["a"] == a]
    return one


def test_the_curves_are_those_of_the_planted_chances(found: dict[str, Any]) -> None:
    k = np.arange(1, SAMPLES + 1)
    for arm, chance in truth().items():
        [run] = found["arms"][arm]["seeds"].values()
        expected = (1 - (1 - chance[:, None]) ** k).mean(axis=0)
        assert run["pass"] == pytest.approx(expected.tolist(), abs=0.04)
        assert all(low <= value <= high for value, (low, high) in zip(run["pass"], run["pass_intervals"], strict=True))
        assert run["accuracy"] == pytest.approx(run["pass"][0])
    assert found["guessing"][-1] == pytest.approx(1 - 0.75**SAMPLES)


def test_an_arm_that_sharpens_is_ahead_with_one_sample_and_behind_with_all(found: dict[str, Any]) -> None:
    one = compared(found, "sharp")
    assert (one["verdict"], one["one"]["sign"], one["all"]["sign"]) == ("sharpens", 1, -1)
    # 0.3 * 0.95 against half of 1 - 0.75^k: between 3 and 4 samples
    assert one["crossing"]["k"] in (3, 4)
    assert one["crossing"]["low"] <= 4 <= one["crossing"]["high"]
    assert "Sharpened is ahead of Base by" in one["claim"]
    assert "the curves cross at" in one["claim"]
    assert "16 guesses would answer 99.0 % of the questions" in one["claim"]


def test_an_arm_that_extends_stays_ahead(found: dict[str, Any]) -> None:
    one = compared(found, "wide")
    assert (one["verdict"], one["crossing"]["k"]) == ("extends", None)
    planted = {f"q{i}" for i, (p, q) in enumerate(zip(truth()["wide"], truth()["base"], strict=True)) if p and not q}
    alone = {each["id"] for each in one["only_a"]["questions"]}
    assert len(planted - alone) <= 1
    assert one["only_a"]["told"] > 10
    assert one["only_a"]["n"] > 1.5 * one["only_a"]["expected"]
    assert one["only_b"]["told"] == 0
    assert one["only_a"]["unseen"] == pytest.approx(1 - 0.025 ** (1 / SAMPLES))


def test_the_same_arm_twice_is_told_from_itself_nowhere(found: dict[str, Any]) -> None:
    one = compared(found, "same")
    assert one["verdict"] == "undecided"
    assert one["only_a"]["told"] == one["only_b"]["told"] == 0


def test_pairs_of_which_an_arm_is_not_sampled_are_left_out(found: dict[str, Any]) -> None:
    assert [(one["a"], one["b"]) for one in found["comparisons"]] == PAIRS
    rows = {("base", "untrained"): responder(truth()["base"], 0)}
    assert sampled(rows, scorer="strict", titles=TITLES, comparisons=PAIRS)["comparisons"] == []


def test_the_majority_of_many_is_right_where_one_mostly_is(found: dict[str, Any]) -> None:
    [run] = found["arms"]["sharp"]["seeds"].values()
    assert run["majority"][0] == pytest.approx(run["pass"][0])
    sure = float((truth()["sharp"] > 0).mean())
    assert run["majority"][-1] == pytest.approx(sure, abs=0.01)
    assert run["pass"][-1] >= run["majority"][-1]


def test_every_scorer_has_its_own_curve(found: dict[str, Any]) -> None:
    scorers = found["arms"]["base"]["scorers"]
    assert list(scorers) == ["strict", "lmms"]
    assert list(scorers["strict"]["pass"]) == ["1", "2", "4", "8", "16"]
    assert set(scorers["lmms"]["pass"].values()) == {0.0}
    assert scorers["lmms"]["read"] == 0
    assert compared(found, "sharp")["scorers"]["lmms"]["one"]["sign"] == 0


def test_over_seeds_arms_are_compared_on_seeds_and_questions() -> None:
    planted = truth()
    rows = {("base", "untrained"): responder(planted["base"], 1)}
    rows |= {("wide", str(seed)): responder(planted["wide"], 10 + seed) for seed in (1, 2, 3)}
    found = sampled(rows, scorer="strict", titles=TITLES, comparisons=PAIRS)
    assert found["arms"]["base"]["over_seeds"] is None
    over = found["arms"]["wide"]["over_seeds"]
    each = [run["pass"][0] for run in found["arms"]["wide"]["seeds"].values()]
    assert over["pass"][0] == pytest.approx(np.mean(each))
    low, high = over["pass_intervals"][0]
    assert low <= min(each)
    assert max(each) <= high
    [one] = found["comparisons"]
    assert (one["seeds"], one["verdict"]) == (["1", "2", "3"], "extends")
    assert "under seed" not in one["claim"]


def test_the_same_samples_give_the_same_bytes(found: dict[str, Any]) -> None:
    rows = {(arm, "untrained" if arm == "base" else "1"): responder(p, i) for i, (arm, p) in enumerate(truth().items())}
    again = sampled(rows, scorer="strict", titles=TITLES, comparisons=PAIRS)
    assert summary_text(rounded(again)) == summary_text(rounded(found))
    assert json.loads(summary_text(rounded(found)))["samples"] == SAMPLES


def test_samples_of_other_questions_or_of_another_number_are_refused() -> None:
    base = responder(truth()["base"], 0)
    for other in (base[:-1], responder(truth()["base"], 0, SAMPLES + 1)):
        with pytest.raises(ValueError, match="on the same questions, as many to each"):
            sampled({("base", "untrained"): base, ("wide", "1"): other}, scorer="strict", titles=TITLES, comparisons=[])


def test_how_often_answers_reconsider_has_an_interval(found: dict[str, Any]) -> None:
    [run] = found["arms"]["base"]["seeds"].values()
    assert run["reflecting"] == pytest.approx(0.5 / SAMPLES)
    assert run["reflecting_interval"][0] < run["reflecting"] < run["reflecting_interval"][1]
