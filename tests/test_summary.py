"""The summary: every number from the scores alone, and the same bytes each time."""

import json

import pandas as pd
import pytest

from visualzero.errors import UserError
from visualzero.evaluation.summary import ScoredBenchmark, summarize, summary_text

QUESTIONS = pd.DataFrame(
    {
        "id": ["q1", "q2", "q3", "q4"],
        "task": ["Count", "Count", "Depth", "Depth"],
        "source": ["two", "two", "three", "three"],
        "image_id": ["i1", "i2", "i3", "i3"],
        "choices": [["1", "2"], ["1", "2"], ["cube", "ball"], ["cube", "ball"]],
        "answer_index": [0, 1, 0, 0],
    }
)
ARMS = {
    "base": {"title": "Base", "recipe": "none", "init": "base", "prompt": "plain", "trained": False, "paper": None},
    "grpo": {"title": "GRPO", "recipe": "grpo", "init": "base", "prompt": "r1_zero", "trained": True, "paper": None},
}


def scored(right: str, parse_class: str = "parsed") -> list[dict]:
    """Score rows of the four questions; '1' for a right one."""
    return [
        {
            **{key: row[key] for key in ("id", "task", "source", "image_id", "answer_index")},
            "n_choices": 2,
            "prediction": row["answer_index"] if c == "1" else None,
            "parse_class": "parsed" if c == "1" else parse_class,
            "correct": c == "1",
            "format": c == "1",
            "n_tokens": 10 * (i + 1),
            "finish_reason": "length" if i == 3 else "stop",
        }
        for i, (c, row) in enumerate(zip(right, QUESTIONS.to_dict("records"), strict=True))
    ]


def summary(**changes) -> dict:
    settings = {
        "scores": {
            ("base", None, "toy"): scored("1000", "none"),
            ("grpo", 1, "toy"): scored("1101"),
            ("grpo", 2, "toy"): scored("1111"),
        },
        "scale": "demo",
        "scorer": "strict",
        "arms": ARMS,
        "seeds": [1, 2],
        "benchmarks": {"toy": ScoredBenchmark(QUESTIONS, ["two"], ["three"])},
        "comparisons": [("grpo", "base")],
    }
    return summarize(**{**settings, **changes})


def test_a_run_has_its_accuracy_rates_and_lengths():
    cell = summary()["arms"]["grpo"]["seeds"]["1"]["toy"]
    assert cell == {
        "micro": 0.75,
        "micro_interval": [0.300642, 0.954413],
        "official": 0.75,
        "tasks": {
            "Count": {"accuracy": 1.0, "n": 2, "interval": [0.34238, 1.0]},
            "Depth": {"accuracy": 0.5, "n": 2, "interval": [0.094531, 0.905469]},
        },
        "parse_rate": 1.0,
        "format_rate": 0.75,
        "truncated_rate": 0.25,
        "n": 4,
        "response_tokens": {"mean": 25.0, "median": 25.0, "p95": 38.5},
    }


def test_an_untrained_arm_is_evaluated_once_and_listed_under_every_seed():
    base = summary()["arms"]["base"]
    assert base["trained"] is False
    assert base["seeds"]["1"] == base["seeds"]["2"]
    assert base["seeds"]["1"]["toy"]["parse_rate"] == 0.25


def test_planned_comparisons_are_made_for_every_seed():
    first, second = summary()["comparisons"]["toy"]
    assert (first["a"], first["b"], first["seed"], first["difference"]) == ("grpo", "base", "1", 0.5)
    assert (first["b01"], first["b10"], first["n"], first["p_value"]) == (0, 2, 4, 0.5)
    assert (second["seed"], second["difference"]) == ("2", 0.75)
    assert first["interval"][0] < first["difference"] < first["interval"][1]


def test_keys_are_those_of_the_contract():
    made = summary()
    assert list(made) == ["scale", "scorer", "arms", "baselines", "comparisons"]
    assert list(made["arms"]["base"]) == ["title", "recipe", "init", "prompt", "trained", "seeds"]
    assert list(made["baselines"]["toy"]) == ["chance", "constant_letter", "constant_value"]
    compared = ["a", "b", "seed", "difference", "interval", "p_value", "b01", "b10", "n"]
    assert list(made["comparisons"]["toy"][0]) == compared


def test_the_same_scores_give_the_same_bytes_in_whatever_order_they_come():
    backward = {
        key: rows[::-1]
        for key, rows in reversed(
            {
                ("base", None, "toy"): scored("1000", "none"),
                ("grpo", 1, "toy"): scored("1101"),
                ("grpo", 2, "toy"): scored("1111"),
            }.items()
        )
    }
    text = summary_text(summary())
    assert summary_text(summary(scores=backward)) == text
    assert json.loads(text) == summary()


def test_what_was_not_run_is_left_out():
    made = summary(scores={("grpo", 2, "toy"): scored("1111")})
    assert list(made["arms"]["grpo"]["seeds"]) == ["2"]
    assert made["arms"]["base"]["seeds"] == {}
    assert made["comparisons"]["toy"] == []


def test_a_benchmark_without_halves_has_no_official_score():
    made = summary(benchmarks={"toy": ScoredBenchmark(QUESTIONS)})
    assert made["arms"]["grpo"]["seeds"]["1"]["toy"]["official"] is None
    assert made["baselines"]["toy"]["chance"]["official"] is None


def test_scores_of_other_questions_are_refused():
    with pytest.raises(UserError, match=r"scores of grpo, seed 1, on toy: they are not about"):
        summary(scores={("grpo", 1, "toy"): scored("1111")[:3]})


def test_an_official_source_that_no_question_has_is_refused():
    with pytest.raises(UserError, match=r"data\.benchmarks\.toy: no question has source '2d': choose from two, three"):
        summary(benchmarks={"toy": ScoredBenchmark(QUESTIONS, ["2d"], ["three"])})
