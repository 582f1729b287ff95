"""The page's first words: each sentence says its number, and another one when the number is another."""

from typing import Any

import pytest

from visualzero.report.answer import answer
from visualzero.report.summary import Summary
from visualzero.report.tables import Arm, study_arms
from visualzero.wording import MINUS


def compared(**changes: Any) -> dict[str, Any]:
    gain = {"format": 0.02, "format_interval": [0.01, 0.03], "capability": 0.1, "capability_interval": [0.05, 0.15]}
    given = {"a": "grpo", "b": "base", "seed": "1", "difference": 0.12, "interval": [0.07, 0.17], "ahead": "grpo"}
    return given | {"gain": gain, "scorers": {"strict": {"difference": 0.12}, "lmms": {"difference": 0.1}}} | changes


def study(others: list[dict[str, Any]] | None = None, **changes: Any) -> tuple[Summary, list[Arm]]:
    """A base, SFT and GRPO, of which the summary compares two, on two benchmarks."""

    def arm(title: str, trained: bool, micro: float) -> dict[str, Any]:
        seeds = {"1": {"toy": {"micro": micro, "n": 800}, "hard": {"micro": micro / 2, "n": 400}}}
        return {"title": title, "recipe": "r", "trained": trained, "seeds": seeds}

    content = {
        "arms": {"base": arm("Base", False, 0.5), "sft": arm("SFT", True, 0.55), "grpo": arm("GRPO", True, 0.62)},
        "baselines": {"toy": {"chance": {"micro": 0.426}}},
        "comparisons": {"toy": [compared(**changes), *(others or [])]},
        "transfers": {"hard": [{"a": "grpo", "b": "base", "difference": -0.04, "interval": [-0.09, 0.01]}]},
    }
    summary = Summary.model_validate(content)
    return summary, study_arms(summary, {}, [])


def told(*args: Any, **changes: Any) -> str:
    """All sentences, with plain minus signs."""
    return " ".join(answer(*study(*args, **changes), ["toy", "hard"])).replace(MINUS, "-")


def test_it_begins_with_what_was_run_and_what_guessing_gets() -> None:
    first, *_ = answer(*study(), ["toy", "hard"])
    assert first == (
        "3 arms, 2 of them trained once, answered the same 800 questions of toy, and those of hard; guessing would get"
        " 42.6 % right."
    )


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, "GRPO: 62.0 % right, Base: 50.0 %; the first is 12.0 points ahead [7.0, 17.0]."),
        ({"difference": 0.2, "interval": [0.1, 0.3]}, "20.0 points ahead [10.0, 30.0]"),
        ({"difference": -0.12, "interval": [-0.17, -0.07], "ahead": "base"}, "12.0 points behind [7.0, 17.0]"),
        (
            {"ahead": None, "interval": [-0.01, 0.2]},
            "the first is +12.0 points apart [-1.0, 20.0], which can't be told from none",
        ),
        ({}, "+2.0 points [1.0, 3.0] are form"),
        ({}, "+10.0 [5.0, 15.0] are capability"),
        ({}, "On hard the first difference changes by -4.0 points [-9.0, 1.0], which can't be told from none."),
        ({}, "None of these differences turns round under any of 2 ways"),
        ({"changes_sign": True}, "1 of the 1 differences turns round where the same responses are read in another way"),
        ({}, "Arms were trained once"),
    ],
)
def test_each_number_has_its_sentence(changes: dict[str, Any], says: str) -> None:
    assert says in told(**changes)


def test_a_gain_that_cannot_be_split_is_not_split() -> None:
    assert "form" not in told(gain=None)


def test_other_comparisons_are_named_where_they_have_a_winner_and_counted_where_not() -> None:
    behind = compared(a="sft", b="base", difference=-0.05, ahead="base")
    undecided = compared(a="grpo", b="sft", ahead=None)
    text = told([behind, undecided])
    assert "Base is ahead of SFT by 5.0; 1 of the 2 other planned comparisons can't be told." in text


def test_over_seeds_their_mean_is_told() -> None:
    summary, arms = study()
    over = compared(difference=0.3, interval=[0.2, 0.4]) | {"seeds": {"1": 0.3, "2": 0.3}}
    found = Summary.model_validate({"comparisons_over_seeds": {"toy": [over]}}).comparisons_over_seeds
    summary = summary.model_copy(update={"comparisons_over_seeds": found})
    text = " ".join(answer(summary, arms, ["toy"]))
    assert "30.0 points ahead [20.0, 40.0]" in text
    assert "Intervals take questions and trainings as drawn at random" in text


def test_what_was_not_run_is_named_and_before_anything_ran_nothing_is_said() -> None:
    summary, _ = study()
    config = {name: {"title": name, "recipe": "grpo"} for name in ("base", "sft", "grpo", "later")}
    assert answer(summary, study_arms(summary, config, []), ["toy"])[-1].endswith("not run: later.")
    assert answer(Summary(), study_arms(Summary(), config, []), ["toy"]) == []
