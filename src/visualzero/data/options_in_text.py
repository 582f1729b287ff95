"""Options that a question's own text lists after their letters: `Options: A: left, B: right`, `(A) left`, `A. left`."""

import re
from string import ascii_uppercase

_LIST = re.compile(r"\b(?:options|choices)(?:\s+are)?\s*:", re.IGNORECASE)
_WITHOUT_END = re.compile(r"[ ,;]*(?:(?:^|(?<=[ ,;]))(?:or|and))?[ ,;]*$")  # of what stands before the next letter
_WORD = re.compile(r"\w")
_STYLES = (r"\({}\)\s*", r"(?<![\w(]){}:\s+", r"(?<![\w(]){}\.\s+", r"(?<![\w(]){}\)\s*")


def options_in(question: str) -> list[str]:
    """The texts of the options, in the order of their letters from A on; empty if none, or no one list, is found.

    Looked for is what stands behind the last "Options:" or "Choices:", if that stands there. An option ends where the
    next begins, the last one with its line; a comma, semicolon or "or" at its end is none of it.
    """
    heads = list(_LIST.finditer(question))
    text = question[heads[-1].end() :] if heads else question
    found = [options for style in _STYLES if (options := _listed(text, style))]
    return found[0] if len(found) == 1 else []


def _listed(text: str, style: str) -> list[str]:
    marks: list[re.Match[str]] = []
    for letter in ascii_uppercase:
        here = list(re.finditer(style.format(letter), text))
        if not here:
            break
        if len(here) > 1 or (marks and here[0].start() < marks[-1].end()):
            return []
        marks += here
    if len(marks) < 2:
        return []
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    options = [text[mark.end() : end] for mark, end in zip(marks, ends, strict=True)]
    options[-1] = options[-1].strip().partition("\n")[0]
    found = [_WITHOUT_END.sub("", " ".join(option.split())) for option in options]
    return found if all(map(_WORD.search, found)) else []
