"""The Question table: what is written is read, in full or not at all, and a bad table is told in one line."""

import io
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Dataset, load_dataset
from datasets import Image as ImageFeature
from PIL import Image

from visualzero.config import ToySpace
from visualzero.data import question
from visualzero.data.build import build_questions
from visualzero.data.question import ROWS_PER_GROUP, SCHEMA, read_questions, write_questions
from visualzero.data.reading import Reading
from visualzero.data.sealed import sealed_writer
from visualzero.errors import UserError


def picture(color: str = "red", format: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (28, 14), color).save(buffer, format)
    return buffer.getvalue()


def row(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"q-{number}",
        "source": "shelf",
        "task": "Count",
        "image": {"bytes": picture(), "path": f"shelf/{number}.png"},
        "question": "How many „große“ Gläser are there?",
        "choices": ["1", "two", "3"][: 2 + number % 2],
        "answer_index": number % 2,
        "image_id": f"shelf-{number // 2}",
        **changes,
    }


def one_line(caught: pytest.ExceptionInfo[UserError]) -> str:
    text = str(caught.value)
    assert "\n" not in text
    return text


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "table.parquet"
    write_questions([row(number) for number in range(5)], path)
    return path


def test_what_is_written_is_read(tmp_path: Path) -> None:
    rows = [row(number) for number in range(2 * ROWS_PER_GROUP + 3)]
    path = tmp_path / "new" / "folder" / "table.parquet"
    assert write_questions(iter(rows), path) == len(rows)
    read = read_questions(path).to_dict("records")
    assert [{**one, "choices": list(one["choices"])} for one in read] == rows
    assert list(read_questions(path).columns) == SCHEMA.names


def test_images_can_be_left_unread(table: Path) -> None:
    assert list(read_questions(table, images=False).columns) == [name for name in SCHEMA.names if name != "image"]


