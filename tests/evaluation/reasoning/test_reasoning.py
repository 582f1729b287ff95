"""Reasoning analysis: thoughts, lengths, answer changes, variety, repetition, consistency."""

import json
import random

import pytest

from growth import growth
from real_data import real, real_rows
from visualzero.evaluation.reading.answer import parse_answer
from visualzero.evaluation.reading.sections import thought
from visualzero.evaluation.reasoning.analysis import analyse
from visualzero.evaluation.reasoning.cues import DIGEST, NAME, count_cues
from visualzero.evaluation.reasoning.diversity import diversity
from visualzero.evaluation.reasoning.reflection import held_option
from visualzero.evaluation.reasoning.repetition import ends_in_loop
from visualzero.evaluation.reasoning.thoughts import sample_of

SIDES = ["left", "right"]
NUMBERS = ["3", "2", "1", "0"]
THINGS = ["cube", "ball", "chair", "desk", "lamp", "car", "sofa", "table", "door", "bed", "plant", "book"]


def row(response, choices=SIDES, answer_index=0, n_tokens=None, finish_reason="stop"):
    """A scored response: 20 tokens if not said otherwise."""
    prediction = parse_answer(response, choices).prediction
    return {
        "response": response,
        "choices": choices,
        "answer_index": answer_index,
        "prediction": prediction,
        "correct": prediction == answer_index,
        "n_tokens": n_tokens,
        "finish_reason": finish_reason,
    }


def thinking(text, answer="left", **more):
    return row(f"<think>{text}</think><answer>{answer}</answer>", **more)


# Thoughts


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ("<think>\nIt is left.\n</think>\n<answer>left</answer>", "It is left."),
        ("<THINK>a</THINK> between <think>b</think> after", "a\nb"),
        ("It is left. </think> <answer>left</answer>", "It is left."),  # the prompt opened it
        ("<think>It is left. <answer>left</answer>", "It is left."),  # never closed
        ("<think>It is cut off in the mid", "It is cut off in the mid"),
        ("<think>It is <answer>A</answer> Wait.</think><answer>B</answer>", "It is  A  Wait."),
        ("It is left.\n<answer>left</answer>", "It is left."),  # no think tags
        ("<think> </think><answer>left</answer>", ""),
        ("<answer>left</answer>", None),
        ("It is left.", None),
        ("", None),
    ],
)
def test_the_thought_is_the_marked_part_without_tags_and_answer(response, expected):
    assert thought(response) == expected


def test_missing_and_blank_thoughts_are_told_apart():
    found = analyse([row("<answer>left</answer>"), row("left"), thinking(" .. "), thinking("It is left.")])
    assert found["thoughts"] == {"missing": 0.5, "blank": 0.25}
    assert found["diversity"]["n"] == 1


# Lengths


def test_lengths_are_given_for_correct_and_incorrect_responses():
    rows = [thinking("a b", n_tokens=n) for n in (10, 20, 60)] + [thinking("a b c d", "right", n_tokens=100)]
    tokens = analyse(rows)["response_tokens"]
    assert tokens["all"] == {"n": 4, "mean": 47.5, "median": 40.0, "p95": pytest.approx(94.0)}
    assert tokens["correct"] == {"n": 3, "mean": 30.0, "median": 20.0, "p95": pytest.approx(56.0)}
    assert tokens["incorrect"] == {"n": 1, "mean": 100.0, "median": 100.0, "p95": 100.0}
    assert analyse(rows)["thought_words"]["incorrect"]["mean"] == 4.0


def test_what_is_undefined_is_none_and_nothing_is_nan():
    for rows in ([], [row("left")], [thinking("It is left.")]):
        found = analyse(rows)
        assert json.loads(json.dumps(found, allow_nan=False)) == found
    found = analyse([])
    assert found["n"] == 0
    assert found["response_tokens"]["all"] == {"n": 0, "mean": None, "median": None, "p95": None}
    assert found["reflection"]["rate"]["all"] is None
    assert found["reflection"]["answer_change"]["changed"] is None
    assert found["diversity"]["self_similarity"] is None
    assert found["consistency"]["contradicts"] is None
    assert analyse([row("left")])["response_tokens"]["all"]["mean"] is None  # tokens unknown


# Reflection


def test_reflection_is_counted_in_thoughts_only_and_split_by_correctness():
    rows = [
        thinking("Wait, it is left. Hmm, yes."),
        thinking("The ball is seen on the left."),
        thinking("The waiter waits.", "Wait, right"),
        row("Wait, it is left."),
    ]
    found = analyse(rows)["reflection"]
    assert found["list"] == {"name": NAME, "digest": DIGEST}
    assert found["rate"] == {"all": 0.25, "correct": pytest.approx(1 / 3), "incorrect": 0.0}
    assert found["per_1000_words"]["all"] == pytest.approx(1000 * 2 / 16)
    assert found["by_cue"]["wait"] == found["by_cue"]["hmm"] == 1
    assert found["by_cue"]["re-verb"] == 0


