"""Options that would be listed twice: the prompt writes `(A) left`, and the choices or the question do so already."""

import re
from collections.abc import Sequence
from string import ascii_uppercase

# "(A) left", "A. left", "A)left", "(1) left", "1. left"; "1.5", "1: 2", "(A)" and "A" are texts of their own.
_LABEL = re.compile(
    r"\(\s*([A-Za-z]|\d{1,2})\s*\)\s*(?=\S)|([A-Za-z])\s*[.):]\s*(?=\S)|(\d{1,2})\s*[.):]\s+(?=[^\W\d])"
)
_LIST = re.compile(r"\b(?:options|choices)(?:\s+are)?\s*:", re.IGNORECASE)


def labels(choices: Sequence[str]) -> list[str]:
    """The letters or numbers that the choices begin with, if these are the first ones, one each; else none.

    `["A. left", "B. right"]` has labels; `["a.m.", "p.m."]` and `["A. Lincoln", "U. Grant"]` have none.
    """
    marks = [next(filter(None, match.groups())).upper() for choice in choices if (match := _LABEL.match(choice))]
    letters, numbers = ascii_uppercase[: len(choices)], map(str, range(1, len(choices) + 1))
    return marks if sorted(marks) in (sorted(letters), sorted(numbers)) else []


def lists_options(question: str, choices: Sequence[str]) -> bool:
    """Whether a question's text lists its options: each after its letter, or all after "Options:" or "Choices:"."""
    lettered = [rf"(?:\(\s*{letter}\s*\)|\b{letter}\s*[.):])\s*" for letter in ascii_uppercase[: len(choices)]]
    if all(_holds(question, choice, letter) for letter, choice in zip(lettered, choices, strict=True)):
        return True
    beginning = _LIST.search(question)
    return beginning is not None and all(_holds(question[beginning.end() :], choice) for choice in choices)


def _holds(text: str, choice: str, before: str = "") -> bool:
    """Whether a text holds a choice as a word of its own, whatever its case and blanks, after a pattern."""
    words = r"\s+".join(map(re.escape, choice.split()))
    return re.search(rf"{before}(?<!\w){words}(?!\w)", text, re.IGNORECASE) is not None
