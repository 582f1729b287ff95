"""VSR: statements from the hub, photographs from the web, asked as the paper asks."""

import io
from pathlib import Path

import pytest
from PIL import Image

from hub_server import Hub, hub
from paper_files import jsonl, picture, vsr_rows
from real_data import real_rows
from visualzero.config import VSR
from visualzero.data.build import build_questions
from visualzero.data.question import read_questions
from visualzero.data.vsr import QUESTION
from visualzero.errors import UserError
from visualzero.manifest import read_manifest

__all__ = ["hub"]  # the fixture
KEY = "data.benchmarks.vsr.source"


def published(hub: Hub, n: int = 2195) -> VSR:
    rows = vsr_rows(lambda name: hub.add_web(f"train2017/{name}", picture(int(name[:-4]))), n)
    return VSR(kind="vsr", revision=hub.add("cambridgeltl/vsr_random", {"test.jsonl": jsonl(rows)}))


def test_vsr_comes_from_the_hub_and_the_web_and_becomes_a_table(hub: Hub, tmp_path: Path) -> None:
    source, out = published(hub), tmp_path / "vsr.parquet"
    hub.busy["train2017/000000000003.jpg"] = 2
    build_questions(source, out, "f" * 16, KEY)
    table = read_questions(out)
    assert len(table) == 2195
    first = table.iloc[0]
    assert first.question == (
        'Please analyze the provided image. Does the statement "The chair is left of the sofa." accurately describes'
        " what you see? Choose from (A) True or (B) False."
    )
    assert [list(row.choices)[row.answer_index] for row in table[:4].itertuples()] == ["False", "True", "False", "True"]
    assert list(table["image_id"][:16]) == ["000000000000.jpg"] * 15 + ["000000000001.jpg"]
    assert Image.open(io.BytesIO(first.image["bytes"])).size == (56, 56)
    downloads = read_manifest(out.with_suffix(".json"))["downloads"]
    assert len(downloads) == 1 + 147  # the statements, and each photograph once
    assert downloads["test.jsonl"]
    assert downloads[f"{hub.url}/web/train2017/000000000001.jpg"]


def test_a_photograph_that_is_gone_is_named(hub: Hub, tmp_path: Path) -> None:
    source = published(hub)
    del hub.web["train2017/000000000140.jpg"]
    with pytest.raises(UserError, match=rf"^{KEY}: .*/train2017/000000000140\.jpg: its server answered 404"):
        build_questions(source, tmp_path / "vsr.parquet", "f" * 16, KEY)
    assert not (tmp_path / "vsr.parquet").exists()


def test_another_number_of_statements_is_refused(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"vsr_random/test\.jsonl: 2194 statements, not 2195: pin another revision"):
        build_questions(published(hub, 2194), tmp_path / "vsr.parquet", "f" * 16, KEY)


@pytest.mark.parametrize("changes", [{"label": 2}, {"caption": ""}, {"image_link": None}], ids=str)
def test_a_statement_that_lacks_something_is_named(hub: Hub, tmp_path: Path, changes: dict[str, object]) -> None:
    rows = vsr_rows(str)
    rows[10] |= changes
    source = VSR(kind="vsr", revision=hub.add("cambridgeltl/vsr_random", {"test.jsonl": jsonl(rows)}))
    with pytest.raises(UserError, match=r"vsr_random/test\.jsonl:11: needs caption, image_link and a label 0 or 1"):
        build_questions(source, tmp_path / "vsr.parquet", "f" * 16, KEY)


def test_the_drawn_rows_have_the_fields_of_real_ones() -> None:
    real = real_rows("vsr_zeroshot_test.jsonl")[0]
    assert set(vsr_rows(str, 1)[0]) == set(real)
    assert real["image_link"].startswith("http://images.cocodataset.org/")
    assert QUESTION.format(caption=real["caption"]).count(real["caption"]) == 1
