"""After a Snakemake was killed: the next one releases its lock where nothing of it lives, else it says what to do."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from visualzero.doctor.checks import _lock, _user_packages
from visualzero.processes import begun, machine
from visualzero.reruns import lock
from workspace import PARTS, ROOT

TABLE = "results/demo/data/toyspace.parquet"
CONTAINER = machine().partition("pid:")[0] + "pid:[1]"  # another on the same machine
COMMAND = ("snakemake", "--cores", "1", TABLE, "--config", "data={benchmarks: {toyspace: {source: {n: 4}}}}")


def wait_for(ready: Callable[[], object]) -> None:
    end = time.monotonic() + 120
    while not ready():
        assert time.monotonic() < end, "it never came"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """What Snakemake needs, and jobs that begin and then wait for somebody who writes into `go`."""
    folder = tmp_path / "tree"
    folder.mkdir()
    for part in PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, folder / part)
    os.mkfifo(folder / "go")
    script = folder / "workflow/scripts/logged"
    script.write_text(
        script.read_text().replace("set -o pipefail\n", "set -o pipefail\ntouch begun && read -r _ <go\n", 1)
    )
    return folder


def start(folder: Path) -> "subprocess.Popen[str]":
    program = Path(sys.executable).parent / COMMAND[0]
    return subprocess.Popen(
        [program, *COMMAND[1:]],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def finish(folder: Path) -> tuple[int, str]:
    done = start(folder)
    output, _ = done.communicate()
    return done.returncode, output


def test_a_killed_snakemakes_lock_is_released_once_its_jobs_are_gone(tree: Path) -> None:
    killed = start(tree)
    wait_for((tree / "begun").exists)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()

    code, said = finish(tree)
    assert code == 1
    assert "LockException" in said or "cannot be locked" in said
    told = re.search(r"which was killed, but its jobs go on: wait for them, or end them with `kill ([\d ]+)`", said)
    assert told, said
    for pid in map(int, told[1].split()):
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not any(map(begun, map(int, told[1].split()))))

    again = start(tree)
    (tree / "begun").unlink()
    wait_for((tree / "begun").exists)
    (tree / "go").write_text("on\n")
    said, _ = again.communicate()
    assert again.returncode == 0, said
    assert "the lock of a run that was killed (" in said
    assert "is released: nothing of it lives" in said
    assert (tree / TABLE).is_file()
    assert not list((tree / lock.RUNS).iterdir()), "a run that ends is registered no more"


# Who holds the lock


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is locked."""
    monkeypatch.chdir(tmp_path)
    lock.LOCKS.mkdir(parents=True)
    (lock.LOCKS / "0.output.lock").write_text("results\n")
    return tmp_path


def register(**changes: object) -> None:
    """Somebody who has locked it; a process that is gone, unless the changes say otherwise."""
    gone = replace(lock._this_process(submits=False), pid=2**22 + 1, began="1")
    run = replace(gone, **changes)  # type: ignore[arg-type] # of tests' own making
    lock.RUNS.mkdir(parents=True, exist_ok=True)
    (lock.RUNS / f"{run.host}-{run.pid}.json").write_text(json.dumps(asdict(run)))


def test_a_run_that_is_gone_leaves_no_lock(here: Path) -> None:
    register()
    [line] = lock.release()
    assert "is released: nothing of it lives" in line
    assert not lock.locked()


def test_a_run_before_the_machine_began_anew_is_gone_whatever_has_its_number_now(here: Path) -> None:
    register(pid=os.getpid(), began=begun(os.getpid()), machine="another" + lock._this_process(False).machine)
    assert len(list(lock.release())) == 1
    assert not lock.locked()


def test_another_process_with_the_number_of_a_killed_one_is_not_that_one(here: Path) -> None:
    register(pid=os.getpid())
    assert len(list(lock.release())) == 1
    assert not lock.locked()


@pytest.mark.parametrize(
    ("changes", "what", "remedy"),
    [
        ({"pid": os.getpid(), "began": begun(os.getpid())}, ", which is at work: wait for it", "wait for it"),
        ({"host": "another"}, " on another, which can't be seen from here", "if it is gone, run `snakemake --unlock`"),
        (
            {"machine": machine().partition("pid:")[0] + "pid:[1]"},
            "which can't be seen from here",
            "if it is gone, run `snakemake --unlock`",
        ),
        (
            {"submits": True},
            ", which was killed, but jobs that it has submitted may go on",
            "cancel them with `scancel --name=visualzero_1`",
        ),
    ],
    ids=["at work", "another machine", "another container", "its jobs are a cluster's"],
)
def test_what_may_live_keeps_its_lock_and_is_told_with_what_to_do(
    here: Path, changes: dict[str, object], what: str, remedy: str
) -> None:
    Path(".snakemake/log").mkdir()
    Path(".snakemake/log/a.log").write_text("SLURM run ID: visualzero_1\n")
    register(**changes)
    [line] = lock.release()
    assert re.match(r"this folder (is|was) locked by process \d+ on ", line)
    assert what in line
    assert remedy in line
    assert lock.locked()


def test_a_register_that_can_not_be_read_keeps_the_lock(here: Path) -> None:
    lock.RUNS.mkdir(parents=True)
    (lock.RUNS / "somebody.json").write_text("{")
    [line] = lock.release()
    assert "can't be read, so nobody knows whether its run lives: delete it if no snakemake runs here" in line
    assert lock.locked()


def test_a_lock_that_nobody_registered_for_stays(here: Path) -> None:
    assert list(lock.release()) == []
    assert lock.locked()


def test_the_doctor_tells_of_a_lock_with_what_to_do(here: Path) -> None:
    register()
    [finding] = _lock()
    assert (finding.level, finding.what) == ("note", "this folder is locked by a run that is gone")
    assert finding.remedy == "the next run releases it by itself"
    register(submits=True)
    [finding] = _lock()
    assert finding.level == "fail"
    assert "`snakemake --unlock`" in finding.remedy
    shutil.rmtree(lock.LOCKS)
    assert list(_lock()) == []


def test_the_doctor_tells_of_packages_that_are_not_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/cluster/modules")
    [finding] = _user_packages()
    assert "PYTHONPATH is /cluster/modules: jobs don't see it, but commands that you type do" in finding.what
    monkeypatch.delenv("PYTHONPATH")
    assert list(_user_packages()) == []
