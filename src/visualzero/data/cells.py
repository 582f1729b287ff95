"""What the cells of a row hold: texts, choices, which of them is the answer, a path; each mistake with its fix."""

import math
import posixpath
import re
from pathlib import PurePosixPath
from string import ascii_uppercase
from typing import Any

from visualzero.config.sources import Options
from visualzero.data.checks import text_problem
from visualzero.data.labels import labels, lists_options

LETTER = re.compile(r"\(?([A-Za-z])\)?")


class RowError(Exception):
    """What is wrong with a row and how to fix it; `kind` says it in few words, for counts of such rows."""

    def __init__(self, problem: str, kind: str = "a cell that can't be used"):
        super().__init__(problem)
        self.kind = kind


def text_of(name: str, value: Any) -> str:
    """A cell as text; "" for an empty one. JSON's true is the text that it is written as."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if not isinstance(value, str):
        what = "list" if isinstance(value, list) else "binary" if isinstance(value, bytes) else "mapping"
        raise RowError(f"{name} is a {what}: write it as text")
    if odd := next((sign for sign in value if sign == "\0" or "\ud800" <= sign <= "\udfff"), None):
        raise RowError(f"{name} holds the character U+{ord(odd):04X}, which is no text: take it out")
    return value.strip()


def wording_problem(question: str, choices: tuple[str, ...], options: Options) -> str | None:
    """Why a question can't be asked in these words, and the fix; None if it can."""
    if marks := labels(choices):
        return f"choices begin with {', '.join(marks)}, and prompts write letters of their own: take them out"
    if options != "stated" and lists_options(question, choices):
        return (
            f"question lists its choices, and so will the prompt (options: {options}): take them out of its text, or"
            " set options to stated"
        )
    return text_problem(question, choices)


def choices_of(value: Any) -> tuple[str, ...]:
    """2 to 26 different texts from a list."""
    if not isinstance(value, list):
        raise RowError('no list of choices: write them as ["left", "right"], or in CSV as left|right')
    choices = tuple(text_of("a choice", choice) for choice in value)
    if not 2 <= len(choices) <= len(ascii_uppercase):
        raise RowError(f"{len(choices)} choices: give 2 to {len(ascii_uppercase)}")
    folded = [choice.casefold() for choice in choices]
    if "" in folded:
        raise RowError("a choice is empty: give it a text")
    if len(set(folded)) < len(folded):
        twice = next(choice for choice, key in zip(choices, folded, strict=True) if folded.count(key) > 1)
        raise RowError(f"choice '{twice}' occurs twice (case doesn't tell choices apart): make them different")
    return choices


def choice_named(answer: str, choices: tuple[str, ...]) -> int:
    """Index of the choice that is the answer's text, or has its letter if no choice is that text."""
    folded = [choice.casefold() for choice in choices]
    if answer.casefold() in folded:
        return folded.index(answer.casefold())
    letter = LETTER.fullmatch(answer)
    if letter and letter[1].upper() in ascii_uppercase[: len(choices)]:
        return ascii_uppercase.index(letter[1].upper())
    raise RowError(f"answer '{answer}' is not among its choices ({', '.join(choices)}): write one, or its letter")


def inside(image: str) -> str:
    """An image's path inside its folder, in its shortest form."""
    shortest = posixpath.normpath(image)
    if PurePosixPath(image).is_absolute() or shortest.split("/")[0] == "..":
        raise RowError(f"image '{image}' leads out of the images folder: give its path inside that folder")
    return shortest
