"""BLINK: the two tasks of the paper, in BLINK's own words."""

from pathlib import Path
from typing import Any

import pytest

from hub_server import Hub, hub
from paper_files import BLINK_SCHEMA, blink_files, blink_rows, parquet
from real_data import real_rows
from visualzero.config import BLINK
from visualzero.data.build import build_questions
from visualzero.data.question import read_questions
from visualzero.errors import UserError
from visualzero.prompts import question_text

__all__ = ["hub"]  # the fixture
KEY = "data.benchmarks.blink.source"


def published(hub: Hub, files: dict[str, bytes]) -> BLINK:
    return BLINK(kind="blink", revision=hub.add("BLINK-Benchmark/BLINK", files))


def test_blink_comes_from_the_hub_and_becomes_a_table(hub: Hub, tmp_path: Path) -> None:
    source = published(hub, {**blink_files(), "Counting/val-00000-of-00001.parquet": b"never fetched"})
    build_questions(source, tmp_path / "blink.parquet", "f" * 16, KEY)
    table = read_questions(tmp_path / "blink.parquet")
    assert dict(table["task"].value_counts()) == {"Spatial_Relation": 143, "Relative_Depth": 124}
    first = table.iloc[0]
    assert (first.id, list(first.choices), first.answer_index) == (
        "val_Relative_Depth_1",
        ["A is closer", "B is closer"],
        1,
    )
    assert question_text(first.question, list(first.choices), "stated") == (
        "Two points are circled on the image, labeled by A and B beside each circle. Which point is closer to the "
        "camera?\nSelect from the following choices.\n(A) A is closer\n(B) B is closer"
    )


def test_the_counts_are_those_of_the_published_outputs() -> None:
    rows = [row for row in real_rows("blink_model_outputs.jsonl") if row["model"] == "GPT4o" and row["split"] == "val"]
    found = {
        task: {row["idx"] for row in rows if row["task"] == task} for task in ("Relative_Depth", "Spatial_Relation")
    }
    assert {task: len(ids) for task, ids in found.items()} == {"Relative_Depth": 124, "Spatial_Relation": 143}
    assert {row["idx"] for row in blink_rows("Relative_Depth", 124) if row["image_2"] is None} == found[
        "Relative_Depth"
    ]


@pytest.mark.parametrize("n", [123, 125])
def test_another_number_of_questions_is_refused(hub: Hub, tmp_path: Path, n: int) -> None:
    source = published(hub, blink_files({"Relative_Depth": n, "Spatial_Relation": 143}))
    with pytest.raises(UserError, match=f"BLINK: Relative_Depth: {n} questions with one image, not 124: pin another"):
        build_questions(source, tmp_path / "blink.parquet", "f" * 16, KEY)
    assert not (tmp_path / "blink.parquet").exists()


@pytest.mark.parametrize(
    "changes", [{"answer": "(C)"}, {"prompt": "Which point is closer?"}, {"choices": ["B is closer", "A is closer"]}]
)
def test_a_prompt_that_does_not_fit_its_choices_is_refused(hub: Hub, tmp_path: Path, changes: dict[str, Any]) -> None:
    rows = blink_rows("Relative_Depth", 124)
    rows[4] |= changes
    files = blink_files() | {"Relative_Depth/val-00000-of-00001.parquet": parquet(rows, BLINK_SCHEMA)}
    with pytest.raises(UserError, match=r"val_Relative_Depth_5: the prompt .* don't fit the choices"):
        build_questions(published(hub, files), tmp_path / "blink.parquet", "f" * 16, KEY)
