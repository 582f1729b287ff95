"""Manifests: the small JSON beside a heavy output that says what it is and proves that it is whole.

A manifest is written last, so an output without one is not an output. It holds the sha256 of every file, the
fingerprint of what the output was made from, and the versions and the hardware that made it.
"""

import hashlib
import json
import os
import platform
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from visualzero.errors import UserError

PACKAGES = ("visualzero", "torch", "transformers", "trl", "accelerate", "peft", "datasets", "pyarrow", "pillow")


def sha256(path: Path) -> str:
    """Hex digest of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place on success and disappears on failure."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, content: Any) -> None:
    """Write JSON atomically, keys in the order given, with a final newline."""
    with atomic(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_manifest(path: Path, files: list[Path], fingerprint: str, **facts: Any) -> None:
    """Describe `files`, each named relative to the manifest's folder; `facts` are further JSON values."""
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
        raise UserError(f"{path}: not a manifest ({error}): delete it and run snakemake again") from None
    if not isinstance(content, dict) or not isinstance(content.get("files"), dict):
        raise UserError(f"{path}: not a manifest (no 'files'): delete it and run snakemake again")
    return content


def verify(path: Path, *parts: str) -> None:
    """Check that every file of a manifest is there and unchanged; with `parts`, those files and folders of it alone.

    Raises:
        UserError: naming the first file that is not, or a part of which it lists nothing.
    """
    files = read_manifest(path)["files"]
    for part in parts:
        if not any(Path(name).is_relative_to(part) for name in files):
            raise UserError(f"{path}: lists nothing of {part}: delete it and run snakemake again")
    for name, digest in files.items():
        file = path.parent / name
        if parts and not any(Path(name).is_relative_to(part) for part in parts):
            continue
        if not file.is_file():
            raise UserError(f"{file}: missing, though {path} lists it: delete {path} and run snakemake again")
        if sha256(file) != digest:
            raise UserError(f"{file}: altered since it was made: delete {path} and run snakemake again")


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that can change results, where they are installed."""
    found = {"python": platform.python_version()}
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
