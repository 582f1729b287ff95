"""What is released: one command builds both packages, nothing is left out, and each works away from the repository."""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from repository import ROOT

PACKAGES = ("groupshare", "visualzero")
NEEDED = ("CHANGELOG.md", "CITATION.cff", "LICENSE", "README.md", "pyproject.toml", "scripts/release")
NO_CODE = {"groupshare": {"LICENSE", "README.md", "pyproject.toml"}, "visualzero": set()}


def release(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(root / "scripts/release"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all that `scripts/release` makes of this tree."""
    folder = tmp_path_factory.mktemp("dist")
    done = release(ROOT, "--out", str(folder))
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree to release from, whose changelog has something unreleased."""
    folder = tmp_path / "tree"
    for name in NEEDED:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "build")
        shutil.copytree(ROOT / "src" / package, folder / "src" / package, ignore=ignored)
    (folder / "CHANGELOG.md").write_text(
        "# Changelog\n\n## [Unreleased]\n\n- Something new.\n\n## [0.0.1] - 2026-01-01\n"
    )
    return folder


def version() -> str:
    [found] = re.findall(r'^__version__ = "(.*)"$', (ROOT / "src/groupshare/__init__.py").read_text(), re.MULTILINE)
    return str(found)


def sources(package: str) -> set[str]:
    """Files of a package by their path in it."""
    folder = ROOT / "src" / package
    files = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    made = ("__pycache__", ".egg-info", "build/")
    return {path.as_posix() for path in files if not any(name in path.as_posix() for name in made)}


def wheel(dist: Path, package: str) -> Path:
    [found] = dist.glob(f"{package}-*.whl")
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_wheel_and_source_archive_hold_every_file(dist: Path, package: str) -> None:
    with zipfile.ZipFile(wheel(dist, package)) as packed:
        names = {name for name in packed.namelist() if ".dist-info/" not in name}
    assert names == {f"{package}/{name}" for name in sources(package) - NO_CODE[package]}
    [archive] = dist.glob(f"{package}-*.tar.gz")
    with tarfile.open(archive) as packed_sources:
        kept = {name.partition("/")[2] for name in packed_sources.getnames()}
    prefix = "" if package == "groupshare" else "src/visualzero/"
    assert {f"{prefix}{name}" for name in sources(package)} <= kept
    assert {"pyproject.toml", "README.md", "LICENSE"} <= kept


def test_a_source_archive_makes_the_wheel_of_the_repository(dist: Path, tmp_path: Path) -> None:
    [archive] = dist.glob("groupshare-*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path, filter="data")
    [folder] = tmp_path.iterdir()
    build = "from setuptools import build_meta as b; b.build_wheel('.')"
    subprocess.run([sys.executable, "-c", build], cwd=folder, check=True, capture_output=True)
    with zipfile.ZipFile(wheel(folder, "groupshare")) as again, zipfile.ZipFile(wheel(dist, "groupshare")) as first:
        assert sorted(again.namelist()) == sorted(first.namelist())


@pytest.mark.parametrize("package", PACKAGES)
def test_a_wheel_asks_for_what_its_package_needs(dist: Path, package: str) -> None:
    with zipfile.ZipFile(wheel(dist, package)) as packed:
        metadata = Parser().parsestr(packed.read(f"{package}-{version()}.dist-info/METADATA").decode())
    project = ROOT if package == "visualzero" else ROOT / "src" / package
    wanted = tomllib.loads((project / "pyproject.toml").read_text())["project"]["dependencies"]
    needs = [need for need in map(Requirement, metadata.get_all("Requires-Dist") or []) if need.marker is None]
    assert {str(need) for need in needs} == {str(Requirement(text)) for text in wanted}
    if package == "groupshare":
        assert all({spec.operator for spec in need.specifier} == {">=", "<"} for need in needs)
    else:
        assert f"groupshare=={version()}" in {str(need) for need in needs}


def test_the_package_alone_imports_nothing_of_the_study() -> None:
    for path in (ROOT / "src/groupshare").rglob("*.py"):
        assert not re.search(r"^\s*(import|from) visualzero", path.read_text(), re.MULTILINE), path


def clean(folder: Path, *wheels: Path) -> Path:
    """The Python of a new environment with these wheels, and the third-party packages of this one."""
    venv.create(folder, with_pip=False)
    python = folder / "bin/python"
    [site] = folder.glob("lib/python*/site-packages")
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--disable-pip-version-check"]
    command += ["--no-index", "--no-deps", *map(str, wheels)]
    done = subprocess.run(command, capture_output=True, text=True, env=alone(), check=False)
    assert done.returncode == 0, done.stderr
    # As a path and not as a folder of packages: what is installed there as editable (this tree) is not taken over.
    paths = [path for path in sys.path if path.endswith("-packages")]
    (site / "third_party.pth").write_text("\n".join(paths))
    return python


def alone() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}


def run(python: Path, folder: Path, *arguments: str) -> str:
    done = subprocess.run([python, *arguments], cwd=folder, env=alone(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_package_alone_installs_and_imports(dist: Path, tmp_path: Path) -> None:
    python = clean(tmp_path / "env", wheel(dist, "groupshare"))
    code = """
from importlib.util import find_spec
import groupshare, trl
print(groupshare.__file__, find_spec("visualzero"))
print(*(getattr(groupshare, name).__name__ for name in groupshare.__all__))
assert issubclass(groupshare.GroupSharingTrainer, trl.GRPOTrainer)
assert issubclass(groupshare.RLOOSharingTrainer, trl.RLOOTrainer)
"""
    where, names = run(python, tmp_path, "-c", code).splitlines()
    assert where.startswith(str(tmp_path / "env"))
    assert where.endswith(" None")
    assert "GroupSharing GroupSharingTrainer" in names


def test_the_wheel_scores_responses_in_a_folder_without_the_repository(dist: Path, tmp_path: Path) -> None:
    python = clean(tmp_path / "env", wheel(dist, "groupshare"), wheel(dist, "visualzero"))
    row = {"id": "a", "question": "Where?", "response": "(B) right", "choices": ["left", "right"], "answer_index": 1}
    (tmp_path / "said.jsonl").write_text(json.dumps(row) + "\n")
    started = "import visualzero; print(visualzero.__file__); from visualzero.cli import run; run()"
    score = ("score", "said.jsonl", "--scorer", "strict", "--out", "scored.jsonl")
    assert run(python, tmp_path, "-c", started, *score).startswith(str(tmp_path / "env"))
    assert json.loads((tmp_path / "scored.jsonl").read_text())["correct"] is True


def test_the_study_finds_the_installed_package_and_counts_its_code(dist: Path, tmp_path: Path) -> None:
    python = clean(tmp_path / "env", wheel(dist, "groupshare"), wheel(dist, "visualzero"))
    code = "from visualzero.fingerprint import closure; print(*sorted(closure('training.grpo')), sep='\\n')"
    found = run(python, tmp_path, "-c", code).splitlines()
    [site] = (tmp_path / "env").glob("lib/python*/site-packages")
    assert {str(site / "groupshare" / name) for name in ("attention.py", "mixin.py", "rollout.py")} <= set(found)


# Versions and the note


def test_everything_has_one_version(dist: Path) -> None:
    assert f"\nversion: {version()}\n" in (ROOT / "CITATION.cff").read_text()
    assert {path.name for path in dist.iterdir()} == {
        f"release-{version()}.md",
        *(f"{package}-{version()}{end}" for package in PACKAGES for end in ("-py3-none-any.whl", ".tar.gz")),
    }


def test_the_license_goes_with_either(dist: Path) -> None:
    assert (ROOT / "src/groupshare/LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    for package in PACKAGES:
        with zipfile.ZipFile(wheel(dist, package)) as packed:
            assert any(name.endswith("/licenses/LICENSE") for name in packed.namelist())


def test_a_release_sets_the_version_everywhere_and_notes_what_is_new(tree: Path) -> None:
    done = release(tree, "7.8.9", "--out", str(tree / "out"))
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tree / "out").iterdir()} == {
        "release-7.8.9.md",
        *(f"{package}-7.8.9{end}" for package in PACKAGES for end in ("-py3-none-any.whl", ".tar.gz")),
    }
    note = (tree / "out/release-7.8.9.md").read_text()
    assert note.startswith("# visualzero 7.8.9\n")
    assert "- Something new." in note
    assert "2026-01-01" not in note
    assert len(re.findall(r"`[0-9a-f]{64}`", note)) == 4
    assert re.search(
        r"## \[Unreleased\]\n\n## \[7\.8\.9\] - \d{4}-\d\d-\d\d\n\n- Some", (tree / "CHANGELOG.md").read_text()
    )
    assert '"groupshare==7.8.9"' in (tree / "pyproject.toml").read_text()
    assert "\nversion: 7.8.9\n" in (tree / "CITATION.cff").read_text()
    twice = release(tree, "--out", str(tree / "out"))
    assert twice.returncode == 0, twice.stderr
    assert twice.stdout.splitlines() == [str(path) for path in sorted((tree / "out").iterdir())]
    again = release(tree, "7.8.9")
    assert again.stderr == "error: CHANGELOG.md: 7.8.9 is released already: choose the next one\n"


def test_packages_of_two_versions_are_not_built(tree: Path) -> None:
    path = tree / "src/groupshare/__init__.py"
    path.write_text(path.read_text().replace(f'"{version()}"', '"9.9.9"'))
    done = release(tree, "--out", str(tree / "out"))
    assert done.returncode == 1
    assert "error: versions differ (9.9.9 in src/groupshare/__init__.py" in done.stderr
    assert not (tree / "out").exists()


def test_what_is_no_version_is_refused(tree: Path) -> None:
    done = release(tree, "newest")
    assert done.stderr == "error: newest: not a version: write it like 0.2.0 or 0.2.0rc1\n"
