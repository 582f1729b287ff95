"""The data and models of `scale: paper` from a stand-in of the hub, as the config and the command line ask for them."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from hub_server import Hub, environment, hub
from paper_files import publish
from visualzero.config import Study, read_study
from visualzero.data.build import build_questions
from visualzero.data.question import read_questions
from visualzero.errors import UserError
from visualzero.jobs import data_fingerprint, model_fingerprint
from visualzero.manifest import read_manifest, verify
from visualzero.models.fetching import fetch_model
from visualzero.models.loading import load_model
from visualzero.models.processor import load_processor
from visualzero.prompts import question_text

__all__ = ["hub"]  # the fixture
ROOT = Path(__file__).resolve().parents[1]
ROWS = {"train": 320, "cvbench": 2638, "blink": 267, "vsr": 2195}


def paper(settings: dict[str, object] | None = None) -> Study:
    overrides = [f"{key}={json.dumps(value)}" for key, value in (settings or {}).items()]
    return read_study(ROOT / "config/config.yaml", ["scale=paper", *overrides])


def test_the_questions_come_as_configured(hub: Hub, tiny_model: Path, tmp_path: Path) -> None:
    study = paper(publish(hub, tiny_model, tiny_model))
    for name, rows in ROWS.items():
        source = study.data.train if name == "train" else study.data.benchmarks[name].source
        out = tmp_path / f"{name}.parquet"
        build_questions(source, out, data_fingerprint(study, name), f"data.{name}")
        verify(out.with_suffix(".json"))
        assert len(read_questions(out, images=False)) == rows
    for name, ending in (
        ("cvbench", "\n(D) 3"),
        ("blink", "\n(A) A is closer\n(B) B is closer"),
        ("vsr", "Choose from (A) True or (B) False."),
    ):
        first = read_questions(tmp_path / f"{name}.parquet").iloc[0]
        text = question_text(first.question, list(first.choices), study.data.benchmarks[name].options)
        assert text.endswith(ending)
        assert text.count(ending) == 1  # the options stand in it once


def test_the_models_come_as_configured(hub: Hub, tiny_model: Path, tmp_path: Path) -> None:
    study = paper(publish(hub, tiny_model, tiny_model))
    for init in ("base", "instruct"):
        source, out = getattr(study.models, init), tmp_path / init / "model"
        fetch_model(source, out, model_fingerprint(study, init), f"models.{init}")
        assert read_manifest(out.parent / "manifest.json")["source"]["revision"] == source.revision
        assert load_model(out, "bfloat16").config.model_type == "qwen2_vl"
        assert load_processor(out, "r1_zero", source.min_pixels, source.max_pixels).tokenizer.padding_side == "left"


def test_what_is_pinned_is_a_commit() -> None:
    study = paper()
    sources = [study.data.train, *(benchmark.source for benchmark in study.data.benchmarks.values())]
    pinned = [source.revision for source in (*sources, study.models.instruct)]  # type: ignore[union-attr]
    assert all(len(commit) == 40 and int(commit, 16) for commit in pinned)
    assert len(set(pinned)) == 5
    assert set(study.models.instruct.sha256) == {f"model-0000{n}-of-00002.safetensors" for n in (1, 2)}


def test_the_one_that_is_not_is_refused_with_its_key(tmp_path: Path) -> None:
    study = paper()
    with pytest.raises(UserError, match=r"^models\.base\.revision: not pinned, .*Qwen/Qwen2-VL-2B/commits/main$"):
        fetch_model(study.models.base, tmp_path / "base" / "model", "0" * 16, "models.base")


def test_the_command_line_says_which_key_a_download_belongs_to(hub: Hub, tiny_model: Path, tmp_path: Path) -> None:
    settings = publish(hub, tiny_model, tiny_model)
    hub.altered.add("Relative_Depth/val-00000-of-00001.parquet")
    options = [part for key, value in settings.items() for part in ("--set", f"{key}={json.dumps(value)}")]
    command = [sys.executable, "-m", "visualzero", "--config", str(ROOT / "config/config.yaml"), "--set", "scale=paper"]
    done = subprocess.run(
        [*command, *options, "questions", "blink"],
        cwd=tmp_path,
        env=environment(hub, tmp_path / "hf"),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "error: data.benchmarks.blink.source: BLINK-Benchmark/BLINK/Relative_Depth/val-00000-of-00001.parquet:"
        " arrived altered, and was removed: run again"
    )
    assert not (tmp_path / "results").exists()


# What a table or model depends on


def test_a_digest_only_checks_so_it_changes_no_fingerprint() -> None:
    pinned = {"data": {"train": {"sha256": {"SAT_train.parquet": "0" * 64}}}}
    assert data_fingerprint(paper(pinned), "train") == data_fingerprint(paper(), "train")
    other = {"data": {"train": {"policy": "static"}}}
    assert data_fingerprint(paper(other), "train") != data_fingerprint(paper(), "train")


def test_a_data_set_depends_on_no_other_ones_reader() -> None:
    code = importlib.import_module("visualzero.fingerprint")
    readers = {"sat", "cvbench", "blink", "vsr"}
    for name in readers:
        closure = code.closure("data.build") | code.closure(f"data.{name}")
        assert {path.stem for path in closure} & readers == {name}
        assert not {"hub", "downloads"} & {path.stem for path in closure}
