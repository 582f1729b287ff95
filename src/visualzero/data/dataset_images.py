"""The images of a data set's row: encoded in its cells, or files that the cells name."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from visualzero.data.cells import RowError, inside, text_of
from visualzero.data.dataset_files import Files
from visualzero.data.dataset_rows import Row


@dataclass(frozen=True)
class Found:
    """An image of a row: its content, or the file that holds it; and what it is called, if anything."""

    content: bytes = b""
    file: str | None = None
    name: str = ""
    problem: str | None = None


def found_images(columns: str | Sequence[str], row: Row) -> list[Found]:
    """The images of a row in the order of the columns, and of the lists in them; empty cells hold none."""
    named = [columns] if isinstance(columns, str) else columns
    cells = (cell for column in named for cell in (row[column] if isinstance(row[column], list) else [row[column]]))
    return [_found(cell) for cell in cells if cell is not None]


def contents(
    rows: Iterable[tuple[str, Row, list[Found]]], table: str, files: Files
) -> Iterator[tuple[str, Row, list[Found]]]:
    """The rows with the content of the files that their images are in."""
    waiting = list(rows)
    paths = files.images(table, [one.file for _, _, found in waiting for one in found if one.file])
    for place, row, found in waiting:
        yield place, row, [replace(one, content=paths[one.file].read_bytes()) if one.file else one for one in found]


def _found(cell: Any) -> Found:
    """An image out of a cell: bytes, a path, or both as `datasets.Image` has them."""
    content, path = (cell.get("bytes"), cell.get("path")) if isinstance(cell, dict) else (None, cell)
    if isinstance(cell, bytes):
        content, path = cell, None
    try:
        name = text_of("image", path)
        if isinstance(content, bytes):
            return Found(content, name=name.rpartition("/")[2])
        if not name:
            return Found(problem="no image: give one, or correct columns.image")
        return Found(file=inside(name), name=name)
    except RowError as error:
        return Found(problem=str(error))
