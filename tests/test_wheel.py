"""The package as a wheel and as a source archive: nothing is left out, and it works away from the repository."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from repository import ROOT

BUILD = "from setuptools import build_meta as b; b.build_wheel('dist'); b.build_sdist('dist')"


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both, built from what git would have."""
    folder = tmp_path_factory.mktemp("build")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / name)
    left_out = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "src", folder / "src", ignore=left_out)
    (folder / "dist").mkdir()
    subprocess.run([sys.executable, "-c", BUILD], cwd=folder, check=True, capture_output=True)
    return folder / "dist"


def sources() -> set[str]:
    files = (path for path in (ROOT / "src").rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(ROOT / "src").as_posix() for path in files if ".egg-info" not in path.as_posix()}


def test_wheel_and_source_archive_hold_every_file(dist: Path) -> None:
    [wheel], [archive] = dist.glob("*.whl"), dist.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as packed:
        assert sources() <= set(packed.namelist())
    with tarfile.open(archive) as packed_sources:
        names = {name.partition("/")[2] for name in packed_sources.getnames()}
    assert {f"src/{name}" for name in sources()} <= names


def test_the_wheel_scores_responses_in_a_folder_without_the_repository(dist: Path, tmp_path: Path) -> None:
    [wheel] = dist.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    row = {"id": "a", "question": "Where?", "response": "(B) right", "choices": ["left", "right"], "answer_index": 1}
    (tmp_path / "said.jsonl").write_text(json.dumps(row) + "\n")
    started = "import visualzero; print(visualzero.__file__); from visualzero.cli import run; run()"
    command = [sys.executable, "-c", started, "score", "said.jsonl", "--scorer", "strict", "--out", "scored.jsonl"]
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "site")}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(tmp_path / "site"))
    assert json.loads((tmp_path / "scored.jsonl").read_text())["correct"] is True
