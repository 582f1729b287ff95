"""A few questions out of a Question table, with thumbnails of their images.

A training table may hold gigabytes of images, so only the row groups of the wanted questions are read. The page never
carries the bytes of the data: every image is decoded and encoded anew.
"""

import base64
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from visualzero.data.image import ImageError, decode
from visualzero.errors import UserError
from visualzero.report.inputs import read_parquet

SIDE = 160  # pixels, the longer side of a thumbnail
GAP = 4  # pixels between the images of a question
QUALITY = 75  # of WebP, a fifth of the bytes of PNG at this size
COLUMNS = ["id", "task", "question", "choices", "answer_index", "image"]


@dataclass(frozen=True)
class Question:
    """One question; `image` is a data URI, or None if the table has no image for it; several stand side by side."""

    id: str
    task: str
    question: str
    choices: tuple[str, ...]
    answer_index: int
    image: str | None
    width: int
    height: int


class QuestionTable:
    """The ids and tasks of a Question table; questions are read when asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        index = read_parquet(path, need=COLUMNS, columns=["id", "task"])
        if index is None:
            raise UserError(f"question table: {path}: no such file: run the data stage")
        self.ids: list[str] = [str(value) for value in index["id"].to_pylist()]
        self.task_of: dict[str, str] = dict(zip(self.ids, map(str, index["task"].to_pylist()), strict=True))

    @property
    def tasks(self) -> list[str]:
        """Tasks in the order in which the table has them."""
        return list(dict.fromkeys(self.task_of.values()))

    def get(self, ids: Iterable[str]) -> dict[str, Question]:
        """The questions of those `ids` that the table has, by id, in the order asked for."""
        wanted = list(dict.fromkeys(ids))
        found: dict[str, Question] = {}
        try:
            with pq.ParquetFile(self.path) as table:
                columns = [*COLUMNS, *({"more_images"} & set(table.schema_arrow.names))]
                for batch in table.iter_batches(batch_size=16, row_groups=self._groups(table, wanted), columns=columns):
                    found |= self._pick(batch, set(wanted) - set(found))
        except (OSError, ValueError, pa.ArrowException) as error:
            raise UserError(f"question table: {self.path}: {error}: run the data stage again") from error
        return {key: found[key] for key in wanted if key in found}

    def _groups(self, table: pq.ParquetFile, wanted: list[str]) -> list[int]:
        """Row groups that hold a wanted question."""
        keys, groups, start = set(wanted), [], 0
        for group in range(table.metadata.num_row_groups):
            stop = start + table.metadata.row_group(group).num_rows
            if keys.intersection(self.ids[start:stop]):
                groups.append(group)
            start = stop
        return groups

    def _pick(self, batch: pa.RecordBatch, wanted: set[str]) -> dict[str, Question]:
        ids = [str(value) for value in batch.column("id").to_pylist()]
        rows = {key: position for position, key in enumerate(ids) if key in wanted}
        return {key: self._question(batch.slice(position, 1).to_pylist()[0]) for key, position in rows.items()}

    def _question(self, row: dict[str, Any]) -> Question:
        data = row["image"].get("bytes") if isinstance(row["image"], dict) else row["image"]
        more = [one["bytes"] for one in row.get("more_images") or ()]
        where = f"question table: {self.path}: question {row['id']}"
        image, width, height = thumbnail([data, *more], where) if isinstance(data, bytes) else (None, SIDE, SIDE)
        choices = tuple(map(str, row["choices"])) if isinstance(row["choices"], list) else ()
        answer = row["answer_index"]
        if not choices or not isinstance(answer, int) or not 0 <= answer < len(choices):
            raise UserError(f"{where}: answer_index {answer!r} of {len(choices)} choices: build the table again")
        return Question(str(row["id"]), str(row["task"]), str(row["question"]), choices, answer, image, width, height)


def thumbnail(images: Sequence[bytes], where: str) -> tuple[str, int, int]:
    """A data URI of an image at most `SIDE` pixels wide and high, its width and height; UserError if it is none.

    Several images, each of that size, stand beside each other in their order.
    """
    try:
        pictures = [decode(data) for data in images]
    except ImageError as problem:
        raise UserError(f"{where}: image can't be used {problem}") from None
    image = pictures[0] if len(pictures) == 1 else _side_by_side(pictures)
    as_it_is = max(image.size) <= SIDE
    if len(pictures) == 1:
        image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    encoded = io.BytesIO()
    image.save(encoded, "WEBP", quality=QUALITY, lossless=as_it_is)
    uri = f"data:image/webp;base64,{base64.b64encode(encoded.getvalue()).decode('ascii')}"
    return uri, image.width, image.height


def _side_by_side(pictures: Sequence[Image.Image]) -> Image.Image:
    """Pictures of at most `SIDE` pixels, in their order, with a little white between them."""
    for picture in pictures:
        picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    width = sum(picture.width for picture in pictures) + GAP * (len(pictures) - 1)
    strip, left = Image.new("RGB", (width, max(picture.height for picture in pictures)), "white"), 0
    for picture in pictures:
        strip.paste(picture, (left, 0))
        left += picture.width + GAP
    return strip
