"""CV-Bench (arXiv 2406.16860): 2638 questions on Count, Relation, Depth and Distance, checked to be as published.

An accuracy can be compared with the paper's only if it is over the same questions in the same words. So the counts, the
sources, the options, the order of the rows and the text of every prompt are asserted before a row is handed out.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from visualzero.config import CVBench
from visualzero.data.hub_parquet import read_batches
from visualzero.data.reading import Reading
from visualzero.errors import UserError
from visualzero.hub import Repo, fetch
from visualzero.prompts import question_text

FILES = ("test_2d.parquet", "test_3d.parquet")
TEXTS = ("idx", "type", "task", "question", "choices", "answer", "prompt", "source", "source_filename")
TASKS = {"Count": 788, "Relation": 650, "Depth": 600, "Distance": 600}
# Of each task: 2D or 3D, the sources of its images, how many options its questions may have.
KINDS = {
    "Count": ("2D", {"ADE20K", "COCO"}, {4, 5, 6}),
    "Relation": ("2D", {"ADE20K", "COCO"}, {2}),
    "Depth": ("3D", {"Omni3D"}, {2}),
    "Distance": ("3D", {"Omni3D"}, {2}),
}
# sha1 of the idx column, joined with commas, which CV-Bench's authors check too (vision-x-nyu/test-set-training).
ORDER = "02535f1c609db8bba7c6bd64d9a78b9aa3d0fa3a"


def open_source(source: CVBench, key: str) -> Reading:
    """Download CV-Bench, check it and open it for reading."""
    files = fetch(Repo("dataset", source.repo, source.revision, source.sha256, key), FILES)
    paths = [files[name].path for name in FILES]
    check_cvbench(paths, f"{source.repo} at {source.revision}")
    return Reading(read_cvbench(paths), files)


def check_cvbench(paths: Sequence[Path], name: str) -> None:
    """Assert that the files hold CV-Bench as published; images aren't looked at.

    Raises:
        UserError: with the first thing that differs; `name` says which repository and commit were read.
    """
    rows = [row for path in paths for batch in read_batches(path, TEXTS, name) for row in batch.to_pylist()]

    def expect(true: bool, what: str) -> None:
        if not true:
            raise UserError(
                f"{name}: is not CV-Bench as published: {what}: set the benchmark's revision to the default"
            )

    expect(len(rows) == sum(TASKS.values()), f"{len(rows)} questions, not {sum(TASKS.values())}")
    tasks = dict(sorted(Counter(row["task"] for row in rows).items()))
    expect(tasks == TASKS, f"questions per task are {tasks}, not {TASKS}")
    sources = {row["source"] for row in rows}
    expect(sources == {"ADE20K", "COCO", "Omni3D"}, f"sources are {', '.join(sorted(sources))}")
    for row in rows:
        half, of_task, counts = KINDS[row["task"]]
        expect(row["type"] == half, f"question {row['idx']} ({row['task']}) is of type {row['type']}")
        expect(row["source"] in of_task, f"question {row['idx']} ({row['task']}) is from {row['source']}")
        expect(len(row["choices"]) in counts, f"question {row['idx']} has {len(row['choices'])} options")
        expect(row["answer"] in _letters(row["choices"]), f"question {row['idx']} has the answer {row['answer']!r}")
        text = question_text(row["question"], row["choices"], "lettered")
        expect(row["prompt"] == text, f"question {row['idx']} is asked as {row['prompt']!r}, not as {text!r}")
    order = hashlib.sha1(",".join(str(row["idx"]) for row in rows).encode()).hexdigest()
    expect(order == ORDER, f"the order of its rows has the fingerprint {order}")


def read_cvbench(paths: Sequence[Path]) -> Iterator[dict[str, Any]]:
    """Rows of the Question table; questions about the same photograph share their image_id."""
    for path in paths:
        for batch in read_batches(path, ("image", *TEXTS), path.name):
            for row in batch.to_pylist():
                photograph = f"{row['source']}/{row['source_filename']}"
                yield {
                    "id": f"cvbench-{row['idx']}",
                    "source": row["source"],
                    "task": row["task"],
                    "image": {"bytes": row["image"]["bytes"], "path": photograph},
                    "question": row["question"],
                    "choices": row["choices"],
                    "answer_index": _letters(row["choices"]).index(row["answer"]),
                    "image_id": photograph,
                }


def _letters(choices: Sequence[str]) -> list[str]:
    return [f"({letter})" for letter in ascii_uppercase[: len(choices)]]
