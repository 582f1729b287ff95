"""Baselines that never look at the image."""

import pandas as pd
import pytest

from real_data import real_rows
from visualzero.evaluation.baselines import baselines

QUESTIONS = pd.DataFrame(
    {
        "task": ["Count", "Count", "Count", "Depth", "Depth"],
        "source": ["two", "two", "two", "three", "three"],
        "choices": [["1", "2", "3"], ["2", "1", "3"], ["3", "2", "1", "0"], ["Cube", "ball"], ["ball", "cube"]],
        "answer_index": [0, 1, 3, 0, 1],
    }
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


def test_constant_answers_on_real_benchmark_items():
    items = pd.DataFrame(real_rows("cvbench_items_120.jsonl"))
    items["answer_index"] = [ord(answer[1]) - ord("A") for answer in items["answer"]]
    found = baselines(items, ["ADE20K", "COCO"], ["Omni3D"])
    assert found["constant_letter"]["tasks"]["Depth"] == pytest.approx(20 / 30)
    assert found["constant_letter"]["tasks"]["Distance"] == pytest.approx(17 / 30)
    assert found["constant_value"]["answer"]["Count"] == "1"
    assert found["constant_value"]["tasks"]["Count"] == pytest.approx(20 / 30)
