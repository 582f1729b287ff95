"""Numbers that a text counts, and that there are none."""

from visualzero.evaluation.reading.options import Options
from visualzero.evaluation.reading.page import Page
from visualzero.evaluation.reading.parsed import NOTHING, Parsed
from visualzero.evaluation.reading.phrases import COUNTED, NO_THINGS, PARTS, any_of
from visualzero.evaluation.reading.statements import verdict

_COUNTED, _PARTS, _NO_THINGS = any_of(COUNTED), any_of(PARTS), any_of(NO_THINGS)


def counted(page: Page) -> Parsed | None:
    """The number of all things, where its parts follow."""
    if not page.options.numbers:
        return None
    for sentence in reversed(page.sentences):
        if not sentence.mentions or sentence.asks:
            continue
        first = sentence.mentions[0]
        head, rest = sentence.text[: first.start], sentence.text[first.end :]
        if _COUNTED.search(head) and _PARTS.match(rest):
            return verdict(first.options)
    return None


def none_of(options: Options) -> Parsed:
    """What "none" chooses: the option 0, else nothing."""
    return NOTHING if options.zero is None else Parsed(options.zero, "parsed")


def nothing_there(page: Page) -> Parsed | None:
    """The option 0 of a text that says that there is no such thing."""
    return none_of(page.options) if page.refused < 0 and _NO_THINGS.search(page.text) else None
