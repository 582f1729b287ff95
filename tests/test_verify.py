"""`visualzero verify`: every file that is not what the manifests of a tree say is named, and a whole tree is said to be
one.
"""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from visualzero import verifying
from visualzero.cli import main
from visualzero.errors import UserError
from visualzero.manifest import PART, read_manifest, write_manifest
from visualzero.verifying import verified_text, verify_tree

RUN = "runs/base-grpo/1"
FILES = {
    "data/train.parquet": "data/train.json",
    "models/base/model/model.safetensors": "models/base/manifest.json",
    "models/base/model/tokenizer.json": "models/base/manifest.json",
    f"{RUN}/model/model.safetensors": f"{RUN}/manifest.json",
    f"{RUN}/checkpoints/2/model.safetensors": f"{RUN}/manifest.json",
    f"{RUN}/history.parquet": f"{RUN}/manifest.json",
    "predictions/base-grpo/1/bench.jsonl": "predictions/base-grpo/1/bench.json",
    "scores/base-grpo/1/bench.jsonl": "scores/base-grpo/1/bench.json",
    "curve/base-grpo/1/2/bench.jsonl": "curve/base-grpo/1/2/bench.json",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The results of a study, each file with its own name in it."""
    root = tmp_path / "results/demo"
    for name in (*FILES, "summary.json", "fingerprints.json", "curve.csv", "report/index.html", "timings/x.tsv"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f'{{"files": "{name}"}}')
    for manifest in set(FILES.values()):
        write_manifest(root / manifest, [root / name for name in FILES if FILES[name] == manifest], "0" * 16)
    reported = {
        "data": {"train": read_manifest(root / "data/train.json")},
        "models": {"base": read_manifest(root / "models/base/manifest.json")},
        "runs": {"base-grpo/1": read_manifest(root / RUN / "manifest.json")},
    }
    (root / "report/manifests.json").write_text(json.dumps(reported))
    return root


def test_a_whole_tree_is_one_line(tree: Path) -> None:
    found = verify_tree(tree)
    assert (found.files, found.manifests, found.without, found.differs) == (9, 6, 6, {})
    assert "demo: 9 files (" in verified_text(found)
    assert verified_text(found).endswith("are what 6 manifests say; 6 files made from them have none")


def test_a_part_of_it_is_verified_by_itself(tree: Path) -> None:
    assert verify_tree(tree / RUN).files == 3
    assert verify_tree(tree / "scores").files == 1


FAULTS: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "an altered weight": (
        lambda root: (root / RUN / "model/model.safetensors").write_text("x"),
        f"{RUN}/model/model.safetensors",
        "altered since it was made",
    ),
    "truncated kept weights": (
        lambda root: (root / RUN / "checkpoints/2/model.safetensors").write_text(""),
        f"{RUN}/checkpoints/2/model.safetensors",
        "altered since it was made",
    ),
    "a lost file": (
        lambda root: (root / RUN / "history.parquet").unlink(),
        f"{RUN}/history.parquet",
        "missing, though its manifest lists it",
    ),
    "a lost table": (
        lambda root: (root / "scores/base-grpo/1/bench.jsonl").unlink(),
        "scores/base-grpo/1/bench.jsonl",
        "missing, though its manifest lists it",
    ),
    "a lost folder": (
        lambda root: shutil.rmtree(root / "models/base/model"),
        "models/base/model/tokenizer.json",
        "missing, though its manifest lists it",
    ),
    "a dangling link": (
        lambda root: ((root / "data/train.parquet").unlink(), (root / "data/train.parquet").symlink_to("nowhere")),
        "data/train.parquet",
        "unreadable (No such file or directory)",
    ),
    "a file too many": (
        lambda root: (root / RUN / "model/pytorch_model.bin").write_text("x"),
        f"{RUN}/model/pytorch_model.bin",
        "extra: no manifest lists it",
    ),
    "a lost manifest": (
        lambda root: (root / "predictions/base-grpo/1/bench.json").unlink(),
        "predictions/base-grpo/1/bench.jsonl",
        "extra: no manifest lists it",
    ),
    "half a manifest": (
        lambda root: (root / RUN / "manifest.json").write_text('{"files": {'),
        f"{RUN}/manifest.json",
        "not a manifest",
    ),
    "a leftover": (
        lambda root: (root / f"data/.train.parquet.0123-1-x{PART}").write_text("x"),
        f"data/.train.parquet.0123-1-x{PART}",
        "left by a process that was killed",
    ),
    "a lost run": (
        lambda root: shutil.rmtree(root / RUN),
        f"{RUN}/manifest.json",
        "missing, though report/manifests.json lists it",
    ),
    "a run that was put in its place": (
        lambda root: (
            (root / RUN / "history.parquet").write_text("other"),
            write_manifest(root / RUN / "manifest.json", [root / RUN / "history.parquet"], "0" * 16),
        ),
        f"{RUN}/manifest.json",
        "not the one that report/manifests.json lists: one of them was altered, or the report is older",
    ),
    "a damaged report": (
        lambda root: (root / "report/manifests.json").write_text('{"runs": []}'),
        "report/manifests.json",
        "unreadable (not what the report stage writes)",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_differs_is_named(tree: Path, fault: str) -> None:
    damage, file, told = FAULTS[fault]
    damage(tree)
    assert verify_tree(tree).differs[str(tree / file)] == told


def test_all_that_differs_is_named_and_nothing_else(tree: Path) -> None:
    for fault in ("an altered weight", "a lost file", "a file too many", "a dangling link"):
        FAULTS[fault][0](tree)
    assert len(verify_tree(tree).differs) == 4


def test_what_can_not_be_read_is_named(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(path: Path) -> str:
        raise OSError(5, os.strerror(5))

    monkeypatch.setattr(verifying, "sha256", failing)
    assert verify_tree(tree / "scores").differs == {
        str(tree / "scores/base-grpo/1/bench.jsonl"): "unreadable (Input/output error)"
    }


def test_what_git_dvc_and_snakemake_lay_there_is_not_extra(tree: Path) -> None:
    (tree / RUN / "model/.snakemake_timestamp").write_text("")
    (tree / "runs/.gitignore").write_text("/base-grpo\n")
    assert verify_tree(tree).differs == {}


def test_the_command_names_them_and_ends_with_one(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["verify", str(tree)])
    assert capsys.readouterr().out.count("\n") == 1
    (tree / RUN / "history.parquet").unlink()
    with pytest.raises(SystemExit) as ended:
        main(["verify", str(tree)])
    assert ended.value.code == 1
    said = capsys.readouterr()
    assert said.out == f"{tree / RUN}/history.parquet: missing, though its manifest lists it\n"
    assert "demo: 1 files differ: restore them (dvc checkout), or delete " in said.err
    assert said.err.endswith(f" {tree / RUN}/manifest.json and run snakemake again\n")
    with pytest.raises(SystemExit):
        main(["verify", str(tree), "--json"])
    assert len(json.loads(capsys.readouterr().out)["differs"]) == 1


@pytest.mark.parametrize(
    ("folder", "told"), [("nowhere", "no such folder of results"), ("report", "no manifest in it")]
)
def test_what_is_no_tree_of_results_is_told(tree: Path, folder: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        verify_tree(tree / folder)
