"""The page as a tree of elements, for what is read off it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"br", "hr", "img", "input", "link", "meta"}  # have no end tag
INLINE = {"a", "b", "bdi", "br", "em", "i", "kbd", "output", "small", "span"}  # are part of the text around them


@dataclass(eq=False)
class Element:
    """An element with its attributes, elements and texts."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Element | str] = field(default_factory=list)

    @property
    def classes(self) -> set[str]:
        """The words of its class attribute."""
        return set(self.attributes.get("class", "").split())

    @property
    def elements(self) -> list[Element]:
        """Its children without the texts."""
        return [child for child in self.children if isinstance(child, Element)]

    def text(self) -> str:
        """Its own text and that of inline elements within, one space between any two pieces."""
        return " ".join(" ".join(self._pieces()).split())

    def find(self, *tags: str) -> Iterator[Element]:
        """All elements of these tags within, in their order."""
        for child in self.elements:
            if child.tag in tags:
                yield child
            yield from child.find(*tags)

    def _pieces(self) -> Iterator[str]:
        for child in self.children:
            if isinstance(child, str):
                yield child
            elif child.tag in INLINE:
                yield from child._pieces()


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open = [Element("")]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        made = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(made)
        if tag not in VOID:
            self.open.append(made)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].children.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            closed = self.open.pop()
            assert closed.tag == tag, f"<{closed.tag}> is closed by </{tag}>"

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def elements(page: str) -> Element:
    """The root of a page in which every element that is not void is closed, as those of our templates are."""
    builder = _Builder()
    builder.feed(page)
    builder.close()
    return builder.open[0]
