"""BLINK (arXiv 2404.12390): the two tasks on which the paper tests, validation split, questions with one image.

BLINK words its prompts itself, options included, so its questions are asked as they stand (`options: stated`).
"""

import hashlib
from collections.abc import Iterator, Mapping
from string import ascii_uppercase
from typing import Any

from visualzero.config import BLINK
from visualzero.data.hub_parquet import read_batches
from visualzero.data.reading import Reading
from visualzero.downloads import Download
from visualzero.errors import UserError
from visualzero.hub import Repo, fetch

TASKS = {"Relative_Depth": 124, "Spatial_Relation": 143}
COLUMNS = ("idx", "image_1", "image_2", "choices", "answer", "prompt")


def open_source(source: BLINK, key: str) -> Reading:
    """Download BLINK's two tasks and open them for reading."""
    names = {task: f"{task}/val-00000-of-00001.parquet" for task in TASKS}
    files = fetch(Repo("dataset", source.repo, source.revision, source.sha256, key), list(names.values()))
    return Reading(read_blink({task: files[name] for task, name in names.items()}, source.repo), files)


def read_blink(files: Mapping[str, Download], name: str) -> Iterator[dict[str, Any]]:
    """Rows of the Question table from each task's file.

    Raises:
        UserError: if a task hasn't as many questions with one image as published, or a prompt doesn't list its options.
    """
    for task, file in files.items():
        found = 0
        for batch in read_batches(file.path, COLUMNS, f"{name}/{task}"):
            for row in batch.to_pylist():
                if row["image_2"] is None:
                    found += 1
                    yield _question(row, task, name)
        if found != TASKS[task]:
            raise UserError(
                f"{name}: {task}: {found} questions with one image, not {TASKS[task]}: pin another revision"
            )


def _question(row: dict[str, Any], task: str, name: str) -> dict[str, Any]:
    letters = [f"({letter})" for letter in ascii_uppercase[: len(row["choices"])]]
    stated = all(f"{letter} {choice}" in row["prompt"] for letter, choice in zip(letters, row["choices"], strict=True))
    if not stated or row["answer"] not in letters:
        raise UserError(
            f"{name}: {row['idx']}: the prompt {row['prompt']!r} and the answer {row['answer']!r} don't fit the choices"
            f" {row['choices']}: pin another revision"
        )
    content = row["image_1"]["bytes"]
    return {
        "id": row["idx"],
        "source": "BLINK",
        "task": task,
        "image": {"bytes": content, "path": f"{row['idx']}.jpg"},
        "question": row["prompt"],
        "choices": row["choices"],
        "answer_index": letters.index(row["answer"]),
        "image_id": hashlib.sha256(content).hexdigest()[:16],
    }
