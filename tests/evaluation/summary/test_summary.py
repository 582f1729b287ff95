"""The summary: every number from the scores alone, and the same bytes each time."""

import json

import pandas as pd
import pytest

from visualzero.errors import UserError
from visualzero.evaluation.summary.cell import ScoredBenchmark
from visualzero.evaluation.summary.numbers import summarize, summary_text

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


def scored(right: str, parse_class: str = "ambiguous", questions: pd.DataFrame = QUESTIONS) -> list[dict]:
    """Score rows of the questions; '1' for a right one, the others have no prediction."""
    return [
        {
            **{key: row[key] for key in ("id", "task", "source", "image_id", "answer_index")},
            "n_choices": 2,
            "prediction": row["answer_index"] if c == "1" else None,
            "parse_class": "parsed" if c == "1" else parse_class,
            "correct": c == "1",
            "readings": {"strict": row["answer_index"] if c == "1" else None, "lmms": 0},
            "format": c == "1",
            "n_tokens": 10 * (i + 1),
            "finish_reason": "length" if i == 3 else "stop",
        }
        for i, (c, row) in enumerate(zip(right, questions.to_dict("records"), strict=True))
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
        "margin": 0.02,
        "comparisons": [("grpo", "base")],
    }
    return summarize(**{**settings, **changes})


def test_a_run_has_its_accuracy_rates_and_lengths():
    cell = summary()["arms"]["grpo"]["seeds"]["1"]["toy"]
    assert cell["micro"] == 0.75
    assert cell["micro_wilson_interval"] == [0.300642, 0.954413]
    # q1 and q2 have an image each, q3 (wrong) and q4 (right) share one. d = .25, .25, -.75, .25; sums .25, .25, -.5;
    # SE^2 = 3/2 * .375 / 16.
    assert cell["micro_error"] == round((1.5 * 0.375 / 16) ** 0.5, 6)
    assert cell["tasks"]["Count"] == {"accuracy": 1.0, "n": 2, "interval": [0.34238, 1.0]}
    assert cell["tasks"]["Depth"]["accuracy"] == 0.5
    assert cell["sources"]["two"] == cell["tasks"]["Count"]
    assert cell["official"] == 0.75
    assert cell["official_interval"][0] < 0.75 < cell["official_interval"][1]
    assert cell["official_bootstrap_interval"] is None  # the only image of "three" says nothing about others
    assert {name: half["accuracy"] for name, half in cell["halves"].items()} == {"2D": 1.0, "3D": 0.5}
    assert cell["halves"]["2D"]["interval"] == cell["sources"]["two"]["interval"]
    assert cell["chance_adjusted"] == 0.5  # (3 - 4/2) / (4 - 4/2)
    assert (cell["parse_rate"], cell["format_rate"], cell["truncated_rate"]) == (0.75, 0.75, 0.25)
    assert cell["accuracy_given_parsed"] == 1.0
    assert cell["parse_classes"] == {"parsed": 3, "ambiguous": 1, "conflicting": 0, "none": 0}
    assert (cell["n"], cell["n_images"]) == (4, 3)
    assert cell["response_tokens"] == {"mean": 25.0, "median": 25.0, "p95": 38.5}


def test_the_official_score_rolls_up_sources_and_not_questions():
    sources = ["ADE20K"] + ["COCO"] * 3 + ["Omni3D"] * 2
    questions = pd.DataFrame(
        {"id": list("abcdef"), "task": ["Count"] * 4 + ["Depth"] * 2, "source": sources, "image_id": list("abcdef")}
        | {"choices": [["1", "2"]] * 6, "answer_index": [0] * 6}
    )
    benchmark = ScoredBenchmark(questions, ["ADE20K", "COCO"], ["Omni3D"])
    made = summary(scores={("grpo", 1, "toy"): scored("100011", questions=questions)}, benchmarks={"toy": benchmark})
    cell = made["arms"]["grpo"]["seeds"]["1"]["toy"]
    assert (cell["official"], cell["micro"]) == (0.75, 0.5)


