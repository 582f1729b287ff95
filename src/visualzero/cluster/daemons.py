"""Starting and stopping daemons by their pid files."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from visualzero.errors import UserError


def launch(command: list[str], log: Path, environment: Mapping[str, str] | None = None) -> None:
    """Run a program that turns itself into a daemon.

    Raises:
        UserError: with its last words, if it fails.
    """
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    )
    if done.returncode:
        words = (done.stdout.strip().splitlines() or ["no message"])[-1]
        raise UserError(f"visualzero cluster: {Path(command[0]).name} did not start ({words}): see {log}")


def wait_until(ready: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait until `ready`.

    Raises:
        UserError: if it takes longer than `seconds`.
    """
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise UserError(f"visualzero cluster: {what}, after {seconds:.0f} s: see its folder log/")
        time.sleep(0.1)


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not yet reaped does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][:1]
    except OSError:
        return False
    return state != "Z"


def running(pid_file: Path) -> int | None:
    """The process that a pid file names, if it runs."""
    try:
        pid = int(pid_file.read_text())
    except (OSError, ValueError):
        return None
    return pid if alive(pid) else None


def stop(pid_file: Path, seconds: float = 10) -> None:
    """End the process that a pid file names: politely, then not."""
    pid = running(pid_file)
    for number in (signal.SIGTERM, signal.SIGKILL):
        end = time.monotonic() + seconds
        if pid is not None and alive(pid):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                break
        while pid is not None and alive(pid) and time.monotonic() < end:
            time.sleep(0.05)
    pid_file.unlink(missing_ok=True)
