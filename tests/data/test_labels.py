"""Options that the user has lettered already are told, and texts that only look so are left alone."""

import pytest

from visualzero.data.labels import labels, lists_options


@pytest.mark.parametrize(
    ("choices", "found"),
    [
        (["A. left", "B. right"], ["A", "B"]),
        (["(A) left", "(B) right", "(C) above"], ["A", "B", "C"]),
        (["a) left", "b) right"], ["A", "B"]),
        (["B: right", "A: left"], ["B", "A"]),
        (["1. left", "2. right"], ["1", "2"]),
        (["(1) left", "(2) right"], ["1", "2"]),
    ],
)
def test_choices_that_begin_with_their_letters_or_numbers_are_seen(choices: list[str], found: list[str]) -> None:
    assert labels(choices) == found


@pytest.mark.parametrize(
    "choices",
    [
        ["A", "B"],
        ["(A)", "(B)"],
        ["A. Lincoln", "U. Grant"],
        ["a.m.", "p.m."],
        ["1.5", "2.5"],
        ["1:2", "2:1"],
        ["1: 2", "2: 1"],
        ["(1,2)", "(2,1)"],
        ["1. left", "right"],
        ["left", "right"],
        ["a lamp", "b lamp"],
        ["C. left", "D. right"],
    ],
)
def test_choices_that_only_look_so_have_none(choices: list[str]) -> None:
    assert labels(choices) == []


@pytest.mark.parametrize(
    "question",
    [
        "Where is it? (A) left (B) right",
        "Where is it?\nA. left\nB. right",
        "Where is it? a) Left b) Right",
        "Where is it? Options: left, right",
        "Where is it?\nChoices:\nleft\nright",
        "Where is it? The choices are: left or right.",
    ],
)
def test_a_question_that_lists_its_options_is_seen(question: str) -> None:
    assert lists_options(question, ["left", "right"])


@pytest.mark.parametrize(
    "question",
    [
        "Is it left or right?",
        "Is the lamp (A) left of the desk (B)?",
        "Where is it? (A) left (B) rightmost",
        "Which of the options: leftmost or rightmost?",
        "Where is it?",
    ],
)
def test_a_question_that_only_names_them_is_none(question: str) -> None:
    assert not lists_options(question, ["left", "right"])
