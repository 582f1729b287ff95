"""Statistics against numbers worked out by hand or published."""

import json
from itertools import product
from math import sqrt

import pytest
from scipy.stats import t

from real_data import real, real_rows
from visualzero.evaluation.statistics import (
    clustered_error,
    clustered_mcnemar,
    combined_interval,
    gain_parts,
    holm,
    mcnemar,
    official_bootstrap,
    official_difference,
    official_score,
    paired_difference,
    seeds_difference,
    share_interval,
    split_gain,
    wilson,
)


def rows(right: str, images: str | None = None, parsed: str | None = None) -> list[dict]:
    """Score rows: one question per character, '1' for right; `images` names the image of each, `parsed` is 1 or 0."""
    names = images or "abcdefghijklmnopqrstuvwxyz"
    return [
        {
            "id": str(i),
            "correct": c == "1",
            "image_id": image,
            "parse_class": "parsed" if (parsed or "1" * len(right))[i] == "1" else "none",
        }
        for i, (c, image) in enumerate(zip(right, names, strict=False))
    ]


# One share


def test_wilson_of_half_of_ten():
    # (p + z^2/2n -+ z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n), p = .5, n = 10
    assert wilson(5, 10) == pytest.approx((0.236593, 0.763407), abs=1e-6)


def test_wilson_stays_inside_zero_and_one():
    assert wilson(0, 20)[0] == 0.0
    assert wilson(20, 20) == pytest.approx((0.838875, 1.0), abs=1e-6)


@pytest.mark.parametrize("right", ["1100101011", "0000000000", "1111111111", "1"])
def test_an_interval_of_questions_with_an_image_each_is_wilsons(right: str):
    values = [c == "1" for c in right]
    assert share_interval(values, range(len(right))) == pytest.approx(wilson(sum(values), len(right)))


