"""Baselines that never look at the image."""

import pandas as pd
import pytest

from real_data import real_rows
from visualzero.evaluation.summary.baselines import baselines

QUESTIONS = pd.DataFrame(
    {
        "task": ["Count", "Count", "Count", "Depth", "Depth"],
        "source": ["two", "two", "two", "three", "three"],
        "choices": [["1", "2", "3"], ["2", "1", "3"], ["3", "2", "1", "0"], ["Cube", "ball"], ["ball", "cube"]],
        "answer_index": [0, 1, 3, 0, 1],
    }
)


def lettered(answers: str, task: str = "Count") -> pd.DataFrame:
    """Questions of one task with the options a, b, c, d, of which these letters are right."""
    n = len(answers)
    indices = ["ABCD".index(letter) for letter in answers]
    return pd.DataFrame(
        {"task": [task] * n, "source": ["s"] * n, "choices": [list("abcd")] * n, "answer_index": indices}
    )


def test_chance_is_the_mean_share_of_one_option():
    chance = baselines(QUESTIONS, ["two"], ["three"])["chance"]
    assert chance["tasks"] == {"Count": pytest.approx((1 / 3 + 1 / 3 + 1 / 4) / 3), "Depth": 0.5}
    assert chance["micro"] == pytest.approx((1 / 3 + 1 / 3 + 1 / 4 + 1) / 5)
    assert chance["official"] == pytest.approx(((1 / 3 + 1 / 3 + 1 / 4) / 3 + 0.5) / 2)


def test_the_best_constant_letter_of_a_task_is_the_most_frequent_and_a_tie_goes_to_the_first():
    letter = baselines(QUESTIONS, [], [])["constant_letter"]
    assert letter["answer"] == {"Count": "A", "Depth": "A"}
    assert letter["tasks"] == {"Count": pytest.approx(1 / 3), "Depth": 0.5}
    assert letter["micro"] == pytest.approx(2 / 5)
    assert letter["official"] is None
    assert letter["in_sample"] is True


def test_the_best_constant_value_ignores_where_the_option_stands():
    value = baselines(QUESTIONS, ["two"], ["three"])["constant_value"]
    assert value["answer"] == {"Count": "1", "Depth": "cube"}
    assert value["micro"] == pytest.approx(4 / 5)
    assert value["official"] == pytest.approx((2 / 3 + 1) / 2)


def test_leave_one_out_agrees_with_the_sample_where_one_letter_is_far_ahead():
    found = baselines(lettered("AAAABC"), [], [])
    assert found["constant_letter"]["micro"] == found["constant_letter_loo"]["micro"] == pytest.approx(4 / 6)
    assert found["constant_letter_loo"]["in_sample"] is False


def test_leave_one_out_never_profits_from_the_question_itself():
    # Without a question that says A, B is the most frequent, and the other way round.
    found = baselines(lettered("AABB"), [], [])
    assert found["constant_letter"]["micro"] == 0.5
    assert found["constant_letter_loo"]["micro"] == 0.0


def test_leave_one_out_breaks_ties_by_the_alphabet():
    # Without a B there are two each, so A is taken; without an A there are three B.
    assert baselines(lettered("AABBB"), [], [])["constant_letter_loo"]["micro"] == 0.0
    # Without an A there are two each of A and B, so A is taken and right; without a B, A.
    assert baselines(lettered("AAABB"), [], [])["constant_letter_loo"]["micro"] == pytest.approx(3 / 5)


def test_a_task_of_one_question_leaves_nothing_to_choose_from():
    assert baselines(lettered("A"), [], [])["constant_value_loo"]["micro"] == 0.0


def test_leave_one_out_is_weighed_officially_too():
    # Count is 1, 1, 0: without a 1 there is one of each and 0 is taken, without the 0 it is 1. Depth is always cube.
    found = baselines(QUESTIONS, ["two"], ["three"])["constant_value_loo"]
    assert found["tasks"] == {"Count": 0.0, "Depth": 1.0}
    assert (found["micro"], found["official"]) == (pytest.approx(2 / 5), 0.5)


def test_constant_answers_on_real_benchmark_items():
    items = pd.DataFrame(real_rows("cvbench_items_120.jsonl"))
    items["answer_index"] = [ord(answer[1]) - ord("A") for answer in items["answer"]]
    found = baselines(items, ["ADE20K", "COCO"], ["Omni3D"])
    assert found["constant_letter"]["tasks"]["Depth"] == pytest.approx(20 / 30)
    assert found["constant_letter"]["tasks"]["Distance"] == pytest.approx(17 / 30)
    assert found["constant_value"]["answer"]["Count"] == "1"
    assert found["constant_value"]["tasks"]["Count"] == pytest.approx(20 / 30)
    assert found["constant_letter_loo"]["tasks"]["Relation"] == 0.0  # 15 A and 15 B
    assert found["constant_value_loo"]["tasks"]["Count"] == pytest.approx(20 / 30)
