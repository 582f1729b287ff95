"""Snakemake's lock on the folder, after a Snakemake that was killed: released where nothing of it lives any more.

Snakemake's lock names no process. So each run here registers itself, and leaves its mark in the environment of its
jobs; the lock is abandoned if every registered run is gone, and no process on this machine bears the mark of one. Where
that can't be known (another machine, jobs that were submitted, no /proc), the lock stays and it is said what to do.
"""

import atexit
import json
import os
import re
import shutil
import socket
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from visualzero.manifest import write_json
from visualzero.processes import begun, machine

LOCKS = Path(".snakemake/locks")
RUNS = Path(".snakemake/visualzero/runs")
MARK = "VISUALZERO_RUN"  # in the environment of all that a run starts
PROC = Path("/proc")
PLANNING = 3600.0  # seconds


@dataclass(frozen=True)
class Run:
    """A Snakemake that was started here. `submits` is whether its jobs are a cluster's; `began` tells apart processes
    that had the same number one after the other.
    """

    host: str
    machine: str
    pid: int
    began: str
    submits: bool

    @property
    def boot(self) -> str:
        """Names the start of the machine; processes of two containers on it have it in common."""
        return self.machine.partition("pid:")[0]

    @property
    def mark(self) -> str:
        """What its jobs bear."""
        return f"{self.pid}.{self.began}"


def take_over(submits: bool) -> Iterator[str]:
    """Release the lock if it is abandoned, register this run, and mark its jobs; yields what there is to say."""
    yield from release()
    if not machine():
        return
    _tidy()
    me = _this_process(submits)
    file = (RUNS / f"{me.host}-{me.pid}.json").absolute()
    write_json(file, asdict(me))
    atexit.register(file.unlink, missing_ok=True)
    os.environ[MARK] = me.mark


def release() -> Iterator[str]:
    """Release the lock if it is abandoned; yields what there is to say."""
    if not locked():
        return
    if said := list(in_the_way()):
        yield from (f"{what}: {remedy}" for what, remedy in said)
        return
    killed = [file.name.removesuffix(".json") for file in RUNS.glob("*.json")]
    if killed:
        shutil.rmtree(LOCKS)
        for file in RUNS.glob("*.json"):
            file.unlink(missing_ok=True)
        yield f"the lock of a run that was killed ({', '.join(killed)}) is released: nothing of it lives"


def _tidy() -> None:
    """Forget runs that must be over: without a lock none has been at work for longer than it takes to plan."""
    for file in RUNS.glob("*.json"):
        if not locked() and time.time() - file.stat().st_mtime > PLANNING:
            file.unlink(missing_ok=True)


def locked() -> bool:
    """Whether Snakemake's lock is there."""
    return any(LOCKS.glob("*.lock"))


def in_the_way() -> Iterator[tuple[str, str]]:
    """Why the lock may not be released, and what to do: for each registered run that may be at work, or its jobs."""
    for file in sorted(RUNS.glob("*.json")):
        try:
            run = Run(**json.loads(file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            yield f"{file}: can't be read, so nobody knows whether its run lives", "delete it if no snakemake runs here"
            continue
        name = f"process {run.pid} on {run.host}"
        here = _this_process(False)
        if run.host != here.host or (run.boot == here.boot and run.machine != here.machine):
            yield (
                f"this folder was locked by {name}, which can't be seen from here",
                "if it is gone, run `snakemake --unlock`, then the same command",
            )
        elif run.boot == here.boot and begun(run.pid) == run.began:
            yield f"this folder is locked by {name}, which is at work", "wait for it"
        elif run.submits:
            yield (
                f"this folder was locked by {name}, which was killed, but jobs that it has submitted may go on",
                f"{_cancel()}, then `snakemake --unlock`, then the same command",
            )
        elif run.boot == here.boot and (left := _bearing(run.mark)):
            pids = " ".join(map(str, left))
            yield (
                f"this folder was locked by {name}, which was killed, but its jobs go on",
                f"wait for them, or end them with `kill {pids}`, then the same command",
            )


def _cancel() -> str:
    """The command that cancels the jobs of the last run that submitted any: SLURM knows them by its name."""
    logs = sorted(Path(".snakemake/log").glob("*.log"), key=lambda path: path.stat().st_mtime, reverse=True)
    for log in logs:
        if found := re.search(r"SLURM run ID: (\S+)", log.read_text(encoding="utf-8", errors="replace")):
            return f"cancel them with `scancel --name={found[1]}`"
    return "cancel them (`squeue --me` lists them)"


def _this_process(submits: bool) -> Run:
    return Run(socket.gethostname(), machine(), os.getpid(), begun(os.getpid()) or "", submits)


def _bearing(mark: str) -> list[int]:
    """Processes of this machine with this mark in the environment that they were started with."""
    found = []
    for folder in PROC.glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes().split(b"\0")
        except OSError:
            continue  # gone, or somebody else's
        if f"{MARK}={mark}".encode() in environment and begun(int(folder.name)):
            found.append(int(folder.name))
    return sorted(found)
