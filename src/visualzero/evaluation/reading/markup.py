r"""Markup that names an answer without being ours: HTML elements, JSON keys, bold fields and headings, `\boxed`.

What such markup holds is the answer that it marks; that another form was asked for is told by the format rate. This
module imports nothing of the project.
"""

import re

_ANSWER = (
    r"(?:(?:final|correct|best|my|the|your|right)[-_ ]?)?(?:answer|ans)(?:[-_ ]?(?:text|box|value|letter|key|tag))?"
)
_ELEMENT = re.compile(rf"<({_ANSWER}|[a-z][a-z0-9]{{0,11}})(?=[\s>])([^<>]{{0,160}})>", re.IGNORECASE | re.ASCII)
_NAME = re.compile(_ANSWER, re.IGNORECASE)
_CALLED = re.compile(
    rf"\b(?:class|id|name|role|type|data-\w{{1,20}})\s?=\s?[\"']?(?:[\w-]{{1,30}}\s){{0,3}}{_ANSWER}(?=[\"'\s]|$)",
    re.IGNORECASE,
)
FIELD = (  # of bold type, a heading, JSON, or at the start of a line
    r"[\"']?\b(?:(?:final|correct|best|my|the)[ _-]?)?(?:answer|ans)[\"']?\s?(?:\*\*)?\s?:"
    r"|(?:\*\*|__|#)[ \t]?(?:(?:final|correct|best|my|the)[ _-]?)?answer\b[ \t]?:?[ \t]?(?:\*\*|__|\n)"
)
BOXED = r"\\(?:boxed|fbox)\b\s?\{"
_MARK = re.compile(
    rf"{BOXED}|(?:^|[\n{{,]|\*\*|__|#)[ \t]{{0,8}}(?:{FIELD})",
    re.IGNORECASE,
)


def element(text: str) -> tuple[int, int, int] | None:
    """The last HTML element that calls itself an answer and says something: its start, and the span of what it holds.

    One that is not closed holds the rest of the text.
    """
    if "<" not in text:
        return None
    for one in reversed(list(_ELEMENT.finditer(text))):
        if not (_NAME.fullmatch(one[1]) or _CALLED.search(one[2])):
            continue
        close = re.compile(rf"</{re.escape(one[1])}\b", re.IGNORECASE).search(text, one.end())
        end = close.start() if close else len(text)
        if text[one.end() : end].strip():
            return one.start(), one.end(), end
    return None


def mark(text: str) -> int | None:
    r"""Where the last mark of an answer begins, be it an element, a JSON key, a bold field, a heading or `\boxed`."""
    fields = [found.start() for found in _MARK.finditer(text)]
    named = element(text)
    starts = [*fields[-1:], *([named[0]] if named else [])]
    return max(starts) if starts else None
