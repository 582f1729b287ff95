"""What a data set's row asks: the question, its choices, which of them is right; or a free answer."""

import re
from string import ascii_uppercase
from typing import Any

from visualzero.config import Answers, Dataset
from visualzero.config.sources import Options
from visualzero.data.cells import RowError, choices_of, text_of, wording_problem
from visualzero.data.checks import text_problem
from visualzero.data.options_in_text import options_in
from visualzero.evaluation.reading.free.kinds import base, problem
from visualzero.evaluation.reading.free.values import yes_or_no

_LETTER = re.compile(r"\(?([A-Za-z])\)?[.:]?")


def asked(source: Dataset, options: Options, row: dict[str, Any]) -> tuple[str, tuple[str, ...], int]:
    """The question, its choices and the index of the right one; of an open question the choice is the right answer.

    Raises:
        RowError: if the row can't be asked so, with the cause and the fix.
    """
    columns, answer = source.columns, source.answer
    question = text_of(columns.question, row[columns.question])
    if not question:
        raise RowError("no question: give one, or correct columns.question", "no question")
    given = _given(answer, columns.answer, row[columns.answer])
    if answer.kind != "choice":
        if wrong := problem(answer.judged, given):
            raise RowError(f"answer: {wrong}", "an answer that is none of its kind")
        if wrong := text_problem(question, [given]):
            raise RowError(wrong, "a question that can't be asked in its words")
        return question, (yes_or_no(given) if base(answer.judged) == "yes_no" else given,), 0
    choices = _choices(source, question, row)
    if wrong := wording_problem(question, choices, options):
        raise RowError(wrong, "a question that can't be asked in its words")
    return question, choices, _right(answer, given, choices)


def _given(answer: Answers, column: str, cell: Any) -> str:
    """The answer in a cell."""
    text = text_of(column, cell)
    if text and answer.pattern:
        found = re.search(answer.pattern, text, re.DOTALL)
        if not found:
            raise RowError(f"answer '{text[:60]}' doesn't fit answer.pattern: correct the pattern", "no answer")
        text = (found[1] or "").strip()
    if not text:
        raise RowError("no answer: give one, or correct columns.answer", "no answer")
    return text


def _choices(source: Dataset, question: str, row: dict[str, Any]) -> tuple[str, ...]:
    try:
        if source.in_question:
            if not (found := options_in(question)):
                raise RowError("no one list of lettered choices is found in the question: give columns.choices")
            return choices_of(found)
        columns = source.columns.choices
        if isinstance(columns, list):
            cells = [row[column] for column in columns]
            while cells and not text_of("a choice", cells[-1]):  # questions may have fewer than there are columns
                cells.pop()
            return choices_of(cells)
        return choices_of(row[str(columns)])
    except RowError as error:
        raise RowError(str(error), "choices that can't be used") from None


def _right(answer: Answers, given: str, choices: tuple[str, ...]) -> int:
    """Index of the choice that an answer names in the way that the data set is said to write it."""
    letters, index = list(ascii_uppercase[: len(choices)]), None
    if answer.written == "letter" and (letter := _LETTER.fullmatch(given)):
        index = letters.index(letter[1].upper()) if letter[1].upper() in letters else None
    elif answer.written == "text":
        folded = [choice.casefold() for choice in choices]
        index = folded.index(given.casefold()) if given.casefold() in folded else None
    elif answer.written in ("from_zero", "from_one") and re.fullmatch(r"\d{1,3}", given):
        number = int(given) - (answer.written == "from_one")
        index = number if 0 <= number < len(choices) else None
    if index is None:
        raise RowError(
            f"answer '{given[:60]}' names none of its choices ({', '.join(choices)[:200]}): correct it, or"
            f" answer.written ({answer.written})",
            "an answer that names no choice",
        )
    return index
