"""Killing Snakemake or DVC at any moment: neither ever calls a state up to date in which an output is a wrong one.

The truth is a second repository that makes the same edits without being disturbed. Every kill is followed by the
question; then the same command goes on where the last one was killed.
"""

import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any

import pytest

from repository import Repository, altered_objects, copy_of

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("KILLS", 5))  # of each tool
TOOLS = {"snakemake": ("snakemake", "--cores", "2", "all"), "dvc": ("dvc", "repro")}
CACHE = {"snakemake": "symlink", "dvc": "hardlink"}
LENGTH = {"snakemake": 1.0, "dvc": 2.5}  # of a whole run, in those of Snakemake
SAME = ("data", "models", "runs", "predictions", "scores", "summary.json")  # the report also tells times
UP_TO_DATE = {"snakemake": "Nothing to be done", "dvc": "up to date"}


def edit(made: Repository, number: int) -> None:
    """An edit that concerns GRPO or SFT in turn, and everything after it; each number is another one."""
    path = made.folder / "src/visualzero" / ("rewards/accuracy.py", "training/sft.py")[number % 2]
    path.write_text(re.sub(r"\nEDITED = \d+\n|$", f"\nEDITED = {number}\n", path.read_text(), count=1))


def state(made: Repository) -> dict[str, str]:
    """Digests of all outputs that are the same in every repository."""
    root = made.folder / "results/demo"
    files = [path for name in SAME for path in ([root / name] if (root / name).is_file() else (root / name).rglob("*"))]
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if path.is_file() and path.name not in (".snakemake_timestamp", ".gitignore")
    }


def claims(made: Repository) -> set[str]:
    """The tools that call everything up to date. What they ask people to mend is mended on the way."""
    asked = {"snakemake": ("snakemake", "-n", "all"), "dvc": ("dvc", "status")}
    said = {tool: made.run(*command).stdout for tool, command in asked.items()}
    shutil.rmtree(made.folder / ".snakemake/locks", ignore_errors=True)  # as `snakemake --unlock` does
    if lost := re.search(r"missing, though (\S+) lists it", said["snakemake"]):
        (made.folder / lost[1]).unlink()
    if not whole(made.folder / ".dvc/tmp/rwlock"):
        (made.folder / ".dvc/tmp/rwlock").unlink()
    if not (made.folder / "dvc.lock").read_text().endswith("\n"):
        made.ok("git", "checkout", "dvc.lock")
    return {tool for tool, text in said.items() if UP_TO_DATE[tool] in text}


def whole(path: Path) -> bool:
    """Whether DVC can read the file in which it keeps who reads and writes what."""
    try:
        json.loads(path.read_text())
    except FileNotFoundError:
        return True
    except ValueError:
        return False
    return True


class Truth:
    """A repository in which nothing is disturbed: what is right after each edit, and how long Snakemake takes."""

    def __init__(self, made: Repository):
        self.made, self.lock = made, Lock()
        self.known: dict[int, tuple[dict[str, str], float]] = {}

    def after(self, number: int) -> tuple[dict[str, str], float]:
        with self.lock:
            if number not in self.known:
                edit(self.made, number)
                began = time.monotonic()
                self.made.ok("snakemake", "--cores", "2", "all")
                self.known[number] = state(self.made), time.monotonic() - began
            return self.known[number]


def killed(made: Repository, command: tuple[str, ...], seconds: float) -> bool:
    """Run a command and kill it with all its children after this time; False if it was done before."""
    process = made.start(*command)
    try:
        output, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return True
    assert process.returncode == 0, output
    return False


def disturb(made: Repository, truth: Truth, tool: str, seed: int) -> list[dict[str, Any]]:
    """Kill a tool until it was killed KILLS times; what was found after each kill."""
    chance = random.Random(seed)
    found: list[dict[str, Any]] = []
    number = 0
    while len(found) < KILLS:
        number += 1
        right, duration = truth.after(number)
        edit(made, number)
        while len(found) < KILLS and killed(made, TOOLS[tool], chance.uniform(0.0, LENGTH[tool] * duration)):
            now = state(made)
            found.append({"claims": sorted(claims(made)), "right": now == right, "edit": number})
    made.ok(*TOOLS[tool])
    assert state(made) == right
    assert claims(made) == ({"snakemake", "dvc"} if tool == "dvc" else {"snakemake"})
    return found


@pytest.fixture(scope="module")
def kills(recorded: Repository, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("killed")
    truth = Truth(copy_of(recorded, folder / "truth"))
    made = {tool: copy_of(recorded, folder / tool, CACHE[tool]) for tool in TOOLS}
    with ThreadPoolExecutor() as threads:
        runs = {tool: threads.submit(disturb, made[tool], truth, tool, seed) for seed, tool in enumerate(TOOLS, 1)}
        found = {tool: run.result() for tool, run in runs.items()}
    assert altered_objects(made["snakemake"]) == altered_objects(made["dvc"]) == []
    print(json.dumps(found))
    return found


@pytest.mark.parametrize("tool", TOOLS)
def test_a_killed_tool_never_leaves_a_wrong_state_that_looks_right(kills: Any, tool: str) -> None:
    assert len(kills[tool]) == KILLS
    assert [kill for kill in kills[tool] if kill["claims"] and not kill["right"]] == []


@pytest.mark.parametrize("tool", TOOLS)
def test_kills_hit_work_in_progress(kills: Any, tool: str) -> None:
    assert any(not kill["right"] for kill in kills[tool]), "no kill came before the end"
