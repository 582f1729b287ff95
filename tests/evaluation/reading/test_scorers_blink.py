"""All scorers side by side on 2,810 real responses of ten models to BLINK, against BLINK's published letters."""

import time
from functools import cache
from typing import Any

import pytest

from real_data import real_rows
from visualzero.evaluation.reading.scorers import read_response, readings, scorers
from visualzero.evaluation.summary.scorer_agreement import agreement

PEERS = [name for name in scorers() if name != "strict"]
CV_BENCH = 2638  # questions
LONG = "First I look at the left of the image, where a cup stands, and then at the right, where I count 3 of them. "


@cache
def blink() -> list[dict[str, Any]]:
    """Rows of model, task, answer_index, published (an index, or None where BLINK found no answer) and readings."""
    rows = [row for row in real_rows("blink_model_outputs.jsonl") if "choices" in row]
    return [
        {
            "model": row["model"],
            "task": row["task"],
            "answer_index": letter(row["answer"]),
            "published": letter(row["official_prediction"]),
            "readings": readings(
                read_response(row["response"], row["choices"], think_prefix=False), letter(row["answer"]) or 0
            ),
        }
        for row in rows
    ]


def letter(text: str) -> int | None:
    return None if text[1] == "Z" else ord(text[1]) - ord("A")


def agreement_with_published(name: str) -> float:
    return sum(row["readings"][name] == row["published"] for row in blink()) / len(blink())


def false_positives(name: str) -> float:
    """Share of the responses that are scored right and that the published letters call wrong."""
    return sum(row["readings"][name] == row["answer_index"] != row["published"] for row in blink()) / len(blink())


def accuracy(rows: list[dict[str, Any]], name: str) -> float:
    return round(100 * sum(row["readings"][name] == row["answer_index"] for row in rows) / len(rows), 1)


def test_strict_reads_what_the_published_letters_say() -> None:
    assert len(blink()) == 2810
    assert agreement_with_published("strict") >= 0.995
    assert false_positives("strict") <= 0.001


@pytest.mark.parametrize("peer", PEERS)
def test_no_other_scorer_agrees_with_them_as_well(peer: str) -> None:
    assert agreement_with_published(peer) < agreement_with_published("strict")


def test_visualthinker_finds_as_many_right_as_the_official_script_with_math_verify() -> None:
    assert sum(row["readings"]["visualthinker"] == row["answer_index"] for row in blink()) == 1613
    assert sum(row["readings"]["visualthinker"] is not None for row in blink()) == 2613


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("GPT4Turbo", {"visualthinker": 68.2, "cambrian": 43.8, "vlmevalkit": 37.8}),
        ("Yi_VL_34B", {"visualthinker": 36.7, "cambrian": 36.7, "vlmevalkit": 61.4}),
    ],
)
def test_peers_scores_of_a_model_are_those_measured_with_their_own_code(model: str, expected: dict[str, float]) -> None:
    rows = [row for row in blink() if row["model"] == model and row["task"] != "Counting"]
    assert len(rows) == 267
    assert {name: accuracy(rows, name) for name in expected} == expected


def test_the_parser_alone_moves_a_models_score_by_tens_of_points() -> None:
    found = agreement(blink())
    assert found["n"] == 2810
    assert found["scorers"]["strict"]["accuracy"] - found["scorers"]["lmms"]["accuracy"] > 0.15
    assert found["same"]["strict"]["visualthinker"] > 0.9 > found["same"]["strict"]["lmms"]


def test_all_scorers_read_as_many_responses_as_cvbench_has_in_less_than_ten_seconds() -> None:
    choices = [str(number) for number in range(6)]
    start = time.process_time()
    for number in range(CV_BENCH):
        read_response(
            f"{LONG * 8}{number}</think><answer>({'ABCDEF'[number % 6]})</answer>", choices, think_prefix=True
        )
    assert time.process_time() - start < 10
