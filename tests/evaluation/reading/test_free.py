"""Free answers: what counts as the right number, word or text, what as another one, and what as none."""

import json
import time
from pathlib import Path

import pytest

from visualzero.errors import UserError
from visualzero.evaluation.reading.free.judging import judge
from visualzero.evaluation.reading.free.kinds import chance, problem
from visualzero.evaluation.reading.score_file import score_file
from visualzero.rewards import score_completion

RIGHT = [
    ("number", "3", "<think>2 and 1</think><answer> 3 </answer>"),
    ("number", "3", "There are three cones: I count 1, 2, 3. The answer is 3."),
    ("number", "5", "2 + 3 = 5"),
    ("number", "5", r"So we get $\boxed{5}$."),
    ("number", "1234", "1,234 items"),
    ("number", "3", "3.0"),
    ("number", "45", "about 45 degrees"),
    ("number", "0.5", "1/2"),
    ("number", "1000", "1e3"),
    ("number", "-0.5", "\u22120.5"),
    ("number 0.1", "0.2", "0.3"),
    ("number 5%", "100", "95"),
    ("number 5%", "-100", "-105"),
    ("yes_no", "yes", "Yes, there is one."),
    ("yes_no", "no", "The statement is false."),
    ("yes_no", "true", "<answer>yes</answer>"),
    ("text", "red cube", "The answer is: the Red Cube."),
    ("text", "3.5 m", "3.5 meters"),
    ("text", "three", "3"),
    ("text", "don't", "Don\u2019t!"),
    ("text", "The", "the"),
]
WRONG = [
    ("number", "3", "<answer>4</answer>", "parsed"),
    ("number 0.1", "0.2", "0.31", "parsed"),
    ("number 5%", "100", "105.1", "parsed"),
    ("number", "3", "3 or 4", "ambiguous"),
    ("number", "5", "5-7", "ambiguous"),
    ("number", "3", "a 3D view", "none"),
    ("number", "1", "1/0", "none"),
    ("number", "3", "", "none"),
    ("yes_no", "yes", "no", "parsed"),
    ("yes_no", "yes", "yes and no", "ambiguous"),
    ("yes_no", "yes", "(A)", "none"),
    ("yes_no", "yes", "maybe", "none"),
    ("text", "red", "a red cube", "parsed"),
    ("text", "red", "red or blue", "parsed"),
    ("text", "C", "C++", "parsed"),
    ("text", "red", "red " * 100, "none"),
]


@pytest.mark.parametrize(("kind", "right", "response"), RIGHT)
def test_a_right_answer_counts_in_every_form(kind: str, right: str, response: str) -> None:
    found = judge(response, right, kind)
    assert (found.correct, found.prediction, found.parse_class) == (True, 0, "parsed")


@pytest.mark.parametrize(("kind", "right", "response", "parse_class"), WRONG)
def test_another_answer_is_wrong_and_no_one_answer_is_none(
    kind: str, right: str, response: str, parse_class: str
) -> None:
    found = judge(response, right, kind)
    assert (found.correct, found.parse_class) == (False, parse_class)
    assert found.prediction == (1 if parse_class == "parsed" else None)


@pytest.mark.parametrize(
    "response", ["1," * 50_000, "1/" * 50_000, "1e" * 50_000, "answer is " * 10_000, "9" * 100_000]
)
@pytest.mark.parametrize("kind", ["number", "yes_no", "text"])
def test_reading_takes_no_time_whatever_is_said(kind: str, response: str) -> None:
    begin = time.process_time()
    judge(response, "no" if kind == "yes_no" else "1", kind)
    assert time.process_time() - begin < 2


def test_only_yes_or_no_can_be_guessed() -> None:
    assert [chance(kind, n) for kind, n in (("choice", 4), ("yes_no", 1), ("number 5%", 1), ("text", 1))] == [
        *(0.25, 0.5, 0.0, 0.0)
    ]


@pytest.mark.parametrize(
    ("kind", "right", "told"),
    [
        ("count", "3", "unknown kind of answer 'count'"),
        ("number five", "3", "unknown kind of answer 'number five'"),
        ("number", "3 or 4", "'3 or 4' holds 2 numbers"),
        ("yes_no", "maybe", "neither yes nor no"),
        ("text", " ", "a text of 1 characters"),
    ],
)
def test_an_answer_that_is_none_of_its_kind_is_told(kind: str, right: str, told: str) -> None:
    assert told in str(problem(kind, right))


def test_accuracy_pays_by_the_kind_and_each_kind_has_a_term_of_its_own() -> None:
    facts = {"answer_index": 0, "n_tokens": 5}
    for kind, right, response in RIGHT:
        term = kind.partition(" ")[0]
        paid = score_completion({term: 1.0, "accuracy": 1.0}, response, choices=[right], answer_kind=kind, **facts)
        assert paid == {term: 1.0, "accuracy": 1.0}
    for kind, right, response, _ in WRONG:
        assert score_completion({"accuracy": 1.0}, response, choices=[right], answer_kind=kind, **facts) == {
            "accuracy": 0.0
        }


def test_a_term_that_does_not_fit_the_question_is_told_with_the_question() -> None:
    with pytest.raises(UserError) as error:
        score_completion({"number": 1.0}, "3", choices=["2", "3"], answer_index=1, n_tokens=1, where="question q-1")
    assert str(error.value) == (
        "reward term 'number': question q-1: 'number' can't judge a question whose kind of answer is choice: use"
        " accuracy, which judges every kind, or questions of the kind number"
    )


ROW = {
    "id": "q",
    "question": "How many?",
    "choices": ["3"],
    "answer_index": 0,
    "answer_kind": "number",
    "response": "4",
}


def scored(folder: Path, row: dict[str, object], scorer: str) -> dict[str, object]:
    (folder / "mine.jsonl").write_text(json.dumps(row) + "\n")
    score_file(folder / "mine.jsonl", folder / "out.jsonl", scorer)
    found: dict[str, object] = json.loads((folder / "out.jsonl").read_text())
    return found


@pytest.mark.parametrize("scorer", ["strict", "number", "all"])
def test_anybodys_responses_to_open_questions_are_scored(tmp_path: Path, scorer: str) -> None:
    found = scored(tmp_path, ROW, scorer)
    assert (found["read"], found["prediction"], found["correct"]) == ("4", 1, False)
    assert found["readings"] == {"number": 1}
    assert scored(tmp_path, ROW | {"answer_kind": "number 1"}, scorer)["correct"] is True


@pytest.mark.parametrize(
    ("changes", "scorer", "told"),
    [
        ({}, "letter", "scorer letter reads choices, and this row's answer is a number: use number, or all"),
        ({}, "text", "scorer text reads free answers of another kind"),
        ({"answer_kind": "choice", "choices": ["3", "4"]}, "number", "this row has choices: use strict, or all"),
        ({"choices": ["3", "4"]}, "strict", "2 choices: of an open question (number) write the right answer alone"),
        ({"choices": ["many"]}, "strict", "choices: 'many' holds no number"),
        ({"answer_kind": "numbers"}, "strict", "answer_kind: unknown kind of answer 'numbers'"),
    ],
)
def test_a_scorer_that_does_not_fit_a_row_is_told_with_its_line(
    tmp_path: Path, changes: dict[str, object], scorer: str, told: str
) -> None:
    with pytest.raises(UserError) as error:
        scored(tmp_path, ROW | changes, scorer)
    assert "mine.jsonl:1: " in str(error.value)
    assert told in str(error.value)
