"""Manifests: the small JSON beside a heavy output that says what it is and proves that it is whole.

A manifest is written last, so an output without one is not an output. It holds the sha256 of every file, the
fingerprint of what the output was made from, and the versions and the hardware that made it. What it lists is on the
disk before it is, so that no loss of power leaves a manifest without its files.
"""

import errno
import hashlib
import json
import os
import platform
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from glob import escape as glob_escape
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from visualzero import __version__
from visualzero.errors import UserError
from visualzero.processes import begun, machine, machine_key

PART = ".part"  # ends the names of what is being written
FORGOTTEN = 24 * 3600.0  # seconds after which what another machine was writing is nobody's
PACKAGES = ("torch", "transformers", "trl", "accelerate", "peft", "datasets", "pyarrow", "pillow")


def sha256(path: Path) -> str:
    """Hex digest of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place on success and disappears on failure.

    What processes that were killed have left of the same file is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(path)
    mark = f".{path.name}.{machine_key()}-{os.getpid()}-"
    handle, name = tempfile.mkstemp(prefix=mark, suffix=PART, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        flush([temporary])
        os.replace(temporary, path)
        flush([path.parent])
    finally:
        temporary.unlink(missing_ok=True)


def remove_leftovers(path: Path) -> None:
    """Remove what `atomic` has left beside `path` in processes that are gone."""
    for left in path.parent.glob(f".{glob_escape(path.name)}.*-*-*{PART}"):
        made_on, pid, _ = left.name.removeprefix(f".{path.name}.").split("-", 2)
        try:
            forgotten = abs(time.time() - left.stat().st_mtime) > FORGOTTEN
        except FileNotFoundError:
            continue
        here = machine() and made_on == machine_key() and pid.isdecimal()
        if (begun(int(pid)) is None) if here else forgotten:
            left.unlink(missing_ok=True)


def flush(paths: Iterable[Path]) -> None:
    """Return once the content of these files and folders is on the disk.

    Raises:
        OSError: if it can't get there; some file systems tell only now that they are full.
    """
    for path in paths:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EROFS, errno.EBADF):
                raise  # the others say that this file system has no such thing
        finally:
            os.close(handle)


def write_json(path: Path, content: Any) -> None:
    """Write JSON atomically, keys in the order given, with a final newline."""
    with atomic(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_manifest(path: Path, files: list[Path], fingerprint: str, **facts: Any) -> None:
    """Describe `files`, each named relative to the manifest's folder; `facts` are further JSON values."""
    folders = {folder for file in files for folder in file.parents if folder.is_relative_to(path.parent)}
    flush([*sorted(files), *sorted(folders)])
    digests = {str(file.relative_to(path.parent)): sha256(file) for file in sorted(files)}
    write_json(
        path,
        {"fingerprint": fingerprint, **facts, "files": digests, "versions": versions(), "hardware": hardware()},
    )


def read_manifest(path: Path) -> dict[str, Any]:
    """The manifest's content.

    Raises:
        UserError: if it is missing or not a manifest.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such manifest: make it with snakemake") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not a manifest ({error}): delete {path} and run snakemake again") from None
    if not isinstance(content, dict) or not isinstance(content.get("files"), dict):
        raise UserError(f"{path}: not a manifest (no 'files'): delete {path} and run snakemake again")
    return content


def verify(path: Path, *parts: str) -> None:
    """Check that every file of a manifest is there and unchanged; with `parts`, those files and folders of it alone.

    Raises:
        UserError: naming the first file that is not, or a part of which it lists nothing.
    """
    for name, what in differences(path, *parts):
        raise UserError(f"{path.parent / name}: {what}: delete {path} and run snakemake again")


def differences(path: Path, *parts: str) -> Iterator[tuple[str, str]]:
    """What differs from a manifest, or from these parts of it: the file's name in it, and what is wrong.

    Raises:
        UserError: if it is missing or not a manifest, or lists nothing of a part.
    """
    files = read_manifest(path)["files"]
    for part in parts:
        if not any(Path(name).is_relative_to(part) for name in files):
            raise UserError(f"{path}: lists nothing of {part}: delete {path} and run snakemake again")
    for name, digest in files.items():
        file = path.parent / name
        if parts and not any(Path(name).is_relative_to(part) for part in parts):
            continue
        if not file.is_file():
            yield name, f"missing, though {path} lists it"
            continue
        try:
            now = sha256(file)
        except OSError as error:
            yield name, f"unreadable ({error.strerror})"
            continue
        if now != digest:
            yield name, "altered since it was made"


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that can change results, where they are installed."""
    found = {"python": platform.python_version(), "visualzero": __version__}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def hardware() -> dict[str, str]:
    """Architecture, system and CPU."""
    return {"machine": platform.machine(), "system": platform.system(), "cpu": _cpu()}


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
