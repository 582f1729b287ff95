"""The Question table: what every source becomes and all that later stages read.

One parquet file per data set; images are embedded as encoded bytes, in the layout of `datasets.Image`, so that
`datasets.load_dataset("parquet", ...)` shows them too.

    id            str        unique
    source        str        where the image comes from; official scores weigh sources
    task          str        Count, Relation, Depth, Distance or a name of the user's
    image         struct     bytes (PNG or JPEG), path (a name for humans)
    question      str        without its options
    choices       list[str]  at least two; of an open question, the right answer alone
    answer_index  int        index of the right choice
    image_id      str        questions about the same image share it

Two more columns stand only in tables of sources that need them (`kind: dataset`):

    answer_kind   str        choice; of an open question how its answer is judged: yes_no, text, number, number 0.5, ...
    more_images   list       of a question about several images those after the first, each like `image`
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from visualzero.data.sealed import BUFFER, open_sealed, sealed_writer
from visualzero.errors import UserError
from visualzero.manifest import atomic

_FEATURES = {
    "id": {"dtype": "string", "_type": "Value"},
    "source": {"dtype": "string", "_type": "Value"},
    "task": {"dtype": "string", "_type": "Value"},
    "image": {"_type": "Image"},
    "question": {"dtype": "string", "_type": "Value"},
    "choices": {"feature": {"dtype": "string", "_type": "Value"}, "_type": "List"},
    "answer_index": {"dtype": "int64", "_type": "Value"},
    "image_id": {"dtype": "string", "_type": "Value"},
}
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("source", pa.string()),
        ("task", pa.string()),
        ("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        ("question", pa.string()),
        ("choices", pa.list_(pa.string())),
        ("answer_index", pa.int64()),
        ("image_id", pa.string()),
    ],
    metadata={"huggingface": json.dumps({"info": {"features": _FEATURES}})},
)
_MORE_FEATURES = {
    "answer_kind": {"dtype": "string", "_type": "Value"},
    "more_images": {"feature": {"_type": "Image"}, "_type": "List"},
}
MORE = pa.schema([("answer_kind", pa.string()), ("more_images", pa.list_(SCHEMA.field("image").type))])
EXTENDED = pa.schema(
    [*SCHEMA, *MORE], metadata={"huggingface": json.dumps({"info": {"features": _FEATURES | _MORE_FEATURES}})}
)
CHOICE = "choice"
ROWS_PER_GROUP = 1024
BYTES_PER_GROUP = 8 << 20  # of different images; writing takes several times as much memory
UNSHARED_PER_GROUP = 256 << 20  # of all rows; a reader that takes in a whole group holds so much
ANY = 1 << 30  # bytes of a dictionary; at fewer, parquet would go on without one
AT_ONCE = 16  # rows whose images are read together, copies of equal ones included


@dataclass
class _Group:
    """The rows of a row group that is not yet written, with each different image once (further images as they come)."""

    schema: pa.Schema = SCHEMA
    rows: list[dict[str, Any]] = field(default_factory=list)
    images: dict[bytes, int] = field(default_factory=dict)
    size: int = 0
    unshared: int = 0

    def has_room(self, row: dict[str, Any]) -> bool:
        content, beside = row["image"]["bytes"], _size(row)
        more = beside if content in self.images else len(content) + beside
        return not self.rows or (
            len(self.rows) < ROWS_PER_GROUP
            and self.size + more <= BYTES_PER_GROUP
            and self.unshared + len(content) + beside <= UNSHARED_PER_GROUP
        )

    def add(self, row: dict[str, Any]) -> None:
        content = row["image"]["bytes"]
        if content not in self.images:
            self.images[content] = len(self.images)
            self.size += len(content)
        self.size += _size(row)
        self.unshared += len(content) + _size(row)
        self.rows.append({**row, "image": row["image"]["path"], "content": self.images[content]})

    def table(self) -> pa.Table:
        """The rows in the schema, but for image bytes, which are a dictionary; parquet stores that as it is."""
        contents = pa.DictionaryArray.from_arrays(
            pa.array([row["content"] for row in self.rows], pa.int32()), pa.array(list(self.images), pa.binary())
        )
        paths = pa.array([row["image"] for row in self.rows], pa.string())
        columns = [
            pa.StructArray.from_arrays([contents, paths], names=["bytes", "path"])
            if column.name == "image"
            else pa.array([row[column.name] for row in self.rows], column.type)
            for column in self.schema
        ]
        return pa.Table.from_arrays(columns, names=self.schema.names)


def _size(row: dict[str, Any]) -> int:
    """Bytes of the images after the first."""
    return sum(len(image["bytes"]) for image in row.get("more_images", ()))


def write_questions(rows: Iterable[dict[str, Any]], path: Path, extended: bool = False) -> int:
    """Write rows atomically and return how many there were; memory holds one row group at a time.

    With `extended` the table has the columns `answer_kind` and `more_images`, and so has every row. A row group stores
    an image once, however many of its rows are about it (further images as they come); so questions about one image
    should stand together.

    Raises:
        UserError: if there are no rows or an id occurs twice.
    """
    seen: set[str] = set()
    schema = EXTENDED if extended else SCHEMA
    group = _Group(schema)
    shared = group.table().schema
    # Without the Arrow schema in the file, a reader sees binary columns rather than dictionaries.
    options = {"store_schema": False, "dictionary_pagesize_limit": ANY}
    with atomic(path) as temporary, sealed_writer(temporary, shared, **options) as writer:
        writer.add_key_value_metadata(schema.metadata)
        for row in rows:
            if row["id"] in seen:
                raise UserError(f"{path}: question id '{row['id']}' occurs twice: ids must be unique")
            seen.add(row["id"])
            if not group.has_room(row):
                writer.write_table(group.table(), row_group_size=ROWS_PER_GROUP)
                group = _Group(schema)
            group.add(row)
        if not seen:
            raise UserError(f"{path}: no questions: the source has no usable row")
        writer.write_table(group.table(), row_group_size=ROWS_PER_GROUP)
    return len(seen)


def read_questions(path: Path, images: bool = True) -> pd.DataFrame:
    """The table with one row per question; without `images` the columns of images are left out.

    An extended table has a column `n_images` too.

    Rows about the same image share its bytes, so that memory holds each image once.

    Raises:
        UserError: if the file is missing, truncated or damaged, or lacks a column or a cell.
    """
    texts = [name for name in SCHEMA.names if name != "image"]
    try:
        present = pq.read_schema(path).names
        missing = [name for name in (SCHEMA.names if images else texts) if name not in present]
        if missing:
            raise UserError(f"{path}: not a Question table, column '{missing[0]}' is missing: run `snakemake data`")
        with open_sealed(path) as file:
            more = [name for name in MORE.names if name in present and (images or name != "more_images")]
            cells = file.read([*texts, *more]).cast(pa.schema([EXTENDED.field(name) for name in [*texts, *more]]))
            if any(column.null_count for column in cells.columns):
                raise UserError(f"{path}: not a Question table, it has empty cells: run `snakemake data`")
            table = cells.to_pandas()
            if "more_images" in present:
                further = file.read(["more_images.list.element.path"]).column("more_images")
                table["n_images"] = [1 + len(names) for names in further.to_pylist()]
            if images:
                table.insert(SCHEMA.names.index("image"), "image", list(shared_images(file)))
            return table
    except FileNotFoundError:
        raise UserError(f"{path}: no such Question table: make it with `snakemake data`") from None
    except (pa.ArrowException, OSError, ValueError) as error:  # the last for texts that are no UTF-8
        reason = str(error).partition("\n")[0]
        raise UserError(f"{path}: not a whole parquet file ({reason}): delete it and run `snakemake data`") from None


def shared_images(file: pq.ParquetFile) -> Iterator[dict[str, Any]]:
    """The `image` value of each row; equal images share their bytes."""
    kept: dict[bytes, bytes] = {}
    for batch in file.iter_batches(AT_ONCE, columns=["image"]):
        for image in batch.column("image").cast(SCHEMA.field("image").type).to_pylist():
            content, name = image.values() if image else (None, None)
            yield {"bytes": content if content is None else kept.setdefault(content, content), "path": name}


def first_question(path: Path) -> dict[str, Any]:
    """The first row of a whole table, by column; the rest is not read."""
    with pq.ParquetFile(path, buffer_size=BUFFER, pre_buffer=False) as file:
        row: dict[str, Any] = next(file.iter_batches(1)).to_pylist()[0]
        return row


def kind_of(row: Any) -> str:
    """How the answer of a question, a row as a tuple with names, is judged: `choice`, or an open question's kind."""
    return str(getattr(row, "answer_kind", CHOICE))


def require_choices(questions: pd.DataFrame, where: str) -> None:
    """Make sure that all questions are multiple choice; `where` is the key of the config that needs it.

    Raises:
        UserError: if one is open.
    """
    if wrong := next((row for row in questions.itertuples() if kind_of(row) != CHOICE), None):
        raise UserError(
            f"{where}: question {wrong.id} is answered freely ({kind_of(wrong)}), and this needs options: set it to"
            " null, or ask questions of multiple choice"
        )


def count_images(row: Any) -> int:
    """How many images a question has, a row as a tuple with names."""
    return int(getattr(row, "n_images", 1))


def images_of(row: Any) -> list[dict[str, Any]]:
    """All images of a question, a row as a tuple with names, in their order; none where it is asked without."""
    return [row.image, *getattr(row, "more_images", ())] if row.image else []