@pytest.mark.parametrize(
    ("text", "choices", "expected"),
    [
        ("The ball is on the left.", SIDES, 0),
        ("It is left. No, it is right.", SIDES, 1),
        ("It must be left. I look at the shadow.", SIDES, 0),
        ("The chair is closer than the desk.", ["desk", "chair"], 1),
        ("The answer is (B) 2.", NUMBERS, 1),
        ("I see three cars\nThere is one more", NUMBERS, 2),
        ("There are 3. The sky is blue.", NUMBERS, 0),
        ("Is it left or right?", SIDES, None),
        ("It is left. But is it left or right?", SIDES, None),
        ("The sky is blue.", SIDES, None),
        ("", SIDES, None),
    ],
)
def test_the_option_held_is_what_the_last_sentence_that_names_one_chooses(text, choices, expected):
    assert held_option(text, choices) == expected


def test_answer_changes_after_the_first_cue_are_counted_by_direction():
    rows = [
        thinking("It is right. Wait, it is left."),  # wrong to right
        thinking("It is left. Wait, the mirror.", "right"),  # right to wrong
        thinking("There are 3. Hmm, or 2.", "1", choices=NUMBERS, answer_index=3),  # wrong to wrong
        thinking("It is left. Wait, yes. Wait, no.", "left"),  # kept
        thinking("Wait, is it left?"),  # nothing held
        thinking("It is left. Wait.", "I can't tell"),  # no answer
        thinking("It is left."),  # no cue
    ]
    assert analyse(rows)["reflection"]["answer_change"] == {
        "with_cue": 6,
        "n": 4,
        "changed": 0.75,
        "wrong_to_right": 0.25,
        "right_to_wrong": 0.25,
        "wrong_to_wrong": 0.25,
    }


# Variety


def test_variety_of_a_small_set_is_what_the_formulas_give():
    found = analyse([thinking("red cube"), thinking("Red cube."), thinking("red ball")])["diversity"]
    assert found["n"] == found["pairs"] == 3
    assert found["distinct"] == {"1": 0.5, "2": pytest.approx(2 / 3), "3": None}
    # Bigrams with marks at both ends: the same three twice, and one of five shared with the other.
    assert found["self_similarity"] == pytest.approx((1 + 1 / 5 + 1 / 5) / 3)
    assert found["duplicate_share"] == pytest.approx(1 / 3)
    assert found["distinct_per_1000"] == {"1": None, "2": None, "3": None}


def test_template_thoughts_are_told_from_free_ones():
    rng = random.Random(0)
    pairs = [rng.sample(THINGS, 2) for _ in range(400)]
    trivial = analyse([thinking(f"The {a} is closer to the camera than the {b}, so it is the {a}.") for a, b in pairs])
    free = analyse([thinking(text["sentence"]) for text in real_rows("nlvr/nlvr.jsonl")])
    trivial, free = trivial["diversity"], free["diversity"]
    assert trivial["self_similarity"] > 0.5 > 0.2 > free["self_similarity"]
    assert trivial["duplicate_share"] > 2 * free["duplicate_share"]
    assert trivial["compression_ratio"] > 2 * free["compression_ratio"]
    assert all(trivial["distinct_per_1000"][n] < free["distinct_per_1000"][n] / 2 for n in "123")


def test_distinct_per_1000_does_not_fall_with_the_amount_of_text_as_distinct_does():
    rng = random.Random(0)
    texts = [" ".join(f"w{rng.randrange(500)}" for _ in range(50)) for _ in range(400)]
    small, large = (analyse([thinking(text) for text in some])["diversity"] for some in (texts[:40], texts))
    assert large["distinct"]["1"] < small["distinct"]["1"] / 5
    assert large["distinct_per_1000"]["1"] == pytest.approx(small["distinct_per_1000"]["1"], rel=0.05)


def test_variety_of_ten_times_as_many_thoughts_takes_about_ten_times_as_long():
    rng = random.Random(0)
    samples = [sample_of(thinking(" ".join(rng.choices(THINGS, k=120)))) for _ in range(2638)]
    assert growth(lambda number: diversity(samples[:number]), 263, 2638) < 40
    found = diversity(samples)
    assert (found["n"], found["pairs"]) == (2638, 10_000)


