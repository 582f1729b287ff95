"""Never two trainers in one work folder: a lock with a lease, good on network file systems.

The trainer that holds a folder renews the lock every `RENEWAL` seconds. One that was killed, or lost with its node,
can't release it; after `LEASE` seconds without renewal the next one takes it over. Where the holder ran on the same
machine and is gone, that is seen at once.

Nothing here trusts flock or the clocks of several machines: a lock is taken with a hard link, which is atomic on NFS
too (or, where there are none, with an exclusive creation), and a renewal is a change of its time, whatever that is. Of
several that would follow a lost holder, the one that links its claim to that holder's lock first puts its own lock in
its place. A trainer that was suspended for longer than its lease finds that it has lost the folder before it writes
there again.
"""

import contextlib
import errno
import json
import os
import re
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from visualzero.errors import UserError
from visualzero.manifest import FORGOTTEN
from visualzero.processes import begun, machine
from visualzero.progress import say

RENEWAL = 10.0  # seconds between renewals
LEASE = 60.0  # seconds without renewal after which a lock is nobody's
NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EXDEV, errno.EMLINK)  # a file system without hard links

Owner = dict[str, Any]
"""Who holds a lock: id, host, job, pid, machine and the process's beginning."""


class Lease:
    """A lock that this process holds on a folder: the file `<folder>.lease` beside it."""

    def __init__(self, file: Path, owner: Owner):
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
    lease = _take(_lock_of(folder))
    try:
        yield lease
    finally:
        lease.release()


def idle(folder: Path) -> bool:
    """Whether nobody is at work in a folder, as far as a glance tells: one who may be gone counts as being there."""
    file = _lock_of(folder)
    return not file.exists() or _nobodys(file)


def silence(folder: Path) -> float | None:
    """Seconds since whoever is at work in a folder was heard of, by this machine's clock; None if nobody is there."""
    renewed = None if idle(folder) else _time_of(_lock_of(folder))
    return None if renewed is None else time.time() - renewed


def _lock_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lease")


def _take(file: Path) -> Lease:
    file.parent.mkdir(parents=True, exist_ok=True)
    owner = _this_process()
    candidate = file.with_name(f".{file.name}.{owner['id']}")
    candidate.write_text(json.dumps(owner), encoding="utf-8")
    watch = Watch(candidate)
    try:
        while not _place(candidate, file):
            _wait_until_lost(file, watch)
            if _replace(file, candidate, watch):
                break
        _remove_leftovers(file, candidate)
        return Lease(file, owner)
    finally:
        candidate.unlink(missing_ok=True)


class Watch:
    """Finds out whether anybody is behind a lock, by looking again and again.

    `probe` is a file of this process in the same folder, to touch, so as to read the file system's clock.
    """

    def __init__(self, probe: Path):
        self.probe = probe
        self._seen: dict[Path, tuple[float, float]] = {}  # time of the lock, and when it was first seen with it

    def lost(self, file: Path) -> bool:
        """Whether nobody is behind a lock that is there: its holder is gone, or doesn't renew it.

        One that claims to be older than a lease is watched for as long as two renewals take; any other one, be it dated
        in the future or unreadable, for a lease.
        """
        renewed, now = _time_of(file), time.monotonic()
        if renewed is None:
            return False
        holder = _read(file)
        if holder is not None and _gone(holder):
            return True
        if file not in self._seen or self._seen[file][0] != renewed:
            self._seen[file] = renewed, now
        watched = now - self._seen[file][1]
        return watched >= LEASE or (self.age(file) >= LEASE and watched >= 2 * RENEWAL)

    def age(self, file: Path) -> float:
        """Seconds since a lock was renewed, by the clock of its file system."""
        os.utime(self.probe)
        return self.probe.stat().st_mtime - (_time_of(file) or 0.0)

    def left(self, file: Path) -> float:
        """Seconds after which a lock that nobody renews is lost, at most."""
        return max(2 * RENEWAL, min(LEASE, LEASE - self.age(file)))


