"""The history of a run while it trains: a file of JSON lines in its work folder, read by whoever watches.

The first line names the run and how many steps it takes; each further one is a row of the history. A trainer that goes
on from a checkpoint writes the rows of that checkpoint first, so no step is there twice. What a trainer was writing
when it was ended is half a line, which no reader takes for one. Results don't depend on this file.
"""

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LIVE = "live.jsonl"

Row = dict[str, Any]


@dataclass(frozen=True)
class LiveLog:
    """A run such as `base-grpo/1`, the steps that it takes in all, and the rows of those that it has logged."""

    run: str
    steps: int
    rows: list[Row]


def write_live(file: Path, run: str, steps: int, rows: list[Row]) -> None:
    """Write all of it anew, under another name until it is whole."""
    begun = file.with_name(f".{file.name}")
    begun.write_text(_lines([{"run": run, "steps": steps}, *rows]), encoding="utf-8")
    begun.replace(file)


def append_live(file: Path, row: Row) -> None:
    """Add a row. The file is closed each time, so that other machines see it on a network file system too."""
    with file.open("a", encoding="utf-8") as stream:
        stream.write(_lines([row]))


def read_live(file: Path) -> LiveLog | None:
    """What is written so far; None if there is no such file, or not even its first line.

    Raises:
        OSError: if it is there and can't be read.
    """
    try:
        head, *rows = _objects(file.read_bytes())
        return LiveLog(head["run"], head["steps"], rows)
    except FileNotFoundError:
        return None
    except (ValueError, KeyError):  # no line yet, or another file's
        return None


def _objects(content: bytes) -> list[Row]:
    """What the lines that are whole hold."""
    found = []
    for line in content.split(b"\n")[:-1]:
        with contextlib.suppress(ValueError):
            found.append(json.loads(line))
    return [row for row in found if isinstance(row, dict)]


def _lines(rows: list[Row]) -> str:
    return "".join(f"{json.dumps(row)}\n" for row in rows)