def test_questions_that_share_images_and_answers_count_as_fewer():
    pairs = [right for right in [True, False, True, True, False, True, False, True] for _ in range(2)]
    images = [i // 2 for i in range(16)]
    low, high = share_interval(pairs, images)
    alone_low, alone_high = wilson(sum(pairs), 16)
    assert low < alone_low < alone_high < high


def test_a_single_image_tells_hardly_anything():
    assert share_interval([True] * 50, ["a"] * 50) == pytest.approx(wilson(1, 1))


def test_clustered_error_is_the_plain_one_when_each_value_is_its_own_cluster():
    assert clustered_error([0, 0, 1, 1], list("abcd")) == pytest.approx(sqrt((1 / 3) / 4))


def test_clustered_error_grows_when_clusters_agree_and_shrinks_when_they_differ():
    # d = -.5, -.5, .5, .5. Sums of agreeing pairs: -1, 1, so 2/1 * 2/16; of opposing ones: 0, 0.
    assert clustered_error([0, 0, 1, 1], list("aabb")) == pytest.approx(0.5)
    assert clustered_error([0, 0, 1, 1], list("abab")) == 0


# The official score


def test_official_score_weighs_halves_and_not_questions():
    accuracy = {"ADE20K": 1.0, "COCO": 0.0, "Omni3D": 1.0}
    assert official_score(accuracy, ["ADE20K", "COCO"], ["Omni3D"]) == 0.75
    assert official_score(accuracy, [], []) is None


def test_official_score_of_a_published_log():
    # Qwen2.5-VL-7B: ADE20K 67.93, COCO 81.86, and 3D 73.58 give 74.24.
    accuracy = {"ADE20K": 0.6793, "COCO": 0.8186, "Omni3D": 0.7358}
    assert official_score(accuracy, ["ADE20K", "COCO"], ["Omni3D"]) == pytest.approx(0.7424, abs=1e-4)


def test_a_mean_of_means_has_the_interval_of_its_formula():
    # 1/16, 1/16 and 1/4 of the variances of three shares of 400: sqrt(.24 / 400 * 3 / 8) = 0.015.
    share, interval = 0.6, wilson(240, 400)
    half = combined_interval([share, share], [interval, interval])
    low, high = combined_interval([share, share], [half, interval])
    assert (high - low) / 2 / 1.96 == pytest.approx(0.015, rel=0.01)
    assert low < 0.6 < high


def test_a_mean_keeps_the_lopsided_intervals_of_its_parts():
    assert combined_interval([0.0, 0.0], [wilson(0, 30)] * 2) == (0.0, pytest.approx(wilson(0, 30)[1] / sqrt(2)))


def bootstrap(right: list[int], sources: list[str], images: list[str]) -> tuple[float, float]:
    found = official_bootstrap(right, sources, images, ["two"], ["three"])
    assert found is not None
    return found


def test_the_bootstrap_interval_is_as_wide_as_its_formula_says():
    # 1/4 of the variance of each half: sqrt((.6 * .4 / 400 + .3 * .7 / 600) / 4) = 0.01542.
    right = [1] * 240 + [0] * 160 + [1] * 180 + [0] * 420
    low, high = bootstrap(right, ["two"] * 400 + ["three"] * 600, [str(i) for i in range(1000)])
    assert (low + high) / 2 == pytest.approx(0.45, abs=0.001)
    assert (high - low) / 2 / 1.96 == pytest.approx(0.01542, rel=0.03)


def test_the_bootstrap_interval_widens_when_images_share_their_answers():
    right = [1, 1, 0, 0] * 50
    sources = ["two"] * 100 + ["three"] * 100
    alone = bootstrap(right, sources, [str(i) for i in range(200)])
    shared = bootstrap(right, sources, [str(i // 2) for i in range(200)])
    assert (shared[1] - shared[0]) / (alone[1] - alone[0]) == pytest.approx(sqrt(2), rel=0.05)


def test_the_bootstrap_interval_of_no_right_answer_is_not_a_point():
    low, high = bootstrap([0] * 60, ["two"] * 30 + ["three"] * 30, [str(i) for i in range(60)])
    assert low == 0
    assert high == pytest.approx(1 - 0.025 ** (1 / 30))


def test_a_source_of_one_image_can_not_be_drawn_from():
    assert official_bootstrap([1, 0, 1], ["two", "two", "three"], ["a", "b", "c"], ["two"], ["three"]) is None


# Paired tests


def test_mcnemar_is_a_fair_coin_over_the_discordant_pairs():
    assert mcnemar(0, 5) == pytest.approx(2 * 0.5**5)
    assert mcnemar(1, 4) == pytest.approx(2 * (1 + 5) * 0.5**5)
    assert mcnemar(3, 3) == 1.0
    assert mcnemar(0, 0) == 1.0


@pytest.mark.parametrize(("b01", "b10"), [(0, 5), (1, 4), (3, 3), (0, 0), (74, 5), (152, 126)])
def test_the_test_by_image_is_mcnemars_where_each_question_has_its_own(b01: int, b10: int):
    assert clustered_mcnemar([-1] * b01 + [1] * b10 + [0] * 10) == pytest.approx(mcnemar(b01, b10))


def test_the_test_by_image_counts_all_signs():
    sums = [3, -1, 2, 0, 1]
    totals = [
        sum(sign * value for sign, value in zip(signs, sums, strict=True)) for signs in product((-1, 1), repeat=5)
    ]
    expected = sum(abs(total) >= abs(sum(sums)) for total in totals) / len(totals)
    assert clustered_mcnemar(sums) == pytest.approx(expected)


def test_questions_of_one_image_are_no_independent_evidence():
    assert mcnemar(0, 6) < 0.05
    assert clustered_mcnemar([2, 2, 2]) == 0.25


def test_holm_multiplies_the_smallest_most_and_keeps_the_order():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


# Paired differences


def test_paired_difference_counts_who_alone_was_right():
    result = paired_difference(rows("111100"), rows("100010"))
    assert (result.difference, result.b10, result.b01, result.n) == (pytest.approx(2 / 6), 3, 1, 6)
    assert result.p_value == pytest.approx(2 * 5 / 16)
    # d = 0, 1, 1, 1, -1, 0; mean 1/3; squares 4 - 6/9 = 10/3; s^2/n = (10/3)/5/6 = 1/9
    assert result.error == pytest.approx(1 / 3)
    assert result.interval == pytest.approx((1 / 3 - t.ppf(0.975, 5) / 3, 1.0), abs=1e-6)
    assert result.mde == pytest.approx(2.80 / 3, abs=1e-3)


def test_detectable_difference_of_a_discordance_of_a_fifth():
    # 2.80 * sqrt(.2 / 2638) = 2.4 points, published for CV-Bench's size.
    n, apart = 2638, 264
    a = [{"id": str(i), "correct": i < apart, "image_id": str(i)} for i in range(n)]
    b = [{"id": str(i), "correct": apart <= i < 2 * apart, "image_id": str(i)} for i in range(n)]
    assert paired_difference(a, b).mde == pytest.approx(0.0244, abs=1e-4)


def test_paired_difference_turns_around_with_its_arms():
    a, b = rows("11010", "aabbc"), rows("01100", "aabbc")
    there, back = paired_difference(a, b), paired_difference(b, a)
    assert back.difference == -there.difference
    assert back.interval == pytest.approx((-there.interval[1], -there.interval[0]))
    assert (back.b01, back.b10, back.p_value) == (there.b10, there.b01, there.p_value)


def test_order_of_rows_does_not_matter():
    a, b = rows("1101", "aabb"), rows("0100", "aabb")
    assert paired_difference(a, b[::-1]) == paired_difference(a, b)


def test_arms_that_never_differ_may_still_differ_on_questions_not_asked():
    result = paired_difference(rows("1" * 20), rows("1" * 20))
    assert result.interval == pytest.approx((0.025 ** (1 / 20) - 1, 1 - 0.025 ** (1 / 20)))
    assert (result.p_value, result.mde) == (1.0, None)


@pytest.mark.parametrize("b", [rows("11"), rows("1111"), rows("11") + rows("1"), []])
def test_different_questions_are_never_compared(b):
    with pytest.raises(ValueError, match="same questions"):
        paired_difference(rows("101"), b)


def test_official_scores_are_compared_by_their_own_weights():
    a, b = rows("111100", "abcdef"), rows("100010", "abcdef")
    for row, source in zip((*a, *b), ("two", "two", "three", "three", "three", "three") * 2, strict=True):
        row["source"] = source
    found = official_difference(a, b, ["two"], ["three"])
    # d = 0, 1 | 1, 1, -1, 0: half of .5 and half of .25. A question moves it by 1/2 of n / n of its source times what
    # it is off its source's mean: 1.5 * (-.5, .5) and .75 * (.75, .75, -1.25, -.25).
    assert found.difference == pytest.approx(0.375)
    assert found.error == pytest.approx(sqrt((2 * 0.75**2 + 2 * 0.5625**2 + 0.9375**2 + 0.1875**2) / 5 / 6))
    assert found.interval[0] < 0 < found.p_value
    assert official_difference(a, b, [], []) is None


# Seeds


def test_a_difference_over_seeds_has_each_value_and_one_test():
    found = seeds_difference(
        [(rows("1111011011"), rows("1000011010")), (rows("1110011011"), rows("1000011010"))],
    )
    assert found.values == pytest.approx((0.4, 0.3))
    assert found.difference == pytest.approx(0.35)
    # Of two values 0.1 apart: variance 0.005, of their mean 0.0025.
    assert found.seed_error == pytest.approx(0.05)
    # d less its seed's mean: 0.6 four times and -0.4 six times; 0.7 three times and -0.3 seven times, on the same
    # questions but for one: 3 * .6 * .7 + .6 * -.3 + 6 * -.4 * -.3 = 1.8; times 10 / 9, over 100.
    assert found.question_error == pytest.approx(sqrt(1.8 * 10 / 9 / 100))
    assert found.error == pytest.approx(sqrt(found.seed_error**2 + found.question_error**2))
    assert (found.p_value < 0.05) == (found.interval[0] > 0)


def test_a_difference_over_seeds_turns_around_with_its_arms():
    a, b = [rows("1111011011"), rows("1110011011")], [rows("1000011010"), rows("1000111010")]
    there, back = (seeds_difference(list(zip(*sides, strict=True))) for sides in ((a, b), (b, a)))
    assert back.difference == pytest.approx(-there.difference)
    assert back.interval == pytest.approx((-there.interval[1], -there.interval[0]))
    assert back.p_value == pytest.approx(there.p_value)
    assert back.mde == pytest.approx(there.mde)


def test_seeds_on_different_questions_are_never_averaged():
    with pytest.raises(ValueError, match="same questions"):
        seeds_difference([(rows("101"), rows("100")), (rows("10"), rows("11"))])


# What a gain is made of


def test_a_gain_of_form_alone_has_no_capability():
    gain = split_gain(rows("1010", parsed="1111"), rows("1000", parsed="1100"))
    assert (gain.format, gain.capability) == (pytest.approx(0.25), pytest.approx(0.0))
    assert (gain.joint_n, gain.joint_a, gain.joint_b) == (2, 0.5, 0.5)


def test_a_gain_turns_around_with_its_arms_and_its_parts_add_up():
    a, b = rows("1011011000", parsed="1111111010"), rows("0000110100", parsed="0100111110")
    there, back = split_gain(a, b), split_gain(b, a)
    # Parsed 8 of 10 and 6 of 10, right 5 of 8 and 3 of 6: (.8 - .6) * (.625 + .5) / 2 is form.
    assert (there.format, there.capability) == (pytest.approx(0.1125), pytest.approx(0.0875))
    assert (back.format, back.capability) == (pytest.approx(-0.1125), pytest.approx(-0.0875))
    assert back.format_interval == pytest.approx(tuple(-bound for bound in reversed(there.format_interval)))
    assert there.format_interval[0] < there.format < there.format_interval[1]


def test_a_gain_over_seeds_has_its_parts_with_intervals_over_both():
    a, b = rows("1011011000", parsed="1111111010"), rows("0000110100", parsed="0100111110")
    twice = gain_parts([(a, b), (a, b)])
    assert (twice["format"], twice["capability"]) == (pytest.approx(0.1125), pytest.approx(0.0875))
    assert twice["format_interval"] == pytest.approx(split_gain(a, b).format_interval)  # the seeds don't differ
    assert gain_parts([(a, b), (a, rows("0" * 10, parsed="0" * 10))]) is None


def test_a_gain_over_an_arm_that_is_never_readable_can_not_be_split():
    gain = split_gain(rows("1010"), rows("0000", parsed="0000"))
    assert (gain.format, gain.capability, gain.accuracy_given_parsed_b, gain.joint_a) == (None, None, None, None)


# Published data


@pytest.fixture(scope="module")
def before_and_after_grpo() -> tuple[list[dict], list[dict]]:
    """R1-V: Qwen2-VL-2B-Instruct on 200 SuperCLEVR counting questions, before and after 100 steps of GRPO."""

    def scored(name: str) -> list[dict]:
        content = json.loads(
            real(f"r1v/counting_results_superclevr_200_qwen2vl_2b_instruct{name}_legacy.json").read_text()
        )
        return [
            {
                "id": f"{i}",
                "prediction": row["extracted_answer"],
                "correct": row["extracted_answer"] == row["ground_truth"],
                "image_id": row["question"]["image_path"],
            }
            for i, row in enumerate(content["results"])
        ]

    return scored(""), scored("_grpo100")


def test_published_pairs_of_one_model_before_and_after_grpo(before_and_after_grpo):
    before, after = before_and_after_grpo
    assert sum(row["correct"] for row in before) / 200 == 0.48
    assert sum(row["correct"] for row in after) / 200 == 0.825
    result = paired_difference(after, before)
    assert (result.difference, result.b10, result.b01, result.n) == (pytest.approx(0.345), 74, 5, 200)
    assert result.error == pytest.approx(0.037, abs=5e-4)
    assert result.p_value < 1e-15


def test_sixteen_of_the_published_points_are_form(before_and_after_grpo):
    before, after = before_and_after_grpo
    gain = split_gain(after, before)
    assert (gain.parse_rate_b, gain.parse_rate_a) == (0.775, 1.0)
    assert gain.accuracy_given_parsed_b == pytest.approx(0.619, abs=5e-4)
    assert (gain.joint_n, gain.joint_b, gain.joint_a) == (
        155,
        pytest.approx(0.619, abs=5e-4),
        pytest.approx(0.865, abs=5e-4),
    )
    # At the accuracy before it is .139, at that after .225 * .825 = .186; the symmetric split is their mean.
    assert gain.format == pytest.approx((0.139 + 0.186) / 2, abs=5e-4)
    assert gain.capability == pytest.approx(0.345 - 0.1625, abs=1e-3)
    assert gain.format_interval[0] > 0.11
    assert gain.capability_interval[0] > 0.1


def test_official_score_of_real_benchmark_items_answered_with_their_best_constants():
    items = real_rows("cvbench_items_120.jsonl")
    best = {"Count": "1", "Relation": "(A)", "Depth": "(B)", "Distance": "(A)"}
    right = [best[row["task"]] in (row["answer"], row["choices"][ord(row["answer"][1]) - 65]) for row in items]
    images = [f"{row['source']}/{row['source_filename']}" for row in items]
    interval = official_bootstrap(right, [row["source"] for row in items], images, ["ADE20K", "COCO"], ["Omni3D"])
    assert interval is not None
    assert interval[0] < sum(right) / 120 < interval[1]
    assert 0.12 < interval[1] - interval[0] < 0.24  # about +-9 points
