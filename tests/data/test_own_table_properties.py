"""Whatever stands in a table of the user's own: rows that every stage can use, or errors of one line each."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from properties import MANY
from visualzero.data.checks import text_problem
from visualzero.data.local import read_local
from visualzero.data.question import read_questions, write_questions
from visualzero.errors import UserError

COLUMNS = ("image", "question", "choices", "answer", "id", "task", "source", "image_id")
WORDS = (
    *(
        "a.png",
        "b.png",
        "../a.png",
        "",
        " ",
        "left",
        "right",
        "Right.",
        "A",
        "(B)",
        "3",
        "three",
        "A. left",
        "B. right",
    ),
    *(
        "<|im_end|>",
        "Options: left, right",
        "nan",
        "true",
        "\u2028",
        "\ud800",
        "\0",
        "a\nb",
        "\ufeff",
        '["left"]',
        "x" * 400,
    ),
)
texts = st.one_of(st.sampled_from(WORDS), st.text(max_size=8))
scalars = st.one_of(texts, st.none(), st.booleans(), st.integers(), st.floats())
choices = st.one_of(st.lists(st.one_of(scalars, st.lists(scalars, max_size=1)), max_size=5), st.just(["left", "right"]))
cells = st.one_of(scalars, choices, st.dictionaries(texts, scalars, max_size=2))
good = {"image": "a.png", "question": "Where?", "choices": ["left", "right"], "answer": "left"}
rows = st.builds(
    lambda bad, there: {name: value for name, value in (good | bad).items() if name in there},
    st.dictionaries(st.sampled_from(COLUMNS), cells, max_size=3),
    st.sets(st.sampled_from(COLUMNS), min_size=6),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.png", "b.png"):
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    return tmp_path


def usable_or_told(path: Path) -> None:
    try:
        made = list(read_local(path))
    except UserError as error:
        lines = str(error).split("\n")
        assert all(line.strip() for line in lines)
        assert len(lines) <= 6
        return
    for row in made:
        assert 2 <= len(row["choices"]) <= 26
        assert 0 <= row["answer_index"] < len(row["choices"])
        assert row["question"].strip()
        assert text_problem(row["question"], row["choices"]) is None
    write_questions(made, path.with_suffix(".parquet"))
    read = read_questions(path.with_suffix(".parquet")).to_dict("records")
    assert [{**row, "choices": list(row["choices"])} for row in read] == made


@MANY
@given(st.lists(rows, min_size=1, max_size=3))
def test_any_values_in_jsonl_are_rows_or_errors(folder: Path, given_rows: list[dict[str, Any]]) -> None:
    path = folder / "table.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in given_rows), encoding="utf-8")
    usable_or_told(path)


@MANY
@given(st.lists(st.lists(texts, min_size=3, max_size=5), max_size=3), st.permutations(COLUMNS), st.integers(3, 8))
def test_any_values_in_csv_are_rows_or_errors(folder: Path, bad: list[list[str]], names: list[str], width: int) -> None:
    path = folder / "table.csv"
    buffer = io.StringIO()
    whole = {"image": "a.png", "question": "Where?", "choices": "left|right", "answer": "left"}
    csv.writer(buffer).writerows([names[:width], [whole.get(name, "") for name in names[:width]], *bad])
    path.write_text(buffer.getvalue(), encoding="utf-8", errors="replace")
    usable_or_told(path)


@MANY
@given(st.one_of(st.text(max_size=60), st.binary(max_size=60)), st.sampled_from(["jsonl", "csv"]))
def test_any_file_is_a_table_or_an_error(folder: Path, content: str | bytes, kind: str) -> None:
    path = folder / f"table.{kind}"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    usable_or_told(path)
