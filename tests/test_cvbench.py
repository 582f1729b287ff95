"""CV-Bench: taken as published, or refused with what differs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hub_server import Hub, hub
from paper_files import cvbench_files, cvbench_rows
from real_data import real_rows
from visualzero.config import CVBench
from visualzero.data.build import build_questions
from visualzero.data.cvbench import check_cvbench, read_cvbench
from visualzero.data.question import read_questions
from visualzero.errors import UserError
from visualzero.manifest import read_manifest
from visualzero.prompts import question_text

__all__ = ["hub"]  # the fixture
Row = dict[str, Any]


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return cvbench_rows()


def files(folder: Path, rows: list[Row]) -> list[Path]:
    contents = cvbench_files(rows)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in contents]


def test_cv_bench_comes_from_the_hub_and_becomes_a_table(hub: Hub, tmp_path: Path, rows: list[Row]) -> None:
    commit = hub.add("nyu-visionx/CV-Bench", {**cvbench_files(rows), "build_img.py": b"never fetched"})
    out = tmp_path / "cvbench.parquet"
    build_questions(CVBench(kind="cvbench", revision=commit), out, "f" * 16, "data.benchmarks.cvbench.source")
    table = read_questions(out)
    assert dict(table["task"].value_counts()) == {"Count": 788, "Relation": 650, "Depth": 600, "Distance": 600}
    assert list(table["id"]) == [f"cvbench-{idx}" for idx in range(2638)]
    for made, row in zip(table.itertuples(), rows, strict=True):
        assert question_text(made.question, list(made.choices), "lettered") == row["prompt"]
        assert f"({'ABCDEF'[made.answer_index]})" == row["answer"]
        assert made.image == {"bytes": row["image"]["bytes"], "path": f"{row['source']}/{row['source_filename']}"}
        assert made.source == row["source"]
    manifest = read_manifest(out.with_suffix(".json"))
    assert sorted(manifest["downloads"]) == ["test_2d.parquet", "test_3d.parquet"]
    assert {name for _, name, _ in hub.asked} == set(manifest["downloads"])


def test_the_pinned_revision_is_the_default() -> None:
    assert CVBench(kind="cvbench").revision == "bc284db50d036958861cb60cdd7b77612052ce0d"


def test_questions_about_the_same_photograph_are_one_cluster(tmp_path: Path, rows: list[Row]) -> None:
    made = list(read_cvbench(files(tmp_path, rows)))
    assert made[6]["image_id"] == made[7]["image_id"] == "ADE20K/00000006.jpg"
    assert made[8]["image_id"] != made[7]["image_id"]


def test_real_items_are_worded_as_the_check_expects() -> None:
    """Their `prompt` isn't in the sample; options, answers and sources are."""
    items = real_rows("cvbench_items_120.jsonl")
    for item in items:
        assert question_text(item["question"], item["choices"], "lettered").startswith(item["question"])
        assert item["answer"] in [f"({letter})" for letter in "ABCDEF"[: len(item["choices"])]]
        assert (item["source"] == "Omni3D") == (item["type"] == "3D") == (item["task"] in ("Depth", "Distance"))
        assert len(item["choices"]) in ((4, 5, 6) if item["task"] == "Count" else (2,))


def change(idx: int, **changes: Any) -> Callable[[list[Row]], list[Row]]:
    return lambda rows: [row | changes if row["idx"] == idx else row for row in rows]


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (lambda rows: rows[:-1], "2637 questions, not 2638"),
        (lambda rows: [*rows, rows[-1]], "2639 questions, not 2638"),
        (
            change(0, task="Relation"),
            "questions per task are {'Count': 787, 'Depth': 600, 'Distance': 600, 'Relation': 651}",
        ),
        (change(1, source="Flickr"), "sources are ADE20K, COCO, Flickr, Omni3D"),
        (change(2000, source="COCO"), "question 2000 (Depth) is from COCO"),
        (change(1500, choices=["a", "b", "c"]), "question 1500 has 3 options"),
        (change(3, answer="(E)"), "question 3 has the answer '(E)'"),
        (
            change(3, prompt="How many?"),
            "question 3 is asked as 'How many?', not as 'How many sofas are in the image? Sel",
        ),
        (lambda rows: [rows[1], rows[0], *rows[2:]], "the order of its rows has the fingerprint "),
    ],
)
def test_what_is_not_as_published_is_refused(
    tmp_path: Path, rows: list[Row], edit: Callable[[list[Row]], list[Row]], told: str
) -> None:
    with pytest.raises(UserError) as caught:
        check_cvbench(files(tmp_path, edit(rows)), "nyu-visionx/CV-Bench at bc284db")
    text = str(caught.value)
    assert text.startswith(f"nyu-visionx/CV-Bench at bc284db: is not CV-Bench as published: {told}")
    assert text.endswith(": set the benchmark's revision to the default")
    assert "\n" not in text


def test_a_question_of_the_wrong_half_is_refused(tmp_path: Path, rows: list[Row]) -> None:
    edited = [row | {"type": "3D"} if row["idx"] == 1437 else row for row in rows]
    with pytest.raises(UserError, match=r"question 1437 \(Relation\) is of type 3D"):
        check_cvbench(files(tmp_path, edited), "it")


def test_a_refused_benchmark_leaves_nothing(hub: Hub, tmp_path: Path, rows: list[Row]) -> None:
    commit = hub.add("nyu-visionx/CV-Bench", cvbench_files(rows[:-1]))
    out = tmp_path / "results" / "cvbench.parquet"
    with pytest.raises(UserError, match="2637 questions, not 2638"):
        build_questions(CVBench(kind="cvbench", revision=commit), out, "f" * 16, "key")
    assert not out.parent.exists()
