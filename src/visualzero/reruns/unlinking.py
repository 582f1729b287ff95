"""Files that are written where they lie: never through a link into DVC's cache."""

import shutil
from pathlib import Path

from visualzero.manifest import atomic


def unlink_from_cache(folder: Path) -> None:
    """Put a copy of its own in the place of each file of `folder` that is a link, shares its content, or is read-only.

    Snakemake writes a job's time into the file that is there; with `cache.type` hardlink or symlink that file is DVC's.
    """
    for path in folder.rglob("*"):
        if path.is_file() and (path.is_symlink() or path.stat().st_nlink > 1 or not path.stat().st_mode & 0o200):
            with atomic(path) as copy:
                shutil.copyfile(path, copy)