def _wait_until_lost(file: Path, watch: Watch) -> None:
    """Return once the lock is gone or its holder lost.

    Raises:
        UserError: if the holder is at work.
    """
    renewed, told = _time_of(file), False
    while True:
        now, holder = _time_of(file), _read(file)
        if now is None or watch.lost(file):
            return
        if now != renewed and holder is not None:
            raise UserError(
                f"{file.with_suffix('')}: {_name(holder)} is training here: wait for it, or stop it (in SLURM with"
                " scancel) and run again"
            )
        if not told:
            who = _name(holder) if holder else f"someone whom {file} doesn't name"
            say(f"waiting up to {watch.left(file):.0f} s: {who} was training here and may be gone")
            told = True
        time.sleep(min(1.0, LEASE / 10, RENEWAL))


def _replace(file: Path, candidate: Path, watch: Watch) -> bool:
    """Put `candidate` in the place of the lock of a lost holder; whether it was this process that did."""
    holder = _read(file)
    if holder is None and not file.exists():
        return False
    claim = file.with_name(f".{file.name}.after.{holder['id'] if holder else 'nobody'}")
    if not _place(candidate, claim):
        if watch.lost(claim):  # its maker ended before it was through
            claim.unlink(missing_ok=True)
        time.sleep(min(0.1, LEASE / 100))
        return False
    try:
        if _read(file) != holder or not watch.lost(file):
            return False  # another one was faster, or the holder is back
        os.replace(candidate, file)
        return True
    finally:
        claim.unlink(missing_ok=True)


def _place(candidate: Path, file: Path) -> bool:
    """Let `file` be the candidate, unless something is there; whether it is now."""
    try:
        os.link(candidate, file)
    except FileExistsError:
        with contextlib.suppress(FileNotFoundError):
            return candidate.samefile(file)  # NFS may repeat a request whose answer was lost
        return False
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        return _create(file, candidate.read_bytes())
    return True


def _create(file: Path, content: bytes) -> bool:
    """Create a file that isn't there; whether it was this process that did. Whoever sees it empty waits."""
    try:
        handle = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    except FileExistsError:
        return False
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
    return True


def _remove_leftovers(file: Path, candidate: Path) -> None:
    """Remove what trainers that are gone have left beside a lock that was just taken."""
    for path in file.parent.glob(f".{file.name}.*"):
        if path != candidate and _nobodys(path):
            path.unlink(missing_ok=True)


def _this_process() -> Owner:
    return {
        "id": uuid.uuid4().hex,
        "host": socket.gethostname(),
        "job": os.environ.get("SLURM_JOB_ID"),
        "pid": os.getpid(),
        "machine": machine(),
        "begun": begun(os.getpid()),
    }


def _name(holder: Owner) -> str:
    job = f"job {holder['job']}" if holder.get("job") else f"process {holder['pid']}"
    return f"{job} on {holder['host']}"


def _gone(holder: Owner) -> bool:
    """Whether the holder ran on this machine, as far as one can see it, and does no more."""
    return holder["machine"] == machine() != "" and begun(holder["pid"]) != holder["begun"]


def _nobodys(file: Path) -> bool:
    """Whether a glance shows that the maker of a file is gone: it ran here and does no more, or was forgotten."""
    holder, made = _read(file), _time_of(file)
    return (holder is not None and _gone(holder)) or (made is not None and abs(time.time() - made) >= FORGOTTEN)


def _read(file: Path) -> Owner | None:
    """The holder; None if there is none, or the lock doesn't say."""
    try:
        holder = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(holder, dict) or not isinstance(holder.get("pid"), int):
        return None
    texts = [holder.get(key) for key in ("id", "host", "machine")]
    return holder if all(isinstance(text, str) for text in texts) and re.fullmatch(r"\w+", holder["id"]) else None


def _time_of(file: Path) -> float | None:
    try:
        return file.stat().st_mtime
    except FileNotFoundError:
        return None