def test_letters_are_counted_by_number_of_options():
    rows = scored("1101")
    rows[2]["prediction"] = 1
    letters = summary(scores={("base", None, "toy"): rows})["arms"]["base"]["seeds"]["1"]["toy"]["letters"]
    assert letters == {
        "2": {
            "A": {"n": 3, "predicted": 2, "recall": 0.666667},
            "B": {"n": 1, "predicted": 2, "recall": 1.0},
        }
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
    assert first["interval"][0] < first["difference"] <= first["interval"][1]
    assert first["ahead"] is None
    assert first["claim"].startswith("GRPO against Base is undecided, seed 1: between ")
    assert first["claim"].endswith("points on); one training, which says nothing of other seeds")
    assert (first["official"]["difference"], second["official"]["difference"]) == (0.5, 0.75)
    assert first["gain"]["parse_rate_b"] == 0.25


def test_planned_comparisons_are_corrected_for_their_number_under_each_seed():
    alone = summary()["comparisons"]["toy"][0]
    first, _, turned, _ = summary(comparisons=[("grpo", "base"), ("base", "grpo")])["comparisons"]["toy"]
    assert alone["p_holm"] == alone["p_clustered"] == 0.5
    assert first["p_holm"] == turned["p_holm"] == 1.0


def test_a_comparison_over_seeds_has_each_seeds_value_and_their_mean():
    [found] = summary()["comparisons_over_seeds"]["toy"]
    assert (found["a"], found["b"], found["seeds"]) == ("grpo", "base", {"1": 0.5, "2": 0.75})
    assert found["difference"] == 0.625
    assert found["interval"][0] < 0.5
    assert found["interval"][1] == 1.0
    assert found["ahead"] is None
    assert found["claim"].startswith("GRPO against Base is undecided on the mean of 2 seeds: between ")
    assert found["spread"].keys() == {"seeds", "shared", "single"}
    assert found["official"]["difference"] == 0.625
    assert found["gain"]["format"] + found["gain"]["capability"] == pytest.approx(0.625)


def test_every_arm_has_its_accuracy_under_every_scorer():
    found = summary()["accuracies"]["toy"]
    assert found["base"]["strict"] | {"interval": None} == {
        "accuracy": 0.25,
        "interval": None,
        "seeds": {"1": 0.25},
        "parse_rate": 0.25,
    }
    assert found["grpo"]["strict"]["seeds"] == {"1": 0.75, "2": 1.0}
    assert (found["grpo"]["strict"]["accuracy"], found["grpo"]["lmms"]["accuracy"]) == (0.875, 0.75)
    low, high = found["grpo"]["lmms"]["interval"]
    assert 0 <= low < 0.75 < high <= 1


def test_every_planned_difference_is_told_under_every_scorer():
    first, _ = summary()["comparisons"]["toy"]
    assert {name: one["difference"] for name, one in first["scorers"].items()} == {"strict": 0.5, "lmms": 0.0}
    assert (first["scorers_claim"], first["changes_sign"]) == ("GRPO is undecided under every scorer", False)


def test_one_seed_says_nothing_over_seeds():
    made = summary(scores={("base", None, "toy"): scored("1000"), ("grpo", 1, "toy"): scored("1101")})
    assert made["comparisons_over_seeds"]["toy"] == []
    assert made["arms"]["grpo"]["over_seeds"] == {}


def test_a_trained_arm_has_its_mean_over_seeds():
    arms = summary()["arms"]
    assert arms["base"]["over_seeds"] == {}
    micro = arms["grpo"]["over_seeds"]["toy"]["micro"]
    assert (micro["mean"], micro["seeds"]) == (0.875, {"1": 0.75, "2": 1.0})
    assert micro["interval"][0] < 0.5  # two seeds that differ by a quarter tell next to nothing
    assert micro["interval"][1] == 1.0
    assert arms["grpo"]["over_seeds"]["toy"]["official"]["seeds"] == {"1": 0.75, "2": 1.0}


def test_a_small_p_value_is_not_rounded_to_zero():
    questions = pd.DataFrame(
        {"id": [f"q{i}" for i in range(40)], "task": "Count", "source": "two", "image_id": [f"i{i}" for i in range(40)]}
        | {"choices": [["1", "2"]] * 40, "answer_index": 0}
    )
    scores = {
        ("base", None, "toy"): scored("0" * 40, questions=questions),
        ("grpo", 1, "toy"): scored("1" * 40, questions=questions),
    }
    [found] = summary(scores=scores, benchmarks={"toy": ScoredBenchmark(questions)})["comparisons"]["toy"]
    assert found["p_value"] == pytest.approx(2 * 0.5**40, rel=1e-3)
    assert found["ahead"] == "grpo"


def test_keys_are_those_of_the_contract():
    made = summary()
    assert list(made) == [
        *("scale", "scorer", "margin", "arms", "baselines", "accuracies", "comparisons", "comparisons_over_seeds"),
        "transfers",
    ]
    assert list(made["arms"]["base"]) == ["title", "recipe", "init", "prompt", "trained", "seeds", "over_seeds"]
    constants = ["constant_letter", "constant_letter_loo", "constant_value", "constant_value_loo"]
    assert list(made["baselines"]["toy"]) == ["chance", *constants]
    compared = {"a", "b", "seed", "difference", "interval", "p_value", "b01", "b10", "n"}
    assert compared <= made["comparisons"]["toy"][0].keys()


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