def test_the_same_rows_give_the_same_bytes(table: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.parquet"
    write_questions([row(number) for number in range(5)], again)
    assert again.read_bytes() == table.read_bytes()


def test_datasets_sees_images_and_lists(table: Path, tmp_path: Path) -> None:
    loaded = load_dataset("parquet", data_files=str(table), split="train", cache_dir=str(tmp_path / "cache"))
    for data in (loaded, Dataset.from_parquet(str(table), cache_dir=str(tmp_path / "cache"))):
        assert isinstance(data.features["image"], ImageFeature)
        assert data[1]["image"].size == (28, 14)
        assert data[1]["image"].convert("RGB").getpixel((3, 3)) == (255, 0, 0)
        assert data[1]["choices"] == ["1", "two", "3"]


def test_an_image_is_stored_and_read_once_however_many_questions_are_about_it(tmp_path: Path) -> None:
    images = [random.Random(n).randbytes(50_000) for n in range(20)]
    rows = [row(n, image={"bytes": bytes(bytearray(images[n // 20])), "path": None}) for n in range(400)]
    path = tmp_path / "table.parquet"
    write_questions(iter(rows), path)
    assert path.stat().st_size < 1.1 * 20 * 50_000
    read = read_questions(path)["image"]
    assert [image["bytes"] for image in read] == [one["image"]["bytes"] for one in rows]
    assert len({id(image["bytes"]) for image in read}) == 20


def test_row_groups_are_cut_by_the_bytes_of_their_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(question, "BYTES_PER_GROUP", 1000)
    monkeypatch.setattr(question, "UNSHARED_PER_GROUP", 2500)
    sizes = [400, 400, 400, 3000, 400, 400]  # rows by threes are about the same image
    contents = [random.Random(n).randbytes(size) for n, size in enumerate(sizes)]
    rows = [row(n, image={"bytes": contents[n // 3], "path": None}) for n in range(18)]
    path = tmp_path / "table.parquet"
    write_questions(iter(rows), path)
    file = pq.ParquetFile(path)
    groups = [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)]
    assert groups == [6, 3, 1, 1, 1, 6]  # two images, one, the large one alone, two
    assert read_questions(path)["id"].tolist() == [one["id"] for one in rows]
    assert file.schema_arrow.field("image").type == SCHEMA.field("image").type


def test_a_table_of_more_images_than_memory_may_hold_is_written_in_little(tmp_path: Path) -> None:
    """What is pending never exceeds a row group: rows are drawn only as groups are written."""
    drawn = 0

    def rows() -> Iterator[dict[str, Any]]:
        nonlocal drawn
        for drawn in range(40):
            yield row(drawn, image={"bytes": bytes([drawn]) * (1 << 20), "path": None})

    held: list[int] = []
    real = question._Group.table

    def table(group: Any) -> Any:
        held.append(sum(map(len, group.images)))
        return real(group)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(question._Group, "table", table)
        write_questions(rows(), tmp_path / "table.parquet")
    assert drawn == 39
    assert sum(held) == 40 << 20
    assert max(held) <= question.BYTES_PER_GROUP


def test_an_id_given_twice_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        write_questions([row(1), row(2), row(1)], tmp_path / "table.parquet")
    assert "'q-1' occurs twice" in one_line(caught)
    assert files(tmp_path) == []


def test_a_source_without_rows_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        write_questions([], tmp_path / "table.parquet")
    assert "no questions" in one_line(caught)
    assert files(tmp_path) == []


def test_a_source_that_breaks_off_leaves_the_old_table_alone(table: Path) -> None:
    def broken() -> Iterator[dict[str, Any]]:
        yield from (row(number) for number in range(ROWS_PER_GROUP + 1))
        raise ConnectionError("the line went dead")

    before = table.read_bytes()
    with pytest.raises(ConnectionError):
        write_questions(broken(), table)
    assert table.read_bytes() == before
    assert files(table.parent) == [table.name]


def test_a_missing_table_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        read_questions(tmp_path / "none.parquet")
    assert "no such Question table" in one_line(caught)


@pytest.mark.parametrize("left", [0, 3, 200])
def test_a_truncated_table_is_told(table: Path, left: int) -> None:
    table.write_bytes(table.read_bytes()[:left])
    with pytest.raises(UserError) as caught:
        read_questions(table)
    assert f"{table}: not a whole parquet file" in one_line(caught)


def replace(path: Path, column: str, values: pa.Array) -> None:
    """Write a table again with other values in a column, sealed as it was."""
    whole = pq.read_table(path).replace_schema_metadata()
    changed = whole.set_column(whole.column_names.index(column), column, values)
    with sealed_writer(path, changed.schema) as writer:
        writer.write_table(changed)


@pytest.mark.parametrize("column", ["answer_index", "choices"])
def test_an_empty_cell_is_told(table: Path, column: str) -> None:
    replace(table, column, pa.array([None] * 5, SCHEMA.field(column).type))
    with pytest.raises(UserError) as caught:
        read_questions(table)
    assert f"{table}: not a Question table, it has empty cells: run" in one_line(caught)


@pytest.mark.parametrize("values", [["one"] * 5, [[1]] * 5])
def test_cells_of_another_kind_are_told(table: Path, values: list[Any]) -> None:
    replace(table, "answer_index", pa.array(values))
    with pytest.raises(UserError) as caught:
        read_questions(table)
    assert f"{table}: not a whole parquet file" in one_line(caught)


def test_a_flipped_bit_before_the_footer_is_told(table: Path) -> None:
    whole = table.read_bytes()
    pages = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    for place in range(4, pages, 17):
        table.write_bytes(whole[:place] + bytes([whole[place] ^ 8]) + whole[place + 1 :])
        with pytest.raises(UserError, match="its pages don't have the digest that they were written with"):
            read_questions(table)


def test_a_table_that_something_else_has_written_is_told(table: Path) -> None:
    pq.write_table(pq.read_table(table).replace_schema_metadata(), table)
    with pytest.raises(UserError, match=r"not a whole parquet file \(it lacks the digest of its pages\): delete it"):
        read_questions(table)


def test_names_that_are_no_text_are_told(table: Path) -> None:
    """Found by fuzzing: pyarrow decodes a column's path as UTF-8, whatever the file says."""
    table.write_bytes(table.read_bytes().replace(b"image_id", b"image\x80id"))
    with pytest.raises(UserError) as caught:
        read_questions(table)
    assert f"{table}: not a whole parquet file ('utf-8' codec can't decode byte 0x80" in one_line(caught)


@pytest.mark.parametrize("column", ["choices", "image"])
def test_a_missing_column_is_named(table: Path, column: str) -> None:
    pq.write_table(pq.read_table(table).drop_columns([column]), table)
    with pytest.raises(UserError) as caught:
        read_questions(table)
    assert f"column '{column}' is missing" in one_line(caught)


def test_a_built_table_is_described_by_its_manifest(tmp_path: Path) -> None:
    source = ToySpace(kind="toyspace", split="train", n=8, seed=1)
    build_questions(source, tmp_path / "train.parquet", "0123456789abcdef", "data.train")
    manifest = json.loads((tmp_path / "train.json").read_text())
    assert manifest["rows"] == len(read_questions(tmp_path / "train.parquet")) == 8
    assert manifest["fingerprint"] == "0123456789abcdef"
    assert manifest["source"] == {"kind": "toyspace", "split": "train", "n": 8, "seed": 1}
    assert list(manifest["files"]) == ["train.parquet"]


def test_a_table_that_can_not_be_built_gets_no_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("visualzero.data.build.open_source", lambda *source: Reading([row(1), row(1)]))
    source = ToySpace(kind="toyspace", split="train", n=4, seed=1)
    with pytest.raises(UserError):
        build_questions(source, tmp_path / "train.parquet", "0" * 16, "data.train")
    assert files(tmp_path) == []
