"""The summary's part on causes: what is split, what a pair lacks, and a verdict that names what wasn't tested."""

import json
from typing import Any

import pytest

from scored_study import LAYOUT, ROOT, answer, study
from visualzero.config import Study, read_study
from visualzero.evaluation.comparing.verdict import verdicts
from visualzero.evaluation.summary.split import Observed, measured, splits
from visualzero.evaluation.summary.summarize import summarize_study
from visualzero.wording import MINUS

__all__ = ["study"]
PAIR = ("new", "old")
TITLES = {"new": "New", "old": "Old"}


def row(place: int, right: bool, read: bool = True) -> dict[str, Any]:
    parsed = {"correct": right, "parse_class": "parsed" if read else "none", "prediction": 0 if right else None}
    return {"id": f"q{place}", "image_id": f"i{place}", "answer_index": 0} | parsed


def rows(right: int, read: int = 100) -> list[dict[str, Any]]:
    return [row(place, place < right, place < read) for place in range(100)]


def thoughts(kept: int, emptied: int) -> list[dict[str, Any]]:
    """Of a hundred questions; the last ten responses have no thought."""
    made = []
    for place in range(100):
        readings = {"kept": [0 if place < kept else 1] * 2, "emptied": [0 if place < emptied else 1] * 2}
        made.append({"id": f"q{place}", "answer_index": 0, "readings": readings if place < 90 else {}})
    return made


def arms(old_is_blinded: bool = True) -> dict[str, Observed]:
    return {
        "new": Observed("New", {"1": rows(80)}, {"1": rows(45)}, {"1": thoughts(80, 60)}),
        "old": Observed("Old", {"1": rows(50)}, {"1": rows(40)} if old_is_blinded else None, {"1": thoughts(50, 50)}),
    }


# The split


def test_a_gain_is_divided_by_what_each_condition_leaves() -> None:
    [found] = splits(arms(), [PAIR, ("new", "missing")])
    parts = {name: one["difference"] for name, one in found["parts"].items()}
    assert parts == pytest.approx({"form": 0.0, "prior": 0.05, "sight": 0.05, "thought": 0.2})
    assert found["difference"] == pytest.approx(0.3)
    assert found["claim"].startswith("New against Old: +30.0 points, of which form 0.0")
    assert found["seeds"] == ["1"]


def test_a_response_without_a_thought_is_what_it_is_with_and_without_one() -> None:
    found = measured(arms()["new"])
    assert found
    assert found.counts[95].tolist() == [1, 0, 1, 0, 1, 0, 1, 0]
    assert found.counts[70].tolist() == [1, 1, 1, 0, 1, 1, 1, 0]


def test_questions_whose_thoughts_were_left_alone_count_for_sight_and_not_for_thought() -> None:
    some = [one for one in thoughts(80, 60) if int(one["id"][1:]) % 2]
    found = measured(Observed("New", {"1": rows(80)}, {"1": rows(45)}, {"1": some}))
    assert found
    assert found.counts[70].tolist() == [1, 1, 1, 0, 0, 0, 0, 0]


def test_a_verdict_on_one_training_says_so_whichever_arm_was_trained() -> None:
    untrained = Observed("New", {"untrained": rows(80)}, {"untrained": rows(45)}, None)
    [found] = splits(arms() | {"new": untrained}, [PAIR])
    assert found["seeds"] == ["1"]
    assert "other seeds" in verdicts({"split": [found]}, [PAIR], TITLES)[0]["untested"]


def test_a_pair_that_was_not_asked_without_the_image_says_so() -> None:
    [found] = splits(arms(old_is_blinded=False), [PAIR])
    assert (found["parts"], found["lacking"]) == (None, ["old"])
    assert found["claim"] == "New against Old: not split: add old to controls.no_image."


def test_where_one_arms_thoughts_were_left_alone_the_claim_says_that_they_are_sight() -> None:
    left = arms() | {"old": Observed("Old", {"1": rows(50)}, {"1": rows(40)}, None)}
    [found] = splits(left, [PAIR])
    assert list(found["parts"]) == ["form", "prior", "sight"]
    assert "wasn't tested and is part of sight" in found["claim"]


