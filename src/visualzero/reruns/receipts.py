"""What outputs were when their jobs ended, so that a file that was restored, copied in or edited isn't taken for one.

Snakemake notes the time of an output when its job ends. A file with another time is compared by content with a digest
that is kept beside Snakemake's records, since touching a file changes nothing: `.snakemake/visualzero/receipts.json`.
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from visualzero.manifest import sha256, write_json

RECEIPTS = Path(".snakemake/visualzero/receipts.json")

Ended = Callable[[Path], float | None]
"""The time of an output when its job ended, in seconds; None if nobody noted it."""


def altered(paths: Iterable[Path], ended: Ended) -> list[Path]:
    """Those of these files that are there and are not what their jobs have left."""
    kept = _read()
    return [path for path in paths if path.is_file() and not (_untouched(path, ended, kept) or _same(path, kept))]


def decayed(root: Path) -> list[Path]:
    """Files under `root` that have the time of their receipt and another content, as a failing disk leaves them."""
    kept = {Path(name): receipt for name, receipt in _read().items() if Path(name).is_relative_to(root)}
    return [
        path
        for path, receipt in kept.items()
        if path.is_file() and _mtime(path) == receipt["mtime"] and sha256(path) != receipt["sha256"]
    ]


def write_receipts(paths: Iterable[Path], ended: Ended) -> None:
    """Keep the digests of those of these files that are what their jobs have left."""
    kept = _read()
    for path in paths:
        if not path.is_file() or kept.get(str(path), {}).get("mtime") == _mtime(path):
            continue
        if _untouched(path, ended, {}) or _same(path, kept):
            kept[str(path)] = {"mtime": _mtime(path), "sha256": sha256(path)}
    write_json(RECEIPTS, kept)


def _untouched(path: Path, ended: Ended, kept: dict[str, Any]) -> bool:
    noted = ended(path)
    times = {_mtime(path), path.lstat().st_mtime}  # of a link, Snakemake takes its own
    return noted is None or noted in times or kept.get(str(path), {}).get("mtime") in times


def _same(path: Path, kept: dict[str, Any]) -> bool:
    return str(path) in kept and kept[str(path)]["sha256"] == sha256(path)


def _mtime(path: Path) -> float:
    return path.stat().st_mtime


def _read() -> dict[str, Any]:
    try:
        content = json.loads(RECEIPTS.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
