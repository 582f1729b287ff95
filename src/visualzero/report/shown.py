"""A response as the browser of responses shows it: its text, harmless and not too long, and where its cues are."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from visualzero.evaluation.reading.sections import first_turn, sections, thought
from visualzero.evaluation.reasoning.cues import CUES, find_cues
from visualzero.report.text import clip
from visualzero.wording import clean

HEAD, TAIL = 4000, 1000  # characters kept of a longer text
_LEAD = " \n.!?;:,(*\u2026\u2013\u2014-"  # what may stand before the words of a cue
_CUES = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in CUES.items()}


@dataclass(frozen=True)
class Shown:
    """A text and its cues of self-reflection as (start, end, name), in order; in UTF-16 units, as browsers count."""

    text: str
    cues: list[tuple[int, int, str]]


def shown(response: str) -> Shown:
    """The response with control characters made visible; a cue that was left out with the text is no longer there."""
    whole = clean(response)
    text = clip(whole, HEAD, TAIL)
    tail, moved = len(whole) - TAIL, len(text) - len(whole)
    cues = []
    for start, end, name in _cues(whole):
        if moved and end > HEAD:
            if start < tail:
                continue
            start, end = start + moved, end + moved
        cues.append((_units(text, start), _units(text, end), name))
    return Shown(text, cues)


def _units(text: str, at: int) -> int:
    """A position in UTF-16 units."""
    return len(text[:at].encode("utf-16-le", "surrogatepass")) // 2


def _cues(response: str) -> Iterator[tuple[int, int, str]]:
    """Cues in the thoughts of a response, by their place in the response."""
    read = first_turn(response)
    parts = sections(read).thoughts or tuple(filter(None, [thought(read)]))
    after = 0
    for part in parts:
        start = read.find(part.strip(), after)
        plain = part.strip().replace("\u2019", "'")
        for cue in find_cues(plain):
            found = _CUES[cue.name].match(plain, cue.start)
            if found:
                lead = len(found[0]) - len(found[0].lstrip(_LEAD))
                yield start + found.start() + lead, start + found.end(), cue.name
        after = start + len(plain)
