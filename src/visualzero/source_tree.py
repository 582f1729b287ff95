"""Whose code runs: that of the tree in which one works, with its environment's packages, and no other's."""

import os
import site
import sys
from collections.abc import Mapping, MutableMapping
from importlib.util import find_spec
from pathlib import Path

from visualzero.errors import UserError
from visualzero.fingerprint import SHARED

PACKAGE = Path(__file__).parent


def check_tree(folder: Path, running: Mapping[str, Path] | None = None) -> None:
    """Do nothing if `folder` has no code of this project of its own, or if that is the code that runs.

    `running` are the folders of the packages that run, by name (default: those of this process). A clone that was
    copied, a worktree or a moved folder often finds the `visualzero` that was installed for another.

    Raises:
        UserError: if `folder` has its own, and it is another.
    """
    for name, package in (running or {"visualzero": PACKAGE, SHARED: _found(SHARED)}).items():
        own = folder / "src" / name
        if (own / "__init__.py").is_file() and not (package.is_dir() and own.samefile(package)):
            raise UserError(
                f"{name}: the code of another tree runs ({package}), and not that of this one ({own.resolve()}):"
                f" run `make env` in {folder.resolve()}, then its .venv/bin/visualzero (source .venv/bin/activate)"
            )


def _found(package: str) -> Path:
    """The folder from which Python would import a package, which this doesn't do."""
    spec = find_spec(package)
    return Path(spec.origin).parent if spec and spec.origin else Path("none")


def put_this_python_first(environ: MutableMapping[str, str]) -> None:
    """Let programs be found beside the Python that runs this, before any other on PATH.

    A job then runs in the environment that has planned it, also where that was called by its path and not activated.
    """
    environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environ.get("PATH", os.defpath)])


def leave_out_user_packages(path: list[str], environ: MutableMapping[str, str]) -> None:
    """Take folders of the user's (PYTHONPATH, ~/.local) out of a Python's path and out of what its children are given.

    A cluster's modules set PYTHONPATH, and `pip install --user` fills ~/.local; packages there would be taken for those
    that the environment pins.
    """
    given = {*environ.pop("PYTHONPATH", "").split(os.pathsep), site.getusersitepackages()}
    path[:] = [folder for folder in path if folder not in given or Path(folder) == PACKAGE.parent]
    environ["PYTHONNOUSERSITE"] = "1"
