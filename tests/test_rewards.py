"""Reward terms: what each one pays for, and how they are found by name."""

import numpy as np
import pytest
import torch

from visualzero import rewards
from visualzero.errors import UserError
from visualzero.evaluation.reading.free.kinds import KINDS
from visualzero.rewards import pay, reward_terms, score_completion, weighted

GOOD = "<think>The ball is left of the cube.</think>\n<answer>(B) right</answer>"
WHERE = {"choices": ["left", "right"], "answer_index": 1, "n_tokens": 20}


def value(term: str, completion: str, **changes) -> float:
    return reward_terms()[term](completion, **{**WHERE, **changes})


def test_every_file_is_a_term():
    choices = ["accuracy", "adaptive", "answer_first", "coin", "format", "length", "overlong", "repetition"]
    assert sorted(reward_terms()) == sorted([*choices, *KINDS])


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        (GOOD, 1.0),
        ("<think>t</think><answer>Right.</answer>", 1.0),
        ("Right", 1.0),
        ("<think>t</think><answer>left</answer>", 0.0),
        ("<think>It is right", 0.0),  # never left the thought
        ("<think>t</think><answer>left or right</answer>", 0.0),
        ("<think>t</think><answer>(B) left</answer>", 0.0),
        ("", 0.0),
    ],
)
def test_accuracy_pays_for_choosing_the_right_option_and_not_for_hedging(completion, expected):
    assert value("accuracy", completion) == expected


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        (GOOD, 1.0),
        (GOOD + "\n", 1.0),
        (GOOD.removeprefix("<think>"), 0.0),
        (GOOD + "<answer>left</answer>", 0.0),
        ("<think></think><answer></answer>", 0.0),
        (GOOD + " Bye.", 0.0),
    ],
)
def test_format_pays_for_one_thought_and_one_answer(completion, expected):
    assert value("format", completion) == expected


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        ("<answer>(B) right</answer>\n<reason>The ball is left of the cube.</reason>\n", 1.0),
        ("<reason>The ball is left of the cube.</reason><answer>(B) right</answer>", 0.0),
        ("<answer>(B) right</answer>", 0.0),
        ("<answer>(B) right</answer><reason> </reason>", 0.0),
        ("<answer>left</answer><answer>right</answer><reason>Both.</reason>", 0.0),
        ("<think>t</think><answer>right</answer><reason>Again.</reason>", 0.0),
        ("<answer><think>t</think>right</answer><reason>Inside.</reason>", 0.0),
        (GOOD, 0.0),
    ],
)
def test_answer_first_pays_for_one_answer_and_then_one_reason(completion, expected):
    assert value("answer_first", completion) == expected


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        (GOOD, 1.0),
        ("<answer>(B) right</answer>", 1.0),
        ("right", 0.0),
        ("<answer>(B) right</answer> Bye.", 0.0),
        ("<answer>left</answer><answer>right</answer>", 0.0),
        ("<think>t</think>", 0.0),
        ("<answer> </answer>", 0.0),
        ("<answer>right</answer><think>t</think>", 0.0),
    ],
)
def test_adaptive_pays_for_an_answer_with_a_thought_before_it_or_without(completion, expected):
    assert value("adaptive", completion) == expected


def test_an_answer_before_its_reason_is_read_like_any_other():
    assert value("accuracy", "<answer>(B) right</answer><reason>Not left, though left is near.</reason>") == 1.0


def test_length_is_the_number_of_tokens_whatever_they_say():
    assert value("length", "", n_tokens=700) == 700.0


def test_a_coin_pays_half_of_the_rollouts_whatever_they_say():
    tosses = [value("coin", text, rollout=f"1/{step}/q/0") for text in (GOOD, "", "Right") for step in range(1000)]
    assert set(tosses) == {0.0, 1.0}
    assert sum(tosses) == pytest.approx(1500, abs=3 * 27)  # 27 is the standard deviation


def test_a_coin_is_tossed_anew_for_each_rollout_and_the_same_for_the_same_one():
    group = [value("coin", GOOD, rollout=f"1/0/q/{place}") for place in range(64)]
    assert group == [value("coin", GOOD, rollout=f"1/0/q/{place}") for place in range(64)]
    assert len(set(group)) == 2  # equal completions of a group do not earn the same
    assert group != [value("coin", GOOD, rollout=f"2/0/q/{place}") for place in range(64)]


