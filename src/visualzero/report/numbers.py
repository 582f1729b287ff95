"""Every number that the page shows, as JSON beside it: where it stands, how it is shown and what is behind it.

They are read off the page itself, so none that is shown can be missing. The value behind a number is known where one of
the page's formats made it (marks.py); in claims of the summary, say, it is only known as it is shown.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace

from visualzero.report.elements import INLINE, Element, elements
from visualzero.report.marks import MARK
from visualzero.report.sample_set import Json

NUMBER = re.compile(
    rf"(?:{MARK.pattern})?((?:< )?(?<![\w.\-])[+\u2212]?\d+(?:,\d{{3}})*(?:\.\d+)?(?:e\u2212?\d+)?k?(?!\w|\.\d))"
)
SENTENCE = re.compile(r"(?<=[.;]) (?=[A-Z\d\x02])")
# Texts of questions and responses, scales of axes, manifests (in manifests.json), and what is filled in by the script.
LEFT_OUT_TAGS = {"head", "script", "style", "nav", "form", "pre", "h1"}
LEFT_OUT = {"q", "card", "says", "ticks", "axis", "kv", "arms", "values"}


@dataclass(frozen=True)
class Place:
    """Headings that a number stands under, the arm that it is about, and its row and column if it is in a table."""

    section: str = ""
    part: str = ""
    arm: str = ""
    row: str = ""
    what: str = ""


def numbers_text(page: str, values: Sequence[float], courses: Iterable[Json], lengths: Iterable[Json]) -> str:
    """The JSON: a line for each number of the page, then one for each line and each histogram that charts draw.

    Args:
        page: the page with its marks.
        values: what is behind each mark: a share from 0 to 1, say, where the page shows percent or points.
        courses: the lines of training.
        lengths: the histograms of response lengths.
    """
    parts = {"numbers": _numbers(page, values), "courses": courses, "lengths": lengths}
    return "{\n" + ",\n".join(f'"{name}": [\n{_lines(entries)}\n]' for name, entries in parts.items()) + "\n}\n"


def _lines(entries: Iterable[Json]) -> str:
    return ",\n".join(json.dumps(entry, ensure_ascii=False, allow_nan=False) for entry in entries)


def _numbers(page: str, values: Sequence[float]) -> Iterator[Json]:
    """Each number: its place, the text that it stands in, itself as shown, and its value if known."""
    behind = {str(place): value for place, value in enumerate(values)}
    for place, text in _texts(elements(page), Place()):
        for mark, shown in NUMBER.findall(text):
            yield {**asdict(place), "text": MARK.sub("", text), "shown": shown, "value": behind.get(mark)}


def _texts(element: Element, place: Place) -> Iterator[tuple[Place, str]]:
    """The texts within an element, with their places; headings count for what follows them within it."""
    place = replace(place, arm=element.attributes.get("data-arm", place.arm))
    yield from ((place, sentence) for sentence in _own(element))
    for child in element.elements:
        if child.tag in LEFT_OUT_TAGS or child.classes & LEFT_OUT:
            continue
        match child.tag:
            case "h2":
                place = replace(place, section=_plain(child), part="")
            case "h3" | "h4":
                place = replace(place, part=_plain(child))
            case "dt":
                place = replace(place, what=_plain(child))
            case "table":
                yield from _cells(child, place)
            case _:
                yield from _texts(child, place)


def _own(element: Element) -> Iterator[str]:
    if element.attributes.get("role") == "img":
        yield element.attributes["aria-label"]
    if element.tag not in INLINE:
        yield from filter(None, SENTENCE.split(element.text()))


def _cells(table: Element, place: Place) -> Iterator[tuple[Place, str]]:
    """The cells of a table that are not names: those of its rows' headings and of columns without a class are."""
    head, *rows = table.find("tr")
    titles = [_plain(cell) for cell in head.elements]
    for row in rows:
        names = [_plain(cell) for cell in row.elements if _is_name(cell)]
        arm = row.attributes.get("data-arm", place.arm)
        for title, cell in zip(titles, row.elements, strict=True):
            if not _is_name(cell):
                yield replace(place, arm=arm, row=", ".join(filter(None, names)), what=title), cell.text()


def _is_name(cell: Element) -> bool:
    return cell.tag == "th" or not cell.classes


def _plain(element: Element) -> str:
    return MARK.sub("", element.text())
