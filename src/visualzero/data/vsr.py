"""VSR (arXiv 2205.00363): statements about photographs, true or false; random split, test.

The hub has the statements only. The photographs are COCO's, and come one by one from the web server that a row names.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from visualzero.config import VSR
from visualzero.data.reading import Reading
from visualzero.downloads import Download, fetch_images
from visualzero.errors import UserError
from visualzero.hub import Repo, fetch

FILE = "test.jsonl"
ROWS = 2195
# The wording of the paper's evaluation; it lists the options itself (`options: stated`).
QUESTION = (
    'Please analyze the provided image. Does the statement "{caption}" accurately describes what you see?'
    " Choose from (A) True or (B) False."
)
CHOICES = ["True", "False"]


def open_source(source: VSR, key: str) -> Reading:
    """Download VSR with its photographs and open it for reading."""
    files = fetch(Repo("dataset", source.repo, source.revision, source.sha256, key), [FILE])
    rows = read_statements(files[FILE].path, source.repo)
    images = fetch_images((row["image_link"] for row in rows), "vsr", key)
    return Reading(vsr_rows(rows, images), {**files, **images})


def read_statements(path: Path, name: str) -> list[dict[str, Any]]:
    """The rows of VSR's test file.

    Raises:
        UserError: if there are not as many as published, or one lacks its caption, label or link.
    """
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
    if len(rows) != ROWS:
        raise UserError(f"{name}/{FILE}: {len(rows)} statements, not {ROWS}: pin another revision")
    for number, row in enumerate(rows, 1):
        if not row.get("caption") or not row.get("image_link") or row.get("label") not in (0, 1):
            raise UserError(
                f"{name}/{FILE}:{number}: needs caption, image_link and a label 0 or 1: pin another revision"
            )
    return rows


def vsr_rows(rows: Sequence[dict[str, Any]], images: Mapping[str, Download]) -> Iterator[dict[str, Any]]:
    """Rows of the Question table; statements about the same photograph share their image_id."""
    for number, row in enumerate(rows):
        yield {
            "id": f"vsr-{number}",
            "source": "VSR",
            "task": "Statement",
            "image": {"bytes": images[row["image_link"]].path.read_bytes(), "path": row["image"]},
            "question": QUESTION.format(caption=row["caption"]),
            "choices": CHOICES,
            "answer_index": 0 if row["label"] == 1 else 1,
            "image_id": row["image"],
        }
