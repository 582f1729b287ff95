"""Rows of a data set's tables, by column, with their numbers.

Parquet is read a batch at a time, so that memory holds neither a file nor a row group. The labels of a class
(`datasets.ClassLabel`, noted in the file's schema) are given by their names.
"""

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from visualzero.data.hub_parquet import read_batches
from visualzero.data.tables import parse_json, read_records
from visualzero.errors import UserError

Row = dict[str, Any]
FIX = "correct `columns` or `where`"


def rows_of(path: Path, columns: Collection[str], name: str) -> Iterator[tuple[str, Row]]:
    """A place (`row 3`, `line 7`) and the wanted `columns` of each row; `name` says which table it is.

    Raises:
        UserError: if the file can't be read or has no such column.
    """
    if path.suffix == ".parquet":
        return _parquet(path, columns, name)
    return _json(path, columns, name)


def _parquet(path: Path, columns: Collection[str], name: str) -> Iterator[tuple[str, Row]]:
    try:
        labels = _labels(pq.read_schema(path))
        number = 0
        for batch in read_batches(path, list(columns), name, FIX):
            for row in batch.to_pylist():
                number += 1
                yield f"row {number}", row | {key: _named(row[key], labels[key]) for key in labels.keys() & row.keys()}
    except (pa.ArrowException, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise UserError(f"{name}: not a whole parquet file ({reason}): get it again") from None


def _labels(schema: pa.Schema) -> dict[str, list[str]]:
    """Names of the classes by column, where `datasets` has noted them."""
    try:
        features = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
        return {key: list(of["names"]) for key, of in features.items() if of.get("_type") == "ClassLabel"}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _named(value: Any, names: list[str]) -> Any:
    return names[value] if isinstance(value, int) and 0 <= value < len(names) else None


def _json(path: Path, columns: Collection[str], name: str) -> Iterator[tuple[str, Row]]:
    if path.suffix == ".jsonl":
        problems: list[str] = []
        records = [(f"line {record.line}", record.values) for record in read_records(path, problems)]
        if problems:
            raise UserError("\n".join(problem.replace(str(path), name) for problem in problems[:5]))
    else:
        records = [(f"row {number}", row) for number, row in enumerate(_list(path, name), 1)]
    known = {key for _, row in records for key in row}
    for column in columns:
        if column not in known:
            raise UserError(f"{name}: has no column '{column}' (has {', '.join(sorted(known))}): {FIX}")
    for place, row in records:
        yield place, {column: row.get(column) for column in columns}


def _list(path: Path, name: str) -> list[Row]:
    try:
        rows = parse_json(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise UserError(f"{name}: not JSON ({error}): get it again") from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UserError(f"{name}: not a list of objects: convert it to .jsonl, one object per line")
    return rows
