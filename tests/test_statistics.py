"""Statistics against numbers worked out by hand or published."""

import json
from math import sqrt

import pytest

from real_data import real
from visualzero.evaluation.statistics import clustered_error, mcnemar, official_score, paired_difference, wilson


def rows(right: str, images: str | None = None) -> list[dict]:
    """Score rows: one question per character, '1' for right; `images` names the image of each."""
    names = images or "abcdefghijklmnopqrstuvwxyz"
    return [
        {"id": str(i), "correct": c == "1", "image_id": image}
        for i, (c, image) in enumerate(zip(right, names, strict=False))
    ]


def test_wilson_of_half_of_ten():
    # (p + z^2/2n -+ z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n), p = .5, n = 10
    assert wilson(5, 10) == pytest.approx((0.236593, 0.763407), abs=1e-6)


def test_wilson_stays_inside_zero_and_one():
    assert wilson(0, 20)[0] == 0.0
    assert wilson(20, 20) == pytest.approx((0.838875, 1.0), abs=1e-6)


def test_official_score_weighs_halves_and_not_questions():
    accuracy = {"ADE20K": 1.0, "COCO": 0.0, "Omni3D": 1.0}
    assert official_score(accuracy, ["ADE20K", "COCO"], ["Omni3D"]) == 0.75
    assert official_score(accuracy, [], []) is None


def test_official_score_of_a_published_log():
    # Qwen2.5-VL-7B: ADE20K 67.93, COCO 81.86, and 3D 73.58 give 74.24.
    accuracy = {"ADE20K": 0.6793, "COCO": 0.8186, "Omni3D": 0.7358}
    assert official_score(accuracy, ["ADE20K", "COCO"], ["Omni3D"]) == pytest.approx(0.7424, abs=1e-4)


def test_mcnemar_is_a_fair_coin_over_the_discordant_pairs():
    assert mcnemar(0, 5) == pytest.approx(2 * 0.5**5)
    assert mcnemar(1, 4) == pytest.approx(2 * (1 + 5) * 0.5**5)
    assert mcnemar(3, 3) == 1.0
    assert mcnemar(0, 0) == 1.0


def test_clustered_error_is_the_plain_one_when_each_value_is_its_own_cluster():
    assert clustered_error([0, 0, 1, 1], list("abcd")) == pytest.approx(sqrt((1 / 3) / 4))


def test_clustered_error_grows_when_clusters_agree_and_shrinks_when_they_differ():
    # d = -.5, -.5, .5, .5: s^2/n = 1/12; agreeing pairs add (1 + 1 - 1)/16, opposing ones (0 + 0 - 1)/16.
    assert clustered_error([0, 0, 1, 1], list("aabb")) == pytest.approx(sqrt(1 / 12 + 1 / 16))
    assert clustered_error([0, 0, 1, 1], list("abab")) == pytest.approx(sqrt(1 / 12 - 1 / 16))


def test_paired_difference_counts_who_alone_was_right():
    result = paired_difference(rows("111100"), rows("100010"))
    assert (result.difference, result.b10, result.b01, result.n) == (pytest.approx(2 / 6), 3, 1, 6)
    assert result.p_value == pytest.approx(2 * 5 / 16)
    # d = 0, 1, 1, 1, -1, 0; mean 1/3; squares 4 - 6/9 = 10/3; s^2/n = (10/3)/5/6 = 1/9
    assert result.interval == pytest.approx((1 / 3 - 1.959964 / 3, 1 / 3 + 1.959964 / 3), abs=1e-6)


def test_paired_difference_turns_around_with_its_arms():
    a, b = rows("11010", "aabbc"), rows("01100", "aabbc")
    there, back = paired_difference(a, b), paired_difference(b, a)
    assert back.difference == -there.difference
    assert back.interval == pytest.approx((-there.interval[1], -there.interval[0]))
    assert (back.b01, back.b10, back.p_value) == (there.b10, there.b01, there.p_value)


def test_order_of_rows_does_not_matter():
    a, b = rows("1101", "aabb"), rows("0100", "aabb")
    assert paired_difference(a, b[::-1]) == paired_difference(a, b)


@pytest.mark.parametrize("b", [rows("11"), rows("1111"), rows("11") + rows("1"), []])
def test_different_questions_are_never_compared(b):
    with pytest.raises(ValueError, match="same questions"):
        paired_difference(rows("101"), b)


def test_published_pairs_of_one_model_before_and_after_grpo():
    """R1-V: Qwen2-VL-2B-Instruct on 200 SuperCLEVR questions, 48.0 % before and 82.5 % after 100 steps."""

    def scored(name: str) -> list[dict]:
        content = json.loads(
            real(f"r1v/counting_results_superclevr_200_qwen2vl_2b_instruct{name}_legacy.json").read_text()
        )
        return [
            {
                "id": f"{i}",
                "correct": row["extracted_answer"] == row["ground_truth"],
                "image_id": row["question"]["image_path"],
            }
            for i, row in enumerate(content["results"])
        ]

    before, after = scored(""), scored("_grpo100")
    assert sum(row["correct"] for row in before) / 200 == 0.48
    assert sum(row["correct"] for row in after) / 200 == 0.825
    result = paired_difference(after, before)
    assert (result.difference, result.b10, result.b01, result.n) == (pytest.approx(0.345), 74, 5, 200)
    assert (result.interval[1] - result.interval[0]) / 2 / 1.959964 == pytest.approx(0.037, abs=5e-4)
    assert result.p_value < 1e-15
