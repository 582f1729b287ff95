"""Scoring: one score row per question, or an error that names the questions."""

import pandas as pd
import pytest

from visualzero.config import SCORERS
from visualzero.errors import UserError
from visualzero.evaluation.reading.scorers import score_rows, scorers

QUESTIONS = pd.DataFrame(
    {
        "id": ["q1", "q2", "q3"],
        "task": ["Count", "Relation", "Relation"],
        "source": ["s2d", "s2d", "s2d"],
        "image_id": ["i1", "i2", "i2"],
        "choices": [["1", "2", "3"], ["left", "right"], ["above", "below"]],
        "answer_index": [2, 0, 1],
    }
)


def prediction(name: str, response: str, **changes) -> dict:
    return {"id": name, "response": response, "n_tokens": 5, "finish_reason": "stop", **changes}


PREDICTIONS = [
    prediction("q2", "it is left</think><answer>(A)</answer>"),
    prediction("q1", "hm</think><answer>(A) 3</answer>", n_tokens=9),
    prediction("q3", "below, or above", n_tokens=64, finish_reason="length"),
]


def test_rows_come_in_the_order_of_the_questions_with_all_that_statistics_need():
    rows = score_rows(PREDICTIONS, QUESTIONS, think_prefix=True)
    assert rows[0] == {
        "id": "q1",
        "task": "Count",
        "source": "s2d",
        "image_id": "i1",
        "answer_index": 2,
        "n_choices": 3,
        "prediction": None,
        "parse_class": "conflicting",
        "correct": False,
        "readings": {
            "strict": None,
            "letter": None,
            "visualthinker": 0,
            "lmms": None,
            "vlmevalkit": 0,
            "cambrian": None,
        },
        "format": True,
        "n_tokens": 9,
        "finish_reason": "stop",
    }
    assert [(row["id"], row["prediction"], row["correct"]) for row in rows[1:]] == [
        ("q2", 0, True),
        ("q3", None, False),
    ]
    assert rows[2]["parse_class"] == "none"  # an open thought holds no answer
    assert rows[2]["finish_reason"] == "length"


def test_another_scorer_can_decide_and_all_readings_stay_the_same():
    rows = score_rows(PREDICTIONS, QUESTIONS, "vlmevalkit", think_prefix=True)
    assert [row["prediction"] for row in rows] == [row["readings"]["vlmevalkit"] for row in rows]
    assert [row["correct"] for row in rows] == [row["prediction"] == row["answer_index"] for row in rows]
    strict = score_rows(PREDICTIONS, QUESTIONS, "strict", think_prefix=True)
    assert [row["readings"] for row in rows] == [row["readings"] for row in strict]


def test_other_systems_scorers_read_the_completion_without_what_the_prompt_began():
    [row] = score_rows([prediction("q2", "A</think>")], QUESTIONS[1:2], think_prefix=True)
    assert row["readings"]["lmms"] == row["readings"]["cambrian"] == 0
    assert row["readings"]["strict"] is None


def test_the_config_offers_every_scorer():
    assert list(SCORERS) == scorers()


def test_without_the_forced_tag_the_same_text_has_no_format_and_its_words_are_read():
    rows = score_rows(PREDICTIONS, QUESTIONS, think_prefix=False)
    assert [row["format"] for row in rows] == [False, False, False]
    assert rows[2]["parse_class"] == "ambiguous"


@pytest.mark.parametrize(
    ("predictions", "message"),
    [
        (PREDICTIONS[:1], r"a\.jsonl: no response to 'q1', 'q3': delete"),
        ([*PREDICTIONS, PREDICTIONS[0]], r"more than one response to 'q2'"),
        ([*PREDICTIONS, prediction("q9", "")], r"responses to unknown questions 'q9'"),
        ([{"id": "q1", "response": ""}], r"row 1 has no n_tokens, finish_reason"),
    ],
)
def test_missing_repeated_and_foreign_responses_are_errors_that_name_them(predictions, message):
    with pytest.raises(UserError, match=message):
        score_rows(predictions, QUESTIONS, think_prefix=True, where="a.jsonl")


def test_a_long_list_of_ids_is_cut():
    many = pd.concat([QUESTIONS.assign(id=QUESTIONS["id"] + str(i)) for i in range(5)])
    with pytest.raises(UserError, match=r"'q10', 'q20', 'q30' and 12 more"):
        score_rows([], many, think_prefix=False)


def test_an_unknown_scorer_is_refused():
    with pytest.raises(UserError, match=r"unknown scorer 'lax': choose one of strict"):
        score_rows(PREDICTIONS, QUESTIONS, "lax", think_prefix=True)
