"""`strict` on 7,570 responses of five models to eleven tasks of BLINK, against BLINK's published letters.

`published_wrong.yaml` lists the rows whose published letter is not what the response says: at most 1 % of all.
"""

from collections import Counter
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from real_data import real_rows
from visualzero.evaluation.reading.answer import parse_answer


class Row(NamedTuple):
    """What was read, published and right, each an index or None; `listed`: the published letter is judged wrong."""

    model: str
    task: str
    read: int | None
    published: int | None
    right: int | None
    listed: bool


def index(letter: str) -> int | None:
    return None if letter[1] == "Z" else ord(letter[1]) - ord("A")


@cache
def judged_wrong() -> dict[str, set[int]]:
    """Numbers of rows by "model/task"."""
    found: dict[str, set[int]] = {}
    for group in yaml.safe_load(Path(__file__).with_name("published_wrong.yaml").read_text(encoding="utf-8")):
        for key, numbers in group["rows"].items():
            found.setdefault(key, set()).update(numbers)
    return found


@cache
def rows() -> list[Row]:
    seen: Counter[str] = Counter()
    found = []
    for row in real_rows("blink_other_tasks.jsonl"):
        key = f"{row['model']}/{row['task']}"
        read = parse_answer(row["response"], row["choices"]).prediction
        listed = seen[key] in judged_wrong().get(key, ())
        found.append(
            Row(row["model"], row["task"], read, index(row["official_prediction"]), index(row["answer"]), listed)
        )
        seen[key] += 1
    return found


def test_at_most_one_percent_is_listed_and_each_listed_row_is_one_that_is_read_otherwise():
    assert sum(row.listed for row in rows()) <= 0.01 * len(rows())
    assert all(row.read != row.published for row in rows() if row.listed)


def test_strict_reads_what_the_published_letters_say():
    assert len(rows()) == 7570
    assert sum(row.read == row.published for row in rows()) / len(rows()) >= 0.983
    kept = [row for row in rows() if not row.listed]
    assert sum(row.read == row.published for row in kept) / len(kept) >= 0.993


def test_hardly_any_response_is_read_as_what_it_does_not_say():
    wrong = [row for row in rows() if row.read not in (None, row.published) and not row.listed]
    assert len(wrong) <= 0.0005 * len(rows())


@pytest.mark.parametrize("model", ["GPT4o", "QwenVLMax", "Yi_VL_34B", "cogvlm-chat", "llava_v1.5_7b"])
def test_no_models_way_of_writing_costs_it_accuracy(model):
    some = [row for row in rows() if row.model == model]
    read = sum(row.read == row.right for row in some) / len(some)
    published = sum(row.published == row.right for row in some) / len(some)
    assert abs(read - published) <= 0.01


def test_no_task_is_read_worse_than_the_others():
    for task in {row.task for row in rows()}:
        some = [row for row in rows() if row.task == task and not row.listed]
        assert sum(row.read == row.published for row in some) / len(some) >= 0.975, task
