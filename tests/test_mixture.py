"""A mixture of sources: shares by weight, one table, and errors that name the part."""

import json
from pathlib import Path
from typing import Any

import pytest

from dataset_files import image_folder
from visualzero.config import Dataset, Mixture, read_study
from visualzero.data.build import build_questions
from visualzero.data.own_tables import own_tables
from visualzero.data.question import read_questions
from visualzero.errors import UserError
from visualzero.jobs import data_fingerprint, data_parts
from visualzero.manifest import read_manifest

ROOT = Path(__file__).resolve().parents[1]
KEY = "data.train"
COUNTED = {"columns": {"image": "file_name"}, "answer": {"kind": "number"}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return image_folder(tmp_path / "mine", [{"question": f"How many, {k}?", "answer": k} for k in range(3)])


def mixture(folder: Path, n: int = 8, **changes: Any) -> dict[str, Any]:
    drawn = {"source": {"kind": "toyspace", "split": "train", "n": 16, "seed": 1}, "weight": 3.0}
    return {
        "kind": "mixture",
        "n": n,
        "parts": {"drawn": drawn, "mine": {"source": {"kind": "dataset", "path": str(folder), **COUNTED}}, **changes},
    }


def test_parts_are_mixed_in_shares_by_their_weights(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out" / "train.parquet"
    build_questions(Mixture.model_validate(mixture(folder)), out, "f" * 16, KEY)
    table = read_questions(out)
    parts = [name.partition("-")[0] for name in table["id"]]
    assert [parts[:4].count("mine"), parts[4:].count("mine")] == [1, 1]
    assert dict(table["answer_kind"].value_counts()) == {"choice": 6, "number": 2}
    assert [list(choices) for choices in table[table["answer_kind"] == "number"]["choices"]] == [["0"], ["1"]]
    assert "mine: metadata.jsonl" in read_manifest(out.with_suffix(".json"))["downloads"]


def test_a_part_that_ends_early_is_named(folder: Path, tmp_path: Path) -> None:
    source = Mixture.model_validate(mixture(folder, n=16))
    with pytest.raises(UserError, match=r"data\.train\.parts\.mine: has 3 questions, and its share of n 16 is more"):
        build_questions(source, tmp_path / "train.parquet", "f" * 16, KEY)


def test_a_row_of_a_part_that_cannot_be_used_is_named_with_the_part(folder: Path, tmp_path: Path) -> None:
    (folder / "metadata.jsonl").write_text(json.dumps({"file_name": "pictures/0.png", "question": "?", "answer": "x"}))
    with pytest.raises(
        UserError, match=r"data\.train\.parts\.mine\.source: .*metadata\.jsonl: line 1: answer: 'x' holds"
    ):
        build_questions(Mixture.model_validate(mixture(folder)), tmp_path / "train.parquet", "f" * 16, KEY)


def study(train: dict[str, Any]) -> Any:
    return read_study(ROOT / "config/config.yaml", [f"data.train={json.dumps(train)}"])


def test_a_mixture_depends_on_what_its_parts_do(folder: Path) -> None:
    made, other = (
        study(mixture(folder)),
        study(mixture(folder, drawn={"source": mixture(folder)["parts"]["drawn"]["source"]})),
    )
    assert {
        "code data/toyspace/questions.py",
        "code data/dataset.py",
        "code data/mixture.py",
        "setting options",
    } <= set(data_parts(made, "train"))
    assert data_fingerprint(made, "train") != data_fingerprint(other, "train")
    assert own_tables(made.data.train, KEY) == [folder / "metadata.jsonl"]


@pytest.mark.parametrize(
    ("part", "told"),
    [
        (
            {"source": {"kind": "toyspace", "split": "train", "n": 6, "seed": 1}},
            "parts.bad.source.n: must be a multiple of 4",
        ),
        ({"source": {"kind": "mixture"}}, "parts.bad.source: unknown kind 'mixture'"),
        ({"source": {"kind": "toyspace"}, "weight": 0.0}, "parts.bad.weight: must be greater than 0"),
    ],
    ids=str,
)
def test_a_mistake_in_a_part_is_told_with_its_key(folder: Path, part: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError) as error:
        study(mixture(folder, bad=part))
    assert told in str(error.value)


def test_another_place_of_a_data_set_takes_no_columns_from_the_last_one(folder: Path) -> None:
    first = {"kind": "dataset", "path": str(folder), **COUNTED}
    with pytest.raises(UserError, match=r"data\.train: answer\.kind is choice; give columns\.choices"):
        read_study(ROOT / "config/config.yaml", [f"data.train={json.dumps(first)}", 'data.train={"path": "other"}'])
    kept = read_study(ROOT / "config/config.yaml", [f"data.train={json.dumps(first)}", "data.train.n=2"])
    assert isinstance(kept.data.train, Dataset)
    assert (kept.data.train.n, kept.data.train.answer.kind) == (2, "number")
