"""Disks that are full, and limits on the size of files."""

import random
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from faults.process import Disturbance
from faults.study import ROOT, STAGES, Study

PAGE = 4096


def run_without_space(study: Study, command: tuple[str, ...], chance: random.Random) -> tuple[str, str]:
    """Run a stage on a full disk, where one can be mounted, else under a limit on file sizes; how, and what it said."""
    outputs = STAGES[command]
    sizes = [(study.folder / path).stat().st_size for path in study.files(*outputs)]
    study.remove(*outputs)
    if chance.random() < 0.5:
        folder = study.folder / "work" if command[0] == "train" else (study.folder / ROOT / outputs[0]).parent
        size = PAGE * (2 + int(sum(sizes) * chance.uniform(0.0, 0.9) / PAGE))
        with small_disk(folder, size) as mounted:
            if mounted:
                return f"a disk of {size} bytes", study.run(*command).said
    limit = int(max(sizes) * chance.uniform(0.0, 0.99))
    return f"files of at most {limit} bytes", study.run(*command, disturbance=Disturbance(file_bytes=limit)).said


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[bool]:
    """Let a folder lie on a disk that has room for `size` more bytes; False where none may be mounted.

    What is in the folder afterwards stays there.
    """
    held = sum(path.stat().st_size + 2 * PAGE for path in folder.rglob("*"))
    aside = folder.with_name(f"{folder.name}.aside")
    folder.rename(aside)
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={held + size}", "tmpfs", str(folder)]
    mounted = shutil.which("mount") is not None and subprocess.run(mount, capture_output=True).returncode == 0
    if not mounted:
        folder.rmdir()
        aside.rename(folder)
        yield False
        return
    _move_content(aside, folder)
    try:
        yield True
    finally:
        _move_content(folder, aside)
        subprocess.run(["umount", str(folder)], check=True)
        folder.rmdir()
        aside.rename(folder)


def _move_content(source: Path, target: Path) -> None:
    """Move everything, times included."""
    for path in source.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.copytree(path, target / path.name, symlinks=True)
            shutil.rmtree(path)
        else:
            shutil.copy2(path, target / path.name, follow_symlinks=False)
            path.unlink()
