"""The Question table: what every source becomes and all that later stages read.

One parquet file per data set; images are embedded as encoded bytes, in the layout of `datasets.Image`, so that
`datasets.load_dataset("parquet", ...)` shows them too.

    id            str        unique
    source        str        where the image comes from; official scores weigh sources
    task          str        Count, Relation, Depth, Distance or a name of the user's
    image         struct     bytes (PNG or JPEG), path (a name for humans)
    question      str        without its options
    choices       list[str]  at least two
    answer_index  int        index of the right choice
    image_id      str        questions about the same image share it
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

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
ROWS_PER_GROUP = 256


def write_questions(rows: Iterable[dict[str, Any]], path: Path) -> int:
    """Write rows atomically and return how many there were; memory holds one row group at a time.

    Raises:
        UserError: if there are no rows or an id occurs twice.
    """
    seen: set[str] = set()
    pending: list[dict[str, Any]] = []
    with atomic(path) as temporary, pq.ParquetWriter(temporary, SCHEMA) as writer:

        def flush() -> None:
            if pending:
                writer.write_table(pa.Table.from_pylist(pending, SCHEMA))
                pending.clear()

        for row in rows:
            if row["id"] in seen:
                raise UserError(f"{path}: question id '{row['id']}' occurs twice: ids must be unique")
            seen.add(row["id"])
            pending.append(row)
            if len(pending) == ROWS_PER_GROUP:
                flush()
        flush()
        if not seen:
            raise UserError(f"{path}: no questions: the source has no usable row")
    return len(seen)


def read_questions(path: Path, images: bool = True) -> pd.DataFrame:
    """The table with one row per question; without `images` that column is left out.

    Raises:
        UserError: if the file is missing, truncated or lacks a column.
    """
    columns = [name for name in SCHEMA.names if images or name != "image"]
    try:
        present = pq.read_schema(path).names
        missing = [name for name in columns if name not in present]
        if missing:
            raise UserError(f"{path}: not a Question table, column '{missing[0]}' is missing: run `snakemake data`")
        return pq.read_table(path, columns=columns).to_pandas()
    except FileNotFoundError:
        raise UserError(f"{path}: no such Question table: make it with `snakemake data`") from None
    except (pa.ArrowInvalid, OSError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{path}: not a whole parquet file ({reason}): delete it and run `snakemake data`") from None


def first_question(path: Path) -> dict[str, Any]:
    """The first row of a whole table, by column; the rest is not read."""
    row: dict[str, Any] = next(pq.ParquetFile(path).iter_batches(1)).to_pylist()[0]
    return row