@pytest.mark.parametrize(
    ("n_tokens", "max_tokens", "expected"),
    [(80, 100, 0.0), (90, 100, -0.5), (100, 100, -1.0), (1000, 100, -1.0), (1000, None, 0.0), (3, 3, -1.0)],
)
def test_overlong_costs_what_lies_in_the_last_fifth_of_the_limit(n_tokens, max_tokens, expected):
    assert value("overlong", "", n_tokens=n_tokens, max_tokens=max_tokens) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        ("The ball is left of the cube and of the cone.", 0.0),
        ("left left left left left left", -0.75),  # four sequences of three words, one of them new
        ("left left", 0.0),
        ("", 0.0),
    ],
)
def test_repetition_costs_the_share_of_three_words_said_before(completion, expected):
    assert value("repetition", completion) == pytest.approx(expected)


def test_penalties_are_those_of_trl():
    from trl.rewards import get_repetition_penalty_reward, get_soft_overlong_punishment

    words = ["one", "two", "three", "four", "one", "two", "three", "five", "one", "two", "three"]
    [penalty] = get_repetition_penalty_reward(3)([words])
    assert value("repetition", " ".join(words)) == penalty < 0
    [punishment] = get_soft_overlong_punishment(700, 140)([[1] * 650])
    assert value("overlong", "", n_tokens=650, max_tokens=700) == punishment < 0


def test_a_term_that_needs_no_limit_is_not_told_it():
    values = score_completion({"format": 1.0, "overlong": 1.0}, GOOD, **WHERE, max_tokens=20)
    assert values == {"format": 1.0, "overlong": -1.0}


def test_a_reward_is_the_weighted_sum_of_its_terms():
    terms = {"accuracy": 1.0, "format": 0.5, "length": 0.001}
    values = score_completion(terms, GOOD, **WHERE)
    assert values == {"accuracy": 1.0, "format": 1.0, "length": 20.0}
    assert weighted(terms, values) == pytest.approx(1.52)


def test_an_unknown_term_is_answered_with_the_nearest_one():
    with pytest.raises(UserError, match=r"unknown reward term 'acuracy': did you mean 'accuracy'\?"):
        score_completion({"acuracy": 1.0}, GOOD, **WHERE)


def test_files_with_a_leading_underscore_are_no_terms(tmp_path, monkeypatch):
    (tmp_path / "_helper.py").write_text("")
    (tmp_path / "constant.py").write_text("def score(completion, **_):\n    return 7.0\n")
    monkeypatch.setattr(rewards, "__path__", [*rewards.__path__, str(tmp_path)])
    rewards._load.cache_clear()
    try:
        assert score_completion({"constant": 1.0}, "", **WHERE) == {"constant": 7.0}
        assert "_helper" not in reward_terms()
    finally:
        rewards._load.cache_clear()


def test_a_term_that_breaks_says_on_which_completion():
    def broken(completion, **facts):
        return completion.index("<answer>")

    with pytest.raises(ValueError, match="substring not found") as caught:
        pay("mine", broken, "question q-1", "no answer")
    assert caught.value.__notes__ == ["reward term 'mine': question q-1"]


def test_a_stop_iteration_of_a_term_does_not_end_the_data():
    def broken(completion, **facts):
        return next(word for word in completion.split() if word == "absent")

    with pytest.raises(RuntimeError, match="a reward term let a StopIteration out"):
        pay("mine", broken, "question q-1", "here")


@pytest.mark.parametrize("value", [None, float("nan"), "1", [1.0], {}, 1e39])
def test_a_term_has_to_give_a_finite_number(value):
    with pytest.raises(UserError, match=r"reward term 'mine': question q-1: it gave .*: a term gives one finite num"):
        pay("mine", lambda completion, **facts: value, "question q-1", "")


@pytest.mark.parametrize("value", [1, True, 0.5, -1e6, np.float32(0.5), torch.tensor(0.5)])
def test_a_term_may_give_any_kind_of_number(value):
    assert pay("mine", lambda completion, **facts: value, "question q-1", "") == float(value)
