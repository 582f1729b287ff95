"""Never two trainers in one work folder: a lock with a lease, good on network file systems.

The trainer that holds a folder renews the lock every `RENEWAL` seconds. One that was killed, or lost with its node,
can't release it; after `LEASE` seconds without renewal the next one takes it over. Where the holder ran on the same
machine and is gone, that is seen at once.

Nothing here trusts flock or the clocks of several machines: a lock is taken with a hard link, which is atomic on NFS
too, and its age is measured by the file system's own clock. Of several that would follow a lost holder, the one that
links its claim to that holder's lock first puts its own lock in its place. A trainer that was suspended for longer than
its lease finds that it has lost the folder before it writes there again.
"""

import contextlib
import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from visualzero.errors import UserError
from visualzero.progress import say

RENEWAL = 10.0  # seconds between renewals
LEASE = 60.0  # seconds without renewal after which a lock is nobody's


class Lease:
    """A lock that this process holds on a folder: the file `<folder>.lease` beside it."""

    def __init__(self, file: Path, owner: dict[str, Any]):
        self.file, self.owner = file, owner
        self._stop = threading.Event()
        self._renewer = threading.Thread(target=self._renew, name="lease", daemon=True)
        self._renewer.start()

    def check(self) -> None:
        """Check that the folder is still this process's.

        Raises:
            UserError: if another trainer has taken it over.
        """
        if not self._mine():
            raise UserError(
                f"{self.file}: another trainer has taken this run over, since this one was not heard of for"
                f" {LEASE:.0f} s: nothing is lost, the other one goes on from the last checkpoint"
            )

    def release(self) -> None:
        """Give the folder free."""
        self._stop.set()
        self._renewer.join()
        if self._mine():
            self.file.unlink(missing_ok=True)

    def _mine(self) -> bool:
        holder = _read(self.file)
        return holder is not None and holder["id"] == self.owner["id"]

    def _renew(self) -> None:
        while not self._stop.wait(RENEWAL):
            with contextlib.suppress(OSError):  # a file system that is away for a moment; `check` sees what came of it
                if self._mine():
                    os.utime(self.file)


@contextlib.contextmanager
def leased(folder: Path) -> Iterator[Lease]:
    """Hold `folder` for as long as the context lasts.

    Waits for up to `LEASE` seconds for the lock of a trainer that may be gone.

    Raises:
        UserError: if another trainer is at work there.
    """
    lease = _take(folder.with_name(f"{folder.name}.lease"))
    try:
        yield lease
    finally:
        lease.release()


def _take(file: Path) -> Lease:
    file.parent.mkdir(parents=True, exist_ok=True)
    owner = _this_process()
    candidate = file.with_name(f".{file.name}.{owner['id']}")
    candidate.write_text(json.dumps(owner), encoding="utf-8")
    try:
        while True:
            with contextlib.suppress(FileExistsError):
                os.link(candidate, file)
                return Lease(file, owner)
            _wait_until_lost(file, candidate)
            if _replace(file, candidate):
                return Lease(file, owner)
    finally:
        candidate.unlink(missing_ok=True)


def _wait_until_lost(file: Path, probe: Path) -> None:
    """Return once the lock is gone or its holder lost; `probe` is a file to touch, to read the file system's clock."""
    renewed, told = _time_of(file), False
    while True:
        now, holder = _time_of(file), _read(file)
        if now is None or _lost(file, probe):
            return
        if now != renewed and holder is not None:
            raise UserError(
                f"{file.with_suffix('')}: {_name(holder)} is training here: wait for it, or stop it (in SLURM with"
                " scancel) and run again"
            )
        if not told and holder is not None:
            age = probe.stat().st_mtime - now
            say(f"waiting up to {LEASE - age:.0f} s: {_name(holder)} was training here and may be gone")
            told = True
        time.sleep(min(1.0, LEASE / 10))


def _replace(file: Path, candidate: Path) -> bool:
    """Put `candidate` in the place of the lock of a lost holder; whether it was this process that did."""
    holder = _read(file)
    if holder is None and not file.exists():
        return False
    claim = file.with_name(f".{file.name}.after.{holder['id'] if holder else 'nobody'}")
    try:
        os.link(candidate, claim)
    except FileExistsError:
        if _lost(claim, candidate):  # its maker ended before it was through
            claim.unlink(missing_ok=True)
        time.sleep(min(0.1, LEASE / 100))
        return False
    try:
        if _read(file) != holder or not _lost(file, candidate):
            return False  # another one was faster, or the holder is back
        os.replace(candidate, file)
        return True
    finally:
        claim.unlink(missing_ok=True)


def _lost(file: Path, probe: Path) -> bool:
    """Whether nobody is behind a lock that is there: its holder is gone, or has not renewed it for a lease."""
    renewed, holder = _time_of(file), _read(file)
    if renewed is None:
        return False
    os.utime(probe)
    return holder is None or _gone(holder) or probe.stat().st_mtime - renewed >= LEASE


def _this_process() -> dict[str, Any]:
    return {
        "id": uuid.uuid4().hex,
        "host": socket.gethostname(),
        "job": os.environ.get("SLURM_JOB_ID"),
        "pid": os.getpid(),
        "machine": _machine(),
        "begun": _begun(os.getpid()),
    }


def _name(holder: dict[str, Any]) -> str:
    job = f"job {holder['job']}" if holder.get("job") else f"process {holder['pid']}"
    return f"{job} on {holder['host']}"


def _gone(holder: dict[str, Any]) -> bool:
    """Whether the holder ran on this machine, as far as one can see it, and does no more."""
    return holder["machine"] == _machine() != "" and _begun(holder["pid"]) != holder["begun"]


def _machine() -> str:
    """Names this machine since its start, and the part of its processes that can be seen from here."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip() + os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def _begun(pid: int) -> str | None:
    """When a process began, in ticks since the machine's start; None if there is none, or only its remains."""
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return None
    return None if state == "Z" else rest[18]


def _read(file: Path) -> dict[str, Any] | None:
    """The holder; None if there is none."""
    try:
        holder: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return holder


def _time_of(file: Path) -> float | None:
    try:
        return file.stat().st_mtime
    except FileNotFoundError:
        return None
