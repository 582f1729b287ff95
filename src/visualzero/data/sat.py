"""SAT (arXiv 2412.07755): questions on rendered rooms, straight from the hub's parquet file, a batch at a time.

Columns: image_bytes list<binary> (one JPEG, or two for questions on motion), question, answers list<string> (the right
one first), question_type ("other": about a static scene), correct_answer. Questions with one image become rows; the
paper's scripts keep the same ones, by way of CSV and regular expressions.
"""

import hashlib
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from visualzero.config import SAT
from visualzero.data.hub_parquet import read_batches
from visualzero.data.reading import Reading
from visualzero.errors import UserError
from visualzero.evaluation.reading.alike import same_to_the_reader
from visualzero.hub import Repo, fetch

TEXTS = ("question", "answers", "question_type", "correct_answer")
FIRST = 15_000  # rows that the paper's script reads
BALANCED = {"Count": 800, "Depth": 800, "Relation": 800}  # commented out in the script's first upload
# A defect of the data, which SAT's own loader removes too: answers on a single image that speak of a first one.
STRAY = "in the first frame"


def open_source(source: SAT, key: str) -> Reading:
    """Download SAT's file and open it for reading."""
    repo = Repo("dataset", source.repo, source.revision, source.sha256, key)
    files = fetch(repo, [source.file])
    left_out: Counter[str] = Counter()
    return Reading(read_sat(source, files[source.file].path, left_out), files, left_out)


def read_sat(source: SAT, path: Path, left_out: Counter[str]) -> Iterator[dict[str, Any]]:
    """Rows of the Question table from SAT's parquet file at `path`, in its order; `left_out` counts what is unusable.

    The choices' order depends on the seed and the row's number only, so a row's is the same under every policy.

    Raises:
        UserError: if the file lacks a column, or for balanced_2400 has too few questions of a kind.
    """
    kept: Counter[str] = Counter()
    for number, texts, image in _single_images(source, path, left_out):
        task = _task(texts["question"], texts["question_type"])
        if source.policy == "static" and texts["question_type"] != "other":
            continue
        if source.policy == "balanced_2400" and kept[task] >= BALANCED.get(task, 0):
            continue
        choices = [_tidy(answer) for answer in texts["answers"]]
        right = _tidy(texts["correct_answer"])
        if len(choices) < 2 or "" in choices or same_to_the_reader(choices):
            left_out["fewer than two distinct choices"] += 1
            continue
        if right not in choices:
            left_out["the right answer is not among the choices"] += 1
            continue
        name = f"sat-{number}"
        random.Random(f"{source.seed}/{name}").shuffle(choices)
        content = image.as_py()
        yield {
            "id": name,
            "source": "SAT",
            "task": task,
            "image": {"bytes": content, "path": f"{name}.jpg"},
            "question": texts["question"],
            "choices": choices,
            "answer_index": choices.index(right),
            "image_id": hashlib.sha256(content).hexdigest()[:16],
        }
        kept[task] += 1
        if kept.total() == source.n or (source.policy == "balanced_2400" and kept == BALANCED):
            return
    if source.policy == "balanced_2400" and kept != BALANCED:
        found = ", ".join(f"{kept[task]} of {task}" for task in BALANCED)
        raise UserError(f"{source.repo}: {source.file}: balanced_2400 needs 800 of each kind, has {found}: set policy")


def _single_images(source: SAT, path: Path, left_out: Counter[str]) -> Iterator[tuple[int, dict[str, Any], Any]]:
    """Row number, texts and image (an Arrow scalar, not yet copied) of each row with exactly one image."""
    start = 0
    for batch in read_batches(path, ("image_bytes", *TEXTS), f"{source.repo}/{source.file}"):
        if source.policy == "first_15000":
            batch = batch.slice(0, FIRST - start)
        single = pc.fill_null(pc.equal(pc.list_value_length(batch["image_bytes"]), 1), False)
        if others := len(batch) - single.true_count:
            left_out["not exactly one image"] += others
        numbers = [start + index for index, one in enumerate(single.to_pylist()) if one]
        chosen = batch.filter(single)
        yield from zip(numbers, chosen.select(TEXTS).to_pylist(), chosen["image_bytes"].flatten(), strict=True)
        start += len(batch)
        if source.policy == "first_15000" and start == FIRST:
            return


def _task(question: str, kind: str) -> str:
    """CV-Bench's name for a question of the same kind (by the words of the script's first upload), else SAT's own."""
    text = question.lower()
    if "how many" in text:
        return "Count"
    if "camera" in text:
        return "Depth"
    return "Relation" if "relative position" in text else kind


def _tidy(answer: str) -> str:
    return " ".join(answer.replace(STRAY, "").split())
