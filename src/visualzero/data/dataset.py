"""Any data set, as the config says what its columns hold, becomes rows of the Question table.

The files are read here and not by `datasets`: each is compared with its digest before a row of it is used, memory holds
a batch and not a row group, numbers stay as they are written, and no builder, script or pickle is ever looked for. What
`datasets` writes is read, names of classes included.
"""

import hashlib
import posixpath
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from visualzero.config import Dataset
from visualzero.config.sources import Options
from visualzero.data.cells import RowError, text_of
from visualzero.data.checks import image_problem
from visualzero.data.dataset_answers import asked
from visualzero.data.dataset_files import Files
from visualzero.data.dataset_images import Found, contents, found_images
from visualzero.data.dataset_rows import Row, rows_of
from visualzero.data.reading import Reading
from visualzero.errors import UserError

AT_ONCE = 256  # rows whose image files are looked up together


def open_source(source: Dataset, key: str, options: Options) -> Reading:
    """Open a data set for reading; files of the hub are downloaded as their rows are drawn."""
    if source.in_question and options != "stated":
        raise UserError(
            f"{key}.in_question: the questions list their choices, and so will the prompt (options: {options}): set"
            " options to stated"
        )
    files, left_out = Files(source, key), Counter[str]()
    rows = read_dataset(source, key, options, files, left_out)
    return Reading(rows, files.read, left_out, checked=True, extended=True)


def read_dataset(
    source: Dataset, key: str, options: Options, files: Files, left_out: Counter[str]
) -> Iterator[dict[str, Any]]:
    """Rows of the Question table, in the order of the files, each looked at before it is handed out.

    Raises:
        UserError: with the first row that can't be used, unless those are left out; if no row is as `where` asks; and
            what `Files` raises.
    """
    kept, seen, sound = 0, 0, set[bytes]()
    for table, path in files.tables():
        for place, row, found in _with_images(source, table, path, files):
            seen += 1
            try:
                made = _question(source, options, table, place, row, found)
                for image in (made["image"], *made["more_images"]):
                    _look(image["bytes"], sound)
            except RowError as error:
                if source.unusable == "refuse":
                    where = f"{key}: {source.name}/{table}: {place}"
                    raise UserError(
                        f"{where}: {error}; or leave such rows out (unusable: leave_out), which are counted then"
                    ) from None
                left_out[error.kind] += 1
                continue
            yield made
            kept += 1
            if kept == source.n:
                return
    if not seen:
        raise UserError(f"{key}.where: no row of {source.name} is so: correct the values, or `files`")


def _with_images(source: Dataset, table: str, path: Path, files: Files) -> Iterator[tuple[str, Row, list[Found]]]:
    """The rows that `where` keeps, each with its images; files of images are fetched for many rows at a time."""
    waiting: list[tuple[str, Row, list[Found]]] = []
    at_once = min(AT_ONCE, source.n or AT_ONCE)
    for place, row in rows_of(path, _columns(source), f"{source.name}/{table}"):
        if all(_fits(row[column], wanted) for column, wanted in source.where.items()):
            waiting.append((place, row, found_images(source.columns.image, row)))
        if len(waiting) == at_once:
            yield from contents(waiting, table, files)
            waiting = []
    yield from contents(waiting, table, files)


def _columns(source: Dataset) -> list[str]:
    """Every column that is needed, once."""
    names: list[str] = []
    for column in source.columns.model_dump().values():
        names += column if isinstance(column, list) else [column] if column else []
    return list(dict.fromkeys([*names, *source.where]))


def _fits(value: Any, wanted: Any) -> bool:
    """Whether a cell is a wanted value, or one of several; numbers as they are written."""
    some = wanted if isinstance(wanted, list) else [wanted]
    try:
        return text_of("", value) in [text_of("", one) for one in some]
    except RowError:
        return False


def _question(
    source: Dataset, options: Options, table: str, place: str, row: Row, found: list[Found]
) -> dict[str, Any]:
    """The row of the Question table."""
    columns = source.columns

    def cell(column: str | None) -> str:
        return text_of(column or "", row[column]) if column else ""

    for one in found:
        if one.problem:
            raise RowError(one.problem, "an image that can't be used")
    if not found:
        raise RowError("no image: give one, or correct columns.image", "no image")
    words, choices, right = asked(source, options, row)
    name = cell(columns.id) or f"{posixpath.splitext(table)[0].replace('/', '-')}-{place.split()[1]}"
    images = [{"bytes": one.content, "path": one.name or f"{name}-{number}"} for number, one in enumerate(found, 1)]
    digests = [hashlib.sha256(one.content).hexdigest() for one in found]
    if source.shuffle_choices:
        order = list(range(len(choices)))
        random.Random(f"{source.seed}/{name}").shuffle(order)
        choices, right = tuple(choices[index] for index in order), order.index(right)
    return {
        "id": name,
        "source": cell(columns.source) or source.name,
        "task": cell(columns.task) or "Custom",
        "image": images[0],
        "question": words,
        "choices": list(choices),
        "answer_index": right,
        "image_id": cell(columns.group) or _joined(digests),
        "answer_kind": source.answer.judged,
        "more_images": images[1:],
    }


def _joined(digests: list[str]) -> str:
    """What questions about the same images share."""
    return (digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest())[:16]


def _look(content: bytes, sound: set[bytes]) -> None:
    """Decode an image, once if several questions share it."""
    digest = hashlib.sha256(content).digest()
    if digest in sound:
        return
    if problem := image_problem(content, "its image"):
        raise RowError(problem, "an image that can't be used")
    sound.add(digest)
