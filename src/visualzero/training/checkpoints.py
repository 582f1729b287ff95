"""Which checkpoint a run goes on from: the newest one that is whole, byte by byte.

A checkpoint is sealed when all of it is written: `visualzero.json` in it names the run, the step, and the digest of
every file, those of the weights that the run has kept so far included. The rollouts logged so far lie in it as copies,
so that what becomes of the work folder can't lose a row. Without its seal a checkpoint was cut off while it was
written; one that differs from it is set aside, and the run goes on from the one before.
"""

import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from visualzero.errors import UserError
from visualzero.manifest import flush, write_json
from visualzero.progress import say
from visualzero.training.digests import digests

CHECKPOINT, DAMAGED = "checkpoint-", "damaged-checkpoint-"
SEAL = "visualzero.json"
LOGGED = "completions"  # TRL's tables of completions, one per logged step; in the work folder and in each checkpoint
KEPT = "kept"  # weights kept for the curve, one folder per step
HELD = 2  # checkpoints

Identity = dict[str, Any]
"""What a checkpoint can be gone on from with: the run, its fingerprint, and the name of its work folder."""


def step_of(checkpoint: Path) -> int:
    """The step that a checkpoint folder is named after."""
    return int(checkpoint.name.rpartition("-")[2])


def checkpoints(work: Path) -> list[Path]:
    """All that are there, the newest first."""
    found = [path for path in work.glob(f"{CHECKPOINT}*") if path.name.removeprefix(CHECKPOINT).isdecimal()]
    return sorted(found, key=step_of, reverse=True)


def seal(checkpoint: Path, identity: Identity, processes: int, known: dict[str, str]) -> dict[str, str]:
    """Write the seal of a checkpoint that is complete; the digests of the kept weights.

    `known` are the digests of kept weights that were digested before.
    """
    kept = {name: path for name, path in _files(checkpoint.parent / KEPT) if name not in known}
    content = {
        **identity,
        "step": step_of(checkpoint),
        "processes": processes,
        "files": digests(dict(_files(checkpoint))),
        "kept": known | digests(kept),
    }
    write_json(checkpoint / SEAL, content)
    return dict(content["kept"])


def read_seal(checkpoint: Path) -> dict[str, Any]:
    """The seal of a checkpoint that was found whole."""
    content: dict[str, Any] = json.loads((checkpoint / SEAL).read_text(encoding="utf-8"))
    return content


def last_whole(work: Path, identity: Identity, processes: int) -> Path | None:
    """The newest checkpoint that is whole and of this run; those that are newer are set aside, and it is said why.

    Raises:
        UserError: if it was written by another number of processes, whose random numbers these can't go on with.
    """
    passed: list[tuple[Path, str]] = []
    found = None
    for checkpoint in checkpoints(work):
        if (flaw := flaw_of(checkpoint, identity)) is None:
            found = checkpoint
            break
        passed.append((checkpoint, flaw))
    then = f"going on from {found.name}" if found else "no other is whole: beginning anew"
    if found and (wrote := read_seal(found)["processes"]) != processes:
        raise UserError(
            f"{found}: written by {wrote} processes, and these are {processes}: train with as many, or delete {work}"
            " to begin anew"
        )
    for checkpoint, flaw in passed:
        say(f"{identity['run']}: {checkpoint.name}: {flaw}: {then}")
        _set_aside(checkpoint)
    return found


def flaw_of(checkpoint: Path, identity: Identity) -> str | None:
    """The first thing that is wrong with a checkpoint, in words; None if it is whole and of this run."""
    try:
        content = read_seal(checkpoint)
    except FileNotFoundError:
        return "not written to its end"
    except (OSError, ValueError) as error:
        return f"{SEAL}: unreadable ({_first_line(error)})"
    try:
        listed, kept = dict(content["files"]), dict(content["kept"])
        step, _ = content["step"], int(content["processes"])
    except (KeyError, TypeError, ValueError):
        return f"{SEAL}: altered since it was written"
    if step != step_of(checkpoint) or any(content.get(key) != value for key, value in identity.items()):
        return "of another run"
    there = dict(_files(checkpoint))
    for name in listed.keys() - there.keys():
        return f"{name}: missing"
    for name in there.keys() - listed.keys():
        return f"{name}: not of this checkpoint"
    laid = {name: checkpoint.parent / KEPT / name for name in kept}
    for name, path in laid.items():
        if not path.is_file():
            return f"{KEPT}/{name}: missing"
    try:
        now = digests(there) | {f"{KEPT}/{name}": value for name, value in digests(laid).items()}
    except OSError as error:
        return f"{Path(error.filename or checkpoint).name}: unreadable ({error.strerror})"
    for name, value in (listed | {f"{KEPT}/{name}": value for name, value in kept.items()}).items():
        if now[name] != value:
            return f"{name}: altered since it was written"
    return None


def restore(work: Path, checkpoint: Path | None) -> dict[str, str]:
    """Make the rest of the work folder what it was at a checkpoint, or at the start; the digests of kept weights."""
    remove(work / LOGGED)
    if checkpoint is None:
        remove(work / KEPT)
        (work / LOGGED).mkdir(parents=True, exist_ok=True)
        return {}
    if (checkpoint / LOGGED).is_dir():
        shutil.copytree(checkpoint / LOGGED, work / LOGGED)
    kept: dict[str, str] = read_seal(checkpoint)["kept"]
    steps = {Path(name).parts[0] for name in kept}
    for folder in (work / KEPT).glob("*"):
        if folder.name not in steps:
            remove(folder)
    return kept


def prune(checkpoint: Path) -> None:
    """Remove all checkpoints but this one, which was just sealed, and the one before; and what was set aside.

    The one before is on the disk before its own predecessor goes, so that no loss of power takes them all. By then the
    system has long written it, and nothing waits.
    """
    older = [path for path in checkpoints(checkpoint.parent) if step_of(path) < step_of(checkpoint)]
    for path in older[: HELD - 1]:
        flush([*(file for _, file in _files(path)), path / SEAL, path])
    for path in (*older[HELD - 1 :], *checkpoint.parent.glob(f"{DAMAGED}*")):
        remove(path)


def remove(path: Path) -> None:
    """Remove a folder if it is there, its seal first: what is half removed is no checkpoint."""
    (path / SEAL).unlink(missing_ok=True)
    if path.is_dir():
        shutil.rmtree(path)


def copy_logged(checkpoint: Path, steps: Iterable[int]) -> None:
    """Copy TRL's tables of these steps from the work folder into a checkpoint.

    Raises:
        UserError: if one is missing: somebody has removed it under the trainer.
    """
    folder = checkpoint.parent / LOGGED
    (checkpoint / LOGGED).mkdir(exist_ok=True)
    for step in steps:
        name = f"completions_{step:05d}.parquet"
        if not (folder / name).is_file():
            raise UserError(f"{folder / name}: lost while training: run again to go on from the last checkpoint")
        shutil.copyfile(folder / name, checkpoint / LOGGED / name)


def _set_aside(checkpoint: Path) -> None:
    """Keep a damaged checkpoint until the next one is sealed; one that was never sealed is of no use."""
    if not (checkpoint / SEAL).exists():
        remove(checkpoint)
        return
    aside = checkpoint.with_name(f"{DAMAGED}{step_of(checkpoint)}")
    remove(aside)
    checkpoint.rename(aside)


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """The files of a folder by their path in it, but for the seal and what NFS calls a removed file that is in use."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name != SEAL and not path.name.startswith(".nfs"):
            yield name, path


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
