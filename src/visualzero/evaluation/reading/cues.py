"""What follows a cue: "the answer is", "I choose", `boxed`."""

import re
from collections.abc import Iterator

from visualzero.evaluation.reading.naming import mentioned
from visualzero.evaluation.reading.numbers import none_of
from visualzero.evaluation.reading.options import Options
from visualzero.evaluation.reading.page import Page
from visualzero.evaluation.reading.parsed import AMBIGUOUS, Parsed
from visualzero.evaluation.reading.phrases import ALSO, CORRECTIONS, CUES, NONE_OF, SECOND, any_of
from visualzero.evaluation.reading.roles import put_forward
from visualzero.evaluation.reading.statements import announced

_CUE, _CORRECTION, _NONE_OF, _SECOND = any_of(CUES), any_of(CORRECTIONS), any_of(NONE_OF), any_of(SECOND)
_ALSO = any_of(ALSO)
_SCOPE = 400  # characters that a cue can reach: a long sentence
_LAST = 24  # cues that are looked at, from the end


def cued(page: Page) -> Parsed | None:
    """What follows the last cue; ambiguous if another answer goes before it or comes after without a correction."""
    later: tuple[Parsed, int] | None = None
    for start, end, stop, asks in scopes(_CUE, page):
        said = None if asks else _said(page.text[end:stop], page.options)
        if said is None:
            continue
        if later is None:
            if said.prediction is None:
                return said
            if _second(page, stop, said.prediction):
                return AMBIGUOUS
            later = said, start
        elif said != later[0]:
            corrected = _CORRECTION.search(page.text, end, later[1] + 24) is not None
            final = _is_final(page.text, later[1]) and not _is_final(page.text, start)
            return later[0] if corrected or final or said.prediction is None else AMBIGUOUS
    return later[0] if later else None


def _is_final(text: str, start: int) -> bool:
    """Whether the cue at `start` is a "final answer"."""
    return "final" in text[max(0, start - 8) : start + 8].lower()


def scopes(pattern: re.Pattern[str], page: Page) -> Iterator[tuple[int, int, int, bool]]:
    """The last matches of a pattern, from the end: start, end, where their sentence ends, whether it is a question."""
    for found in list(pattern.finditer(page.text))[: -_LAST - 1 : -1]:
        end = found.end()
        while end < len(page.text) and (page.text[end].isspace() or page.text[end] == ":"):
            end += 1
        stop, ending = page.stop(end, _SCOPE)
        yield found.start(), end, stop, "?" in ending


def _said(scope: str, options: Options) -> Parsed | None:
    """What the rest of a sentence says after a cue."""
    if first := announced(scope, options):
        return first
    if _NONE_OF.match(scope):
        return none_of(options)
    page = Page(scope, options)
    said = put_forward([claim for some in page.claims for claim in some], options.n)
    return said or mentioned(page)


def _second(page: Page, stop: int, chosen: int) -> bool:
    """Whether the next sentence gives another answer as well: "Or B.", or a list's next line."""
    for sentence in page.sentences:
        if sentence.start <= stop or not sentence.mentions:
            continue
        first = sentence.mentions[0]
        other = chosen not in first.options
        alone = not sentence.text[: first.start].strip(" \t\"'(-") and not sentence.text[first.end :].strip(" \t\"').,")
        also = _SECOND.match(sentence.text) or _ALSO.match(sentence.text, first.end)
        return other and (alone or also is not None)
    return False
