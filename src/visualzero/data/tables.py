"""Rows of a user's table, JSONL or CSV, with the lines they stand on.

A number of JSON is the text that it is written as (`1.10` stays so), and NaN, which pandas writes for a cell without a
value, is an empty cell.
"""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visualzero.errors import UserError

COLUMNS = ("image", "question", "choices", "answer")


@dataclass(frozen=True)
class Record:
    """A row: the line it begins on, its number among the rows (both from 1), and its values by column."""

    line: int
    number: int
    values: dict[str, Any]


def read_records(table: Path, problems: list[str]) -> Iterator[Record]:
    """The rows of a table; what is wrong with single rows is added to `problems`.

    In CSV, `choices` is a JSON list or texts separated by `|`, and becomes a list. Values are texts, true, false, None,
    and lists and mappings of these.

    Raises:
        UserError: if the whole table can't be used.
    """
    suffix = table.suffix.lower()
    if suffix not in {".jsonl", ".csv"}:
        raise UserError(f"{table}: a table is .jsonl or .csv, not '{table.suffix}': convert or rename it")
    try:
        text = table.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{table}: not UTF-8 (byte {error.start}): save it as UTF-8") from None
    except OSError as error:
        raise UserError(f"{table}: can't be read ({error.strerror}): check the file's permissions") from None
    if not text.strip():
        raise UserError(f"{table}: the file is empty: add a row with {', '.join(COLUMNS)}")
    return (_csv if suffix == ".csv" else _jsonl)(table, text, problems)


def _jsonl(table: Path, text: str, problems: list[str]) -> Iterator[Record]:
    number = 0
    for line, content in enumerate(text.split("\n"), 1):
        if not content.strip():
            continue
        number += 1
        try:
            values = parse_json(content)
        except ValueError as error:
            problems.append(f"{table}:{line}: not JSON ({error}): write one object per line")
            continue
        if isinstance(values, dict):
            yield Record(line, number, values)
        else:
            problems.append(f"{table}:{line}: not a JSON object: write {{...}} with {', '.join(COLUMNS)}")


def _csv(table: Path, text: str, problems: list[str]) -> Iterator[Record]:
    rows = _csv_rows(table, text)
    line, header = next(rows, (1, []))
    header = [name.strip() for name in header]
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        found = ", ".join(header)
        raise UserError(
            f"{table}:{line}: no column {', '.join(missing)} (there are: {found}): add it to the first line"
        )
    if twice := [name for name in COLUMNS if header.count(name) > 1]:
        raise UserError(f"{table}:{line}: two columns are called {twice[0]}: keep one")
    for number, (line, cells) in enumerate(rows, 1):
        if len(cells) != len(header):
            problems.append(
                f"{table}:{line}: {len(cells)} cells for {len(header)} columns: put quotes around cells with commas"
            )
            continue
        values: dict[str, Any] = dict(zip(header, cells, strict=True))
        values["choices"] = _split(values["choices"])
        yield Record(line, number, values)


def _csv_rows(table: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """Rows that aren't blank with the lines they begin on; a cell may hold line breaks."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise UserError(f"{table}:{line}: not CSV ({error}): check the quotes from this line on") from None


def _split(choices: str) -> Any:
    """A list from a CSV cell; the text itself if it begins like JSON and isn't."""
    if choices.lstrip().startswith("["):
        try:
            return parse_json(choices)
        except ValueError:
            return choices
    return choices.split("|") if choices.strip() else None


def parse_json(text: str) -> Any:
    """JSON with numbers as the texts that they are written as, and NaN as None.

    Raises:
        ValueError: with the cause, in a few words.
    """
    try:
        return json.loads(
            text, parse_int=str, parse_float=str, parse_constant=_constant, object_pairs_hook=_without_twins
        )
    except json.JSONDecodeError as error:
        raise ValueError(f"{error.msg}, column {error.colno}") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _constant(name: str) -> None:
    if name != "NaN":
        raise ValueError(f"{name} is no value")


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key '{next(name for name in names if names.count(name) > 1)}' stands twice")
    return found
