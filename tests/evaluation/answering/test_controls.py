"""Control questions change what they say they change and nothing else, and their effects are what the rows show."""

from typing import TYPE_CHECKING, Any

import pytest

from visualzero.errors import UserError
from visualzero.evaluation.answering.control_questions import controlled, shuffled_images, swapped_options
from visualzero.evaluation.summary.controls import control_effects

if TYPE_CHECKING:
    import pandas as pd


def without(questions: "pd.DataFrame", *columns: str) -> list[dict[str, Any]]:
    return [
        {key: list(value) if key == "choices" else value for key, value in row.items()}
        for row in questions.drop(columns=list(columns)).to_dict("records")
    ]


# Questions


def test_without_a_control_questions_are_as_they_are(toyspace: "pd.DataFrame") -> None:
    assert controlled(toyspace, None) is toyspace


def test_no_image_takes_the_image_away_and_nothing_else(toyspace: "pd.DataFrame") -> None:
    blind = controlled(toyspace, "no_image")
    assert blind["image"].isna().all()
    assert without(blind, "image") == without(toyspace, "image")
    assert toyspace["image"].notna().all(), "the original is left alone"


def test_a_shuffled_image_is_never_the_questions_own(toyspace: "pd.DataFrame") -> None:
    shuffled = controlled(toyspace, "shuffled_image")
    own, other = ([image["bytes"] for image in table["image"]] for table in (toyspace, shuffled))
    assert not any(a == b for a, b in zip(own, other, strict=True))
    assert sorted(own) == sorted(other)
    assert without(shuffled, "image") == without(toyspace, "image")


def test_images_are_shuffled_in_the_same_way_every_time(toyspace: "pd.DataFrame") -> None:
    turned = shuffled_images(toyspace.iloc[::-1]).sort_index()
    assert turned["image"].tolist() == shuffled_images(toyspace)["image"].tolist()


def test_questions_about_one_image_share_the_other_one_too(toyspace: "pd.DataFrame") -> None:
    pairs = toyspace.assign(
        image_id=[f"image-{i // 2}" for i in range(16)], image=[toyspace["image"][i - i % 2] for i in range(16)]
    )
    shuffled = shuffled_images(pairs)
    for i in range(0, 16, 2):
        assert shuffled["image"][i] is shuffled["image"][i + 1]
        assert shuffled["image"][i] is not pairs["image"][i]


def test_a_single_image_cannot_be_shuffled(toyspace: "pd.DataFrame") -> None:
    with pytest.raises(UserError, match=r"controls\.shuffled_image: all questions are about the same image"):
        controlled(toyspace.assign(image_id="the one"), "shuffled_image")


def test_swapped_options_move_the_right_answer_along(toyspace: "pd.DataFrame") -> None:
    swapped = swapped_options(toyspace)
    for before, after in zip(toyspace.itertuples(), swapped.itertuples(), strict=True):
        assert after.choices == [*before.choices[1:], before.choices[0]]
        assert after.choices[after.answer_index] == before.choices[before.answer_index]
        assert after.answer_index != before.answer_index
    assert without(swapped, "choices", "answer_index") == without(toyspace, "choices", "answer_index")


@pytest.mark.parametrize("control", ["no_image", "shuffled_image", "swapped_options"])
def test_scoring_needs_no_images(toyspace: "pd.DataFrame", control: str) -> None:
    text = toyspace.drop(columns="image")
    assert without(controlled(text, control)) == without(controlled(toyspace, control), "image")


# Effects


def rows(correct: str, predictions: list[int | None] | None = None) -> list[dict[str, Any]]:
    """A score row for each letter, + for right."""
    chosen = predictions or [0] * len(correct)
    return [
        {
            "id": str(i),
            "image_id": str(i),
            "correct": mark == "+",
            "prediction": choice,
            "parse_class": "none" if choice is None else "parsed",
        }
        for i, (mark, choice) in enumerate(zip(correct, chosen, strict=True))
    ]


def test_an_effect_is_the_accuracy_that_the_control_takes_away() -> None:
    effects = control_effects(rows("++++----"), {"no_image": rows("+--++---")}, {})
    assert list(effects) == ["no_image"]
    effect = effects["no_image"]
    assert effect["n"] == 8
    assert effect["micro"] == 3 / 8
    assert effect["micro_interval"][0] < 3 / 8 < effect["micro_interval"][1]
    assert effect["difference"]["difference"] == 1 / 8
    assert (effect["difference"]["b10"], effect["difference"]["b01"]) == (2, 1)
    assert effect["difference"]["interval"][0] < 1 / 8 < effect["difference"]["interval"][1]
    assert "consistency" not in effect


def test_the_parse_rate_of_a_control_is_its_own() -> None:
    effects = control_effects(rows("++"), {"no_image": rows("--", [None, 1])}, {})
    assert effects["no_image"]["parse_rate"] == 0.5


def test_consistency_is_about_texts_and_not_about_letters() -> None:
    choices = {str(i): ["left", "right"] for i in range(4)}
    seen = rows("++--", [0, 0, 1, None])
    swapped = rows("+-+-", [1, 0, 0, 0])  # the same text, the same letter, the same text, an answer for the first time
    effect = control_effects(seen, {"swapped_options": swapped}, choices)["swapped_options"]
    assert effect["consistency"] == 2 / 4
    assert effect["both_parsed"] == 3 / 4


def test_an_arm_that_always_says_the_same_letter_is_never_consistent() -> None:
    choices = {str(i): ["1", "2", "3", "4"] for i in range(4)}
    effect = control_effects(rows("+---"), {"swapped_options": rows("-+--")}, choices)["swapped_options"]
    assert effect["consistency"] == 0
    assert effect["both_parsed"] == 1
