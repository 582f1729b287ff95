"""A small copy of the project in which tests run the real workflow."""

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("Snakefile", "workflow", "config", "envs", "profiles", "models")

# The study in its smallest form: every arm and stage, two optimizer steps.
SMALL: dict[str, dict[str, object]] = {
    "data": {
        "train": {"kind": "toyspace", "split": "train", "n": 16, "seed": 1},
        "benchmarks": {"toyspace": {"source": {"kind": "toyspace", "split": "bench", "n": 16, "seed": 3}}},
    },
    "sft": {"steps": 2, "batch_size": 4, "micro_batch": 4, "save_steps": 1},
    "grpo": {"steps": 2, "batch_size": 2, "group_size": 4, "micro_batch": 8, "max_completion": 24, "save_steps": 1},
    "evaluate": {"max_new_tokens": 16, "batch_size": 8},
}


@dataclass(frozen=True)
class Workspace:
    """A folder with its own results; commands run in it with this environment's programs."""

    folder: Path
    settings: dict[str, object]

    @property
    def overrides(self) -> list[str]:
        """The settings as KEY=YAML."""
        return [f"{key}={json.dumps(value)}" for key, value in self.settings.items()]

    def start(self, *command: str) -> "subprocess.Popen[str]":
        """A command in a process group of its own."""
        programs = Path(sys.executable).parent
        environment = os.environ | {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
        return subprocess.Popen(
            [str(programs / command[0]), *command[1:]],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=_interruptible,
        )

    def run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """A command run to its end; its whole output is in `stdout`."""
        process = self.start(*command)
        output, _ = process.communicate()
        return subprocess.CompletedProcess(command, process.returncode, output)

    def snakemake_command(self, *targets: str) -> list[str]:
        return ["snakemake", "--cores", "2", *targets, "--config", *self.overrides]

    def snakemake(self, *targets: str) -> "subprocess.CompletedProcess[str]":
        """Snakemake with the settings, on two cores."""
        return self.run(*self.snakemake_command(*targets))

    def visualzero(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """One stage with the settings."""
        options = [option for override in self.overrides for option in ("--set", override)]
        return self.run("visualzero", *options, *arguments)


def _interruptible() -> None:
    """What a shell runs in the background ignores SIGINT, and so would all that it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def make_workspace(folder: Path, settings: dict[str, object] | None = None) -> Workspace:
    """Copy what the workflow needs into `folder`; `settings` are laid over SMALL key by key."""
    folder.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, folder / part)
        else:
            shutil.copy(source, folder / part)
    return Workspace(folder, SMALL | (settings or {}))
