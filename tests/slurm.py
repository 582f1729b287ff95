"""A private SLURM and a copy of the project on it, in which tests run `snakemake --profile slurm`."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from visualzero.cluster import Cluster, down, up
from visualzero.cluster.programs import require
from visualzero.errors import UserError
from workspace import PARTS, ROOT, SMALL

HERE = {
    "account": '""',
    "cpu_partition": "cpu",
    "gpu_partition": "gpu",
    "gpu_model": "fake",
    "train_mem_mb": "2500",
}


@contextmanager
def slurm(folder: Path, accounting: bool = False, **size: int) -> Iterator[Cluster]:
    """A cluster for as long as the context lasts; a test that can't have one is skipped."""
    try:
        require(accounting)
    except UserError as error:
        pytest.skip(str(error))
    if os.geteuid() != 0:
        pytest.skip("nodes that run jobs as another user need root")
    cluster = Cluster(folder, **size, accounting=accounting)
    up(cluster)
    try:
        yield cluster
    finally:
        down(folder)


def wait_until(ready: Callable[[], Any], seconds: float, what: str) -> Any:
    """What `ready` returns, once that is true."""
    end = time.monotonic() + seconds
    while not (found := ready()):
        assert time.monotonic() < end, f"after {seconds:.0f} s still not: {what}"
        time.sleep(0.2)
    return found


@dataclass(frozen=True)
class SlurmStudy:
    """A study in a folder of its own, to be run on a cluster."""

    folder: Path
    cluster: Cluster
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def env(self) -> dict[str, str]:
        """Environment of commands: the cluster's clients come first, then this Python's programs."""
        path = self.environment.get("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        return os.environ | self.environment | {"PATH": f"{self.cluster.clients}{os.pathsep}{path}"}

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """`snakemake --profile slurm`, asking after jobs as often as makes sense with jobs of seconds."""
        command = ["snakemake", "--profile", "slurm", *arguments, "--slurm-init-seconds-before-status-checks", "5"]
        log = (self.folder / "head.log").open("a")
        return subprocess.Popen(command, cwd=self.folder, env=self.env, stdout=log, stderr=log, text=True)

    def head_log(self) -> str:
        return (self.folder / "head.log").read_text()

    def run(self, *arguments: str) -> None:
        """The same, to its end, which has to be a good one."""
        assert self.start(*arguments).wait() == 0, self.head_log()

    def ask(self, *command: str) -> str:
        """What a SLURM client says."""
        done = subprocess.run(command, env=self.env, cwd=self.folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def jobs(self, *states: str) -> list[dict[str, str]]:
        """Jobs in these states, or all that SLURM remembers."""
        keys = {"id": "%A", "state": "%T", "node": "%N", "comment": "%k", "begun": "%S", "ended": "%e"}
        chosen = f"--states={','.join(states) or 'all'}"
        lines = self.ask("squeue", "--noheader", chosen, "--format", "|".join(keys.values())).splitlines()
        return [dict(zip(keys, line.split("|"), strict=True)) for line in lines]


def make_study(
    folder: Path,
    cluster: Cluster,
    settings: dict[str, Any],
    environment: dict[str, str] | None = None,
    inputs: SlurmStudy | None = None,
    **edits: str,
) -> SlurmStudy:
    """Copy the project to `folder` and do what its user does: edit the profile's block, and config.yaml.

    Without an `environment`, one with conda in it, the line that asks for conda is taken out. `inputs` is a study whose
    questions and models are this one's too.
    """
    folder.mkdir(parents=True)
    for part in (*PARTS, "slurm", "src", "pyproject.toml", "README.md", "LICENSE"):
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, folder / part)
    config = folder / "config" / "config.yaml"
    text = config.read_text()
    for key in settings:
        text = re.sub(rf"^{key}:.*\n((?: .*|#.*)?\n)*", "", text, flags=re.MULTILINE)
    config.write_text(f"{text}\n{yaml.safe_dump(SMALL | settings)}")
    profile = folder / "slurm" / "profile.v9+.yaml"
    text = profile.read_text()
    for key, value in (HERE | edits).items():
        text, found = re.subn(rf"^  {key}: \S+", f"  {key}: {value}", text, flags=re.MULTILINE)
        assert found == 1, key
    if environment is None:
        text = text.replace("software-deployment-method: conda\n", "")
    profile.write_text(text)
    for part in ("data", "models") if inputs else ():
        shutil.copytree(inputs.folder / "results/demo" / part, folder / "results/demo" / part)
    if inputs:  # with Snakemake's records of them
        shutil.copytree(inputs.folder / ".snakemake/metadata", folder / ".snakemake/metadata")
    return SlurmStudy(folder, cluster, environment or {})
