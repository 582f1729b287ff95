"""`scripts/env` (`make env`): it sees that a .venv was made elsewhere, or holds another tree's project."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("groupshare", "visualzero")

# In place of Python and pip, which need a network: what they were asked for is kept, and installing sets where the
# project is found. The rest is this Python.
PYTHON = """\
#!/bin/sh
home=$(cd "$(dirname "$0")/.." && pwd -P)
case "$*" in
    "-m venv"*) mkdir -p .venv/bin && cp "$0" .venv/bin/python && echo "#!$(pwd -P)/.venv/bin/python" >.venv/bin/pip ;;
    "-m pip"*--no-deps*) echo project >>asked && echo "$(pwd -P)/src" >"$home/project" ;;
    "-m pip"*) echo "packages $PYTHONNOUSERSITE $PIP_USER $PYTHONPATH" >>asked ;;
    -I*) shift && PYTHONPATH=$(cat "$home/project") exec {python} "$@" ;;
    *) exec {python} "$@" ;;
esac
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    project = ("pyproject.toml", "src/groupshare/pyproject.toml", *(f"src/{name}/__init__.py" for name in PACKAGES))
    for name in ("scripts/env", "requirements.lock", *project):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    python = tmp_path / "bin/python3"
    python.parent.mkdir()
    python.write_text(PYTHON.format(python=sys.executable))
    python.chmod(0o755)
    env(folder)
    return folder


def env(folder: Path) -> tuple[str, list[str]]:
    """What `scripts/env` says, and what it has installed."""
    (folder / "asked").unlink(missing_ok=True)
    python = folder.parent / "bin/python3"
    variables = {"PATH": "/usr/bin:/bin", "PYTHON": str(python), "PIP_USER": "1", "PYTHONPATH": "/cluster/modules"}
    done = subprocess.run([folder / "scripts/env"], env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    asked = folder / "asked"
    return done.stdout, asked.read_text().splitlines() if asked.exists() else []


def test_a_venv_that_is_as_it_should_be_is_left_alone(tree: Path) -> None:
    assert env(tree) == ("", [])


def test_nothing_of_the_users_stands_in_for_a_package(tree: Path) -> None:
    shutil.rmtree(tree / ".venv")
    _, asked = env(tree)
    assert asked == ["packages 1 0 ", "project"]


@pytest.mark.parametrize("way", ["moved", "copied"])
def test_a_venv_that_came_with_its_tree_is_made_anew(tree: Path, way: str) -> None:
    other = tree.with_name("other")
    if way == "moved":
        tree.rename(other)
    else:
        shutil.copytree(tree, other)
    said, asked = env(other)
    assert ".venv was made in another folder than " in said
    assert "(this tree was copied or moved): making it anew" in said
    assert len(asked) == 2
    assert env(other) == ("", [])


def test_a_project_that_another_tree_has_installed_there_gives_way_to_this_one(tree: Path) -> None:
    shutil.copytree(tree / "src", tree.with_name("elsewhere") / "src")
    (tree / ".venv/project").write_text(f"{tree.with_name('elsewhere') / 'src'}\n")
    said, asked = env(tree)
    assert ".venv has another tree's visualzero: installing this one's" in said
    assert asked[-1] == "project"
    assert env(tree) == ("", [])


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_that_is_missing_beside_the_other_is_installed(tree: Path, package: str) -> None:
    shutil.copytree(tree / "src", tree.with_name("elsewhere") / "src")
    (tree / ".venv/project").write_text(f"{tree.with_name('elsewhere') / 'src'}\n")
    shutil.rmtree(tree.with_name("elsewhere") / "src" / package)
    assert env(tree)[1][-1] == "project"


def test_a_project_that_is_gone_is_installed_again(tree: Path) -> None:
    (tree / ".venv/project").write_text("/no/such/folder\n")
    assert env(tree)[1][-1] == "project"
