"""A command in a process of its own, forked from this one so that torch and its like are imported once for all.

The command is the one that the workflow's rules call, run by the same function of the package; only its imports are
saved. What disturbs it is the kernel (a limit on file sizes, SIGKILL), never a change of the code.
"""

import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HANG = 400.0  # seconds; a stage of the small study takes a few, all of them a minute
FILE_OPERATIONS = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.truncate", "shutil.move"}


@dataclass(frozen=True)
class Disturbance:
    """What happens to a process: SIGKILL at its n-th file operation or after seconds, or a limit on file sizes."""

    operation: int | None = None
    seconds: float | None = None
    file_bytes: int | None = None


@dataclass(frozen=True)
class Outcome:
    """How a process ended: its exit code (negative: the signal that ended it), what it printed, and if it hung."""

    code: int
    said: str
    hung: bool = False


class Process:
    """A function in a forked process with its own group, working folder and output."""

    def __init__(self, function: Callable[[], None], folder: Path, disturbance: Disturbance | None = None):
        handle, name = tempfile.mkstemp(prefix="said.", dir=folder.parent)
        os.close(handle)
        self.output = Path(name)
        self.begun = time.monotonic()
        self.disturbance = disturbance or Disturbance()
        sys.stdout.flush()
        sys.stderr.flush()
        self.id = os.fork()
        if self.id == 0:
            os._exit(self._run(function, folder))

    def wait(self) -> Outcome:
        """Wait for its end; kill it when its time is up."""
        limit = self.disturbance.seconds if self.disturbance.seconds is not None else HANG
        while True:
            done, status = os.waitpid(self.id, os.WNOHANG)
            if done:
                self._end_group()  # workers of its own
                return Outcome(os.waitstatus_to_exitcode(status), self._said())
            if time.monotonic() - self.begun >= limit:
                self._end_group()
                os.waitpid(self.id, 0)
                return Outcome(-signal.SIGKILL, self._said(), hung=self.disturbance.seconds is None)
            time.sleep(0.01)

    def _said(self) -> str:
        text = self.output.read_text(encoding="utf-8", errors="replace")
        self.output.unlink()
        return text

    def _end_group(self) -> None:
        try:
            os.killpg(self.id, signal.SIGKILL)
        except ProcessLookupError:
            return

    def _run(self, function: Callable[[], None], folder: Path) -> int:
        os.setsid()
        output = os.open(self.output, os.O_WRONLY)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.chdir(folder)
        if self.disturbance.file_bytes is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            # What it prints goes to a file too, and is not what the limit is about: a line has to fit.
            limit = max(self.disturbance.file_bytes, 8192)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        if self.disturbance.operation is not None:
            _end_at(self.disturbance.operation, folder)
        try:
            function()
        except SystemExit as ended:
            return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        except BaseException:
            traceback.print_exc()
            return 70
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
        return 0


def _end_at(number: int, folder: Path) -> None:
    """End this process's group at its n-th file operation inside `folder`, as Python's audit events tell them."""
    count, inside = 0, str(folder)

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal count
        if event == "open":
            path, _, flags = arguments
            if not (isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR)):
                return
        elif event in FILE_OPERATIONS:
            path = arguments[0]
        else:
            return
        if isinstance(path, str | os.PathLike) and os.path.abspath(path).startswith(inside):
            count += 1
            if count == number:
                os.killpg(0, signal.SIGKILL)

    sys.addaudithook(hook)
