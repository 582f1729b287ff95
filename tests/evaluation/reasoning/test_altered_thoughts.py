"""Altered thoughts: where a response is cut, what takes the thought's place, and what is left as it was."""

import pytest

from visualzero.evaluation.reading.answer import parse_answer
from visualzero.evaluation.reasoning.altering import KINDS, Thinker, Thinking, donors, prefixes, reconsiders, thinking
from visualzero.evaluation.reasoning.corrupting import corrupted

THOUGHT = "The red cube is at 245. Wait, let me check again. The red cube is left of the ball."
RESPONSE = f"{THOUGHT}</think> <answer>left</answer>"
CHOICES = ["left", "right"]


# Where the thought is


def test_a_thought_that_the_prompt_has_opened_begins_with_the_completion() -> None:
    assert thinking(RESPONSE, True) == Thinking("", THOUGHT, "</think>")
    assert thinking(f"<think>{RESPONSE}", True) == Thinking("<think>", THOUGHT, "</think>")


def test_a_thought_between_tags_keeps_what_stands_before_it() -> None:
    assert thinking(f"Well. <think>{RESPONSE}", False) == Thinking("Well. <think>", THOUGHT, "</think>")


def test_a_thought_without_tags_ends_at_the_answer() -> None:
    assert thinking("It is left. <answer>left</answer>", False) == Thinking("", "It is left. ", "<answer>")


def test_a_thought_that_is_never_closed_ends_at_the_last_answer_or_with_the_response() -> None:
    assert thinking("It is left. <answer>left", True) == Thinking("", "It is left. ", "</think>")
    assert thinking("<think>It is left", False) == Thinking("<think>", "It is left", "</think>")


@pytest.mark.parametrize("said", ["left", "", "<think> </think><answer>left</answer>"])
def test_a_response_without_a_word_of_thought_has_none(said: str) -> None:
    assert thinking(said, False) is None


def test_a_turn_that_the_model_makes_up_is_no_part_of_it() -> None:
    found = thinking("It is left.\nUser: and now? <answer>", True)
    assert found
    assert "User" not in found.thought


# What the model goes on from


def made() -> dict[str, str]:
    own = thinking(RESPONSE, True)
    assert own
    return {kind: prefix.text for kind, prefix in prefixes(own, CHOICES, "Something else.").items()}


def test_every_kind_is_made_of_a_thought_with_a_cue() -> None:
    assert tuple(made()) == KINDS


def test_what_is_kept_is_the_response_itself_and_what_is_emptied_nothing() -> None:
    assert RESPONSE.startswith(made()["kept"])
    assert made()["emptied"] == "</think>"
    assert made()["foreign"] == "Something else.</think>"


def test_a_thought_is_cut_before_its_first_cue_with_the_sentence_before_left_whole() -> None:
    assert made()["free"] == "The red cube is at 245."
    assert made()["cued"] == "The red cube is at 245. Wait"
    assert made()["stopped"] == "The red cube is at 245.</think>"
    assert RESPONSE.startswith(made()["cued"])


def test_a_thought_without_a_cue_is_not_cut() -> None:
    own = Thinking("", "The cube is left.", "</think>")
    assert tuple(prefixes(own, CHOICES, None)) == ("kept", "emptied", "corrupted")


def test_a_cue_that_the_model_writes_itself_is_seen_and_one_before_it_is_not() -> None:
    assert reconsiders("It is left.", " Hmm, no.</think><answer>right</answer>", True)
    assert not reconsiders("Wait, it is left.", " So left.</think><answer>left</answer>", True)
    assert not reconsiders("It is left.", "</think> Wait, <answer>left</answer>", True)
    assert reconsiders("<think>It is left.", " Let me check.</think>", False)


# What is exchanged


@pytest.mark.parametrize(
    ("thought", "choices", "by", "text"),
    [
        ("So it is Left of it.", ["left", "right"], "options", "So it is Right of it."),
        ("It is the red cube, not the ball.", ["red cube", "ball"], "options", "It is the ball, not the red cube."),
        ("1 and 2 make 3. That is (C).", ["1", "2", "3"], "options", "2 and 3 make 1. That is (A)."),
        ("The cube is above it and closer.", ["4", "5"], "directions", "The cube is below it and farther."),
        ("It stands in front of two at 099.", ["red", "blue"], "directions", "It stands behind two at 099."),
        ("I see Two at 099 and 3.5 m.", ["red", "blue"], "numbers", "I see Three at 100 and 3.5 m."),
    ],
)
def test_a_thought_is_corrupted_in_the_first_kind_of_word_that_it_has(
    thought: str, choices: list[str], by: str, text: str
) -> None:
    assert corrupted(thought, choices) == (text, by)


def test_a_thought_that_states_nothing_is_not_corrupted() -> None:
    assert corrupted("Let me look.", ["red", "blue"]) is None


def test_a_corrupted_thought_concludes_another_option() -> None:
    for choices, thought in ((CHOICES, "So it is left."), (["1", "2", "3"], "That makes 2.")):
        found = corrupted(thought, choices)
        assert found
        before, after = (parse_answer(text, choices).prediction for text in (thought, found.text))
        assert before is not None
        assert after == (before + 1) % len(choices)


# Whose thought is given


def test_a_thought_comes_from_the_same_task_another_image_and_another_answer() -> None:
    thinkers = [Thinker(task, f"{place}", said) for task in ("Count", "Depth") for place, said in enumerate("aabb")]
    given = donors(thinkers, 0)
    for mine, other in enumerate(given):
        assert other is not None
        assert thinkers[mine].task == thinkers[other].task
        assert thinkers[mine].said != thinkers[other].said
        assert thinkers[mine].image_id != thinkers[other].image_id
    assert given == donors(thinkers, 0)
    assert given != donors(thinkers, 1)


def test_one_thought_alone_has_no_other() -> None:
    assert donors([Thinker("Count", "a", "1")], 0) == [None]
    assert donors([Thinker("Count", "a", "1"), Thinker("Depth", "a", "1")], 0) == [1, 0]