# The verdict


def causes() -> dict[str, Any]:
    return {
        "sampling": {"comparisons": [{"a": "new", "b": "old", "verdict": "sharpens"}]},
        "interventions": {"arms": {"new": {"thought_verdict": "decides", "cue_verdict": "idle"}}},
        "split": splits(arms(), [PAIR]),
        "blind": {"n": 100},
        "letters": {"new": {"verdict": "texts"}},
    }


def test_a_verdict_puts_all_that_is_known_in_one_sentence() -> None:
    [one] = verdicts(causes(), [PAIR], TITLES)
    assert one["claim"].startswith("New against Old: +30.0 points, of which thought +20.0")
    for words in (
        "can't be told from none",
        "it is likelier to be right at once and answers fewer questions in the end",
        "its thought decides its answers",
        "its “wait” is a word",
        "it goes by what the options say",
    ):
        assert words in one["claim"]
    assert one["untested"] == ["other seeds"]


def test_what_was_not_tested_is_named_with_what_asks_for_it() -> None:
    [one] = verdicts({}, [PAIR], TITLES)
    assert one["claim"] == "New against Old: nothing was found out."
    keys = ("causes.split", "causes.sampling", "causes.interventions", "controls.swapped_options", "causes.blind")
    assert [key for key in keys if any(key in said for said in one["untested"])] == list(keys)
    lacking = {"split": splits(arms(old_is_blinded=False), [PAIR])}
    assert "controls.no_image of old" in " ".join(verdicts(lacking, [PAIR], TITLES)[0]["untested"])


@pytest.mark.parametrize(("kind", "words"), [("extends", "that the other doesn't"), ("behind", "it is behind")])
def test_a_verdict_follows_the_curves(kind: str, words: str) -> None:
    found = {"sampling": {"comparisons": [{"a": "new", "b": "old", "verdict": kind}]}}
    assert words in verdicts(found, [PAIR], TITLES)[0]["claim"]


def test_a_loss_keeps_its_sign() -> None:
    [found] = splits(arms(), [("old", "new")])
    assert found["claim"].startswith(f"Old against New: {MINUS}30.0 points")


# The stage


@pytest.fixture
def explained(study: Study) -> Study:
    """The scored study with two untrained arms, asked without the image and with other letters too."""
    asked = read_study(
        ROOT / "config/config.yaml",
        [
            "run=[base, instruct]",
            "comparisons=[{a: instruct, b: base}]",
            "controls={no_image: [base, instruct], shuffled_image: [], swapped_options: [instruct]}",
            "causes={split: true, blind: true}",
        ],
    )
    for arm in asked.arms:
        answer(asked, arm)
        answer(asked, arm, "no_image")
    answer(asked, "instruct", "swapped_options")
    return asked


def test_the_summary_has_all_that_was_asked_for(explained: Study) -> None:
    summarize_study(explained, LAYOUT)
    found = json.loads(LAYOUT.summary.read_text())["causes"]
    assert list(found) == ["split", "blind", "letters", "verdict"]
    [pair] = found["split"]
    assert pair["difference"] == pytest.approx(sum(one["difference"] for one in pair["parts"].values()), abs=1e-5)
    assert len(found["blind"]["scores"]) == 16
    assert 0 <= found["blind"]["share_interval"][0] <= found["blind"]["share"] <= found["blind"]["share_interval"][1]
    assert set(found["blind"]["arms"]) == {"base", "instruct"}
    [one] = found["verdict"]
    assert any("causes.sampling" in said for said in one["untested"])


def test_nothing_is_explained_unless_it_is_asked_for(explained: Study) -> None:
    summarize_study(explained.model_copy(update={"causes": type(explained.causes)()}), LAYOUT)
    assert "causes" not in json.loads(LAYOUT.summary.read_text())