def test_the_same_rows_always_give_the_same_bytes():
    rng = random.Random(0)
    rows = [thinking(" ".join(rng.choices(THINGS, k=30)) + ". Wait, no.") for _ in range(200)]
    assert json.dumps(analyse(rows)) == json.dumps(analyse(rows))


# Repetition


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<think>" + "The cube is red. " * 4, True),
        ("Step one. " + "The cube is to the left of the ball. " * 3 + "The cube is to", True),  # the last one cut off
        ("!" * 60, True),
        ("1, 1, 1, 1, 1", False),  # short
        ("The cube is red. " * 2 + "The ball is blue and to the left of the cube.", False),
        (
            "The cube is red. " * 9 + "So the answer is left.</think><answer>left</answer>",
            False,
        ),  # it found its way out
        ("", False),
    ],
)
def test_a_loop_is_a_tail_of_copies(text, expected):
    assert ends_in_loop(text) is expected


def test_near_loops_are_repetitive_and_only_those_cut_off_loop_until_the_limit():
    counting = "<think>" + "".join(f"There is one red cube at position {n}. " for n in range(40))
    rows = [
        row("<think>" + "The cube is red. " * 40, finish_reason="length"),
        row("<think>" + "The cube is red. " * 40),
        row(counting, finish_reason="length"),
        thinking("The ball stands before the cube, so it is nearer to the camera than anything else in the room."),
    ]
    assert analyse(rows)["repetition"] == {
        "truncated": 0.5,
        "loop": 0.5,
        "loop_until_limit": 0.25,
        "repetitive": 0.75,
    }


# Consistency


def test_a_thought_that_concludes_another_option_contradicts_the_answer():
    rows = [
        thinking("The cup is on the left.", "left"),
        thinking("So it is right.", "left"),  # the answer is right, the thought wrong
        thinking("So it is left.", "right"),  # and the other way round
        thinking("There are 2.", "1", choices=NUMBERS, answer_index=0),  # both wrong
        thinking("Left or right?", "left"),  # concludes nothing
        thinking("It is left.", "neither"),  # nothing to compare
        row("left"),
    ]
    assert analyse(rows)["consistency"] == {
        "thoughts": 6,
        "concluding": 5,
        "n": 4,
        "contradicts": 0.75,
        "right_answer_wrong_thought": 0.25,
        "wrong_answer_right_thought": 0.25,
    }


# Real responses


def r1v(name):
    """Qwen2-VL-2B-Instruct counting, cut off at 256 tokens; the options are the counts that occur."""
    path = real(f"r1v/counting_results_superclevr_200_qwen2vl_2b_{name}_legacy.json")
    counts = [str(count) for count in range(3, 11)]
    results = json.loads(path.read_text(encoding="utf-8"))["results"]
    return [
        row(
            result["model_output"],
            counts,
            counts.index(str(result["ground_truth"])),
            finish_reason="stop" if "</answer>" in result["model_output"] else "length",
        )
        for result in results
    ]


def test_the_instruct_model_thinks_in_real_responses_and_the_one_after_grpo_no_longer_does():
    before, after = analyse(r1v("instruct")), analyse(r1v("instruct_grpo100"))
    assert before["thoughts"] == {"missing": 0.0, "blank": 0.0}
    assert before["thought_words"]["all"]["median"] == 22
    assert before["thought_words"]["incorrect"]["p95"] == 101  # enumerations until the tokens are spent
    assert before["diversity"]["duplicate_share"] == pytest.approx(0.36)
    assert before["diversity"]["self_similarity"] < 0.15
    assert before["reflection"]["rate"]["all"] == 0.0
    assert before["consistency"]["n"] > 50
    assert before["consistency"]["contradicts"] < 0.05
    assert after["thoughts"] == {"missing": 1.0, "blank": 0.0}
    assert after["thought_words"]["all"]["n"] == after["diversity"]["n"] == after["consistency"]["thoughts"] == 0


def test_real_loops_are_those_that_were_cut_off():
    found = analyse(r1v("instruct"))["repetition"]
    assert found["truncated"] == 0.11
    assert 0 < found["loop"] == found["loop_until_limit"] <= found["truncated"]
    assert found["loop"] <= found["repetitive"] < 0.2
    assert analyse(r1v("instruct_grpo100"))["repetition"]["repetitive"] == 0.0


def test_real_texts_that_describe_images_have_no_cue():
    texts = [text["caption"] for text in real_rows("vsr_zeroshot_test.jsonl")]
    texts += [text["sentence"] for text in real_rows("nlvr/nlvr.jsonl")]
    texts += [text["response"] for text in real_rows("blink_model_outputs.jsonl")]
    assert [text for text in texts if count_cues(text)] == []
