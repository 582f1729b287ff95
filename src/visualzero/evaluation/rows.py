"""Rows of JSONL files: reading them with their line numbers, writing all or none."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from visualzero.errors import UserError
from visualzero.manifest import atomic


def numbered_rows(path: Path, *, missing: str, broken: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows of a JSONL file, each with the number of its line; empty lines are no rows.

    `missing` and `broken` say what to do about a file that isn't there and a line that is no JSON object.

    Raises:
        UserError: if that is so, or the file can't be read.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")  # not splitlines: texts may hold U+2028
    except FileNotFoundError:
        raise UserError(f"{path}: no such file: {missing}") from None
    except OSError as error:
        raise UserError(f"{path}: can't be read ({error.strerror}): {missing}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: no text in UTF-8 ({error.reason} at byte {error.start}): {broken}") from None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UserError(f"{path}:{number}: no JSON ({error}): {broken}") from None
        if not isinstance(row, dict):
            raise UserError(f"{path}:{number}: no JSON object: {broken}")
        yield number, row


def write_rows(rows: Iterable[Mapping[str, Any]], path: Path) -> None:
    """Write rows, all or none; half a character (a lone surrogate) stays the escape that it was in JSON."""
    with atomic(path) as temporary, temporary.open("w", encoding="utf-8", errors="backslashreplace") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
