"""`visualzero verify`: whether a tree of results is, byte by byte, what its manifests say.

Weights, tables, responses and scores have manifests. What is made from them in seconds (summary, report, the curve,
times, fingerprints) has none; but the report keeps the manifests that it was made from, and those have to be the ones
here, and where Snakemake has made them, there are digests of what it has left.
"""

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visualzero.errors import UserError
from visualzero.manifest import PART, read_manifest, sha256
from visualzero.progress import Progress
from visualzero.reruns.receipts import decayed

MANIFEST = "manifest.json"
TABLES = (".parquet", ".jsonl")  # beside `x.parquet` lies `x.json`
REPORTED = Path("report/manifests.json")
# Of a whole tree: what is made from the rest, and what training has told others.
WITHOUT = ("report", "timings", "summary.json", "fingerprints.json", "curve.csv", "trackers")
LONG = 1e10  # bytes that take so long that one wants to be told how far it is
IGNORED = (".gitignore", ".snakemake_timestamp")  # of git, DVC and Snakemake


@dataclass(frozen=True)
class Verified:
    """A tree: how many files were read, of how many bytes and manifests; those without; `differs` by path.

    `to_delete` is what to delete, so that what differs is made again: the manifests that list it, else itself.
    """

    root: Path
    files: int
    bytes: int
    manifests: int
    without: int
    differs: dict[str, str]
    to_delete: list[str]


def verify_tree(root: Path) -> Verified:
    """Read every file under `root` and compare it with the manifests there.

    Raises:
        UserError: if there is no such folder, or no manifest in it.
    """
    if not root.is_dir():
        raise UserError(f"{root}: no such folder of results: make it with snakemake, or name another one")
    there, differs = _files(root)
    manifests = [path for path in there if _is_manifest(path, there)]
    if not manifests:
        raise UserError(f"{root}: no manifest in it: name a folder such as results/demo, or one within it")
    listed: dict[Path, str] = {}
    lister: dict[Path, Path] = {}
    contents: dict[Path, dict[str, Any]] = {}
    for manifest in manifests:
        try:
            contents[manifest] = read_manifest(manifest)
        except (UserError, OSError) as error:
            differs[manifest] = f"unreadable ({error.strerror})" if isinstance(error, OSError) else "not a manifest"
            continue
        files = contents[manifest]["files"]
        listed |= {manifest.parent / name: str(digest) for name, digest in files.items()}
        lister |= dict.fromkeys((manifest.parent / name for name in files), manifest)
    without = {path for path in there if path.relative_to(root).parts[0] in WITHOUT}
    for path in listed.keys() - there:
        differs[path] = "missing, though its manifest lists it"
    for path in there - listed.keys() - without - set(manifests):
        differs[path] = (
            "left by a process that was killed" if path.name.endswith(PART) else "extra: no manifest lists it"
        )
    read = sorted(listed.keys() & there)
    differs |= dict(_altered(root, read, listed))
    differs |= dict(_unlike_the_report(root, contents))
    differs |= dict.fromkeys(decayed(root), "altered since it was made")
    size = sum(path.stat().st_size for path in read if path.exists())
    names = {str(path): what for path, what in sorted(differs.items())}
    to_delete = sorted({str(lister.get(path, path)) for path in differs if path.is_file() or path in lister})
    return Verified(root, len(read), size, len(manifests), len(without), names, to_delete)


def verified_text(found: Verified) -> str:
    """What differs, a line each; or that nothing does."""
    lines = [f"{path}: {what}" for path, what in found.differs.items()]
    if not lines:
        read = f"{found.files} files ({found.bytes / 1e9:.3g} GB)"
        rest = f"; {found.without} files made from them have none" if found.without else ""
        lines = [f"{found.root}: {read} are what {found.manifests} manifests say{rest}"]
    return "\n".join(lines)


def _files(root: Path) -> tuple[set[Path], dict[Path, str]]:
    """All files under a folder, and the folders that can't be read."""
    unreadable: dict[Path, str] = {}

    def note(error: OSError) -> None:
        unreadable[Path(error.filename)] = f"unreadable ({error.strerror})"

    found = {
        Path(folder) / name
        for folder, _, names in os.walk(root, onerror=note)
        for name in names
        if name not in IGNORED and not name.endswith(".dvc")
    }
    return found, unreadable


def _is_manifest(path: Path, there: set[Path]) -> bool:
    """Whether a file describes others: by its name, or since a table of the same name is or ought to be there."""
    if path.name == MANIFEST:
        return True
    if path.suffix != ".json":
        return False
    return any(path.with_suffix(suffix) in there for suffix in TABLES) or _lists_its_table(path)


def _lists_its_table(path: Path) -> bool:
    """Whether a JSON file is the manifest of a table that is gone."""
    try:
        files = read_manifest(path)["files"]
    except (UserError, OSError):
        return False
    return any(path.with_suffix(suffix).name in files for suffix in TABLES)


def _altered(root: Path, paths: list[Path], listed: dict[Path, str]) -> Iterator[tuple[Path, str]]:
    """Files whose digest is another one, or that can't be read; several are read at a time."""
    progress = Progress(f"verify {root}", len(paths), "file")
    long = sum(path.stat().st_size for path in paths if path.exists()) > LONG
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as threads:
        for done, (path, now) in enumerate(zip(paths, threads.map(_digest, paths), strict=True), 1):
            if isinstance(now, OSError):
                yield path, f"unreadable ({now.strerror})"
            elif now != listed[path]:
                yield path, "altered since it was made"
            if long:
                progress.update(done)


def _digest(path: Path) -> str | OSError:
    try:
        return sha256(path)
    except OSError as error:
        return error


def _unlike_the_report(root: Path, contents: dict[Path, dict[str, Any]]) -> Iterator[tuple[Path, str]]:
    """Manifests that the report was not made from, or that were there when it was made."""
    if not (root / REPORTED).is_file():
        return
    try:
        reported = json.loads((root / REPORTED).read_text(encoding="utf-8"))
        entries = [(stage, name, entry["files"]) for stage in reported for name, entry in reported[stage].items()]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        yield root / REPORTED, "unreadable (not what the report stage writes)"
        return
    for stage, name, files in entries:
        manifest = root / stage / (f"{name}.json" if stage == "data" else f"{name}/{MANIFEST}")
        if not manifest.exists():
            yield manifest, f"missing, though {REPORTED} lists it"
        elif manifest in contents and contents[manifest]["files"] != files:
            yield manifest, f"not the one that {REPORTED} lists: one of them was altered, or the report is older"
