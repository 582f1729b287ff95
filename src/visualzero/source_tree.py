"""Whose code runs: that of the tree in which one works, and no other's."""

from pathlib import Path

from visualzero.errors import UserError

PACKAGE = Path(__file__).parent


def check_tree(folder: Path, package: Path = PACKAGE) -> None:
    """Do nothing if `folder` has no code of this project of its own, or if that is the code that runs, in `package`.

    A clone that was copied, a worktree or a moved folder often finds the `visualzero` that was installed for another.

    Raises:
        UserError: if `folder` has its own, and it is another.
    """
    own = folder / "src" / "visualzero"
    if (own / "__init__.py").is_file() and not own.samefile(package):
        raise UserError(
            f"visualzero: the code of another tree runs ({package}), and not that of this one ({own.resolve()}):"
            f" run `make env` in {folder.resolve()}, then its .venv/bin/visualzero (source .venv/bin/activate)"
        )
