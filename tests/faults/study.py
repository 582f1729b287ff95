"""The small study of the campaign: three arms on eight questions, three steps; and what two results have in common."""

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from faults.process import Disturbance, Outcome, Process
from workspace import SMALL, Workspace, make_workspace

ROOT = Path("results/demo")
STUDY: dict[str, object] = SMALL | {
    "run": ["base", "base-sft", "base-grpo"],
    "rewards": {
        "r1": {"terms": {"repetition": 1.0}}
    },  # differs between completions of a few tokens, so that it teaches
    "controls": {"no_image": [], "shuffled_image": [], "swapped_options": []},
    "data": {
        "train": {"kind": "toyspace", "split": "train", "n": 8, "seed": 1},
        "benchmarks": {"toyspace": {"source": {"kind": "toyspace", "split": "bench", "n": 8, "seed": 3}}},
    },
    "sft": {"steps": 3, "batch_size": 4, "micro_batch": 4, "save_steps": 1},
    "grpo": {
        "steps": 3,
        "batch_size": 2,
        "group_size": 2,
        "micro_batch": 4,
        "max_completion": 24,
        "temperature": 2.0,
        "save_steps": 1,
    },
    "evaluate": {"max_new_tokens": 8, "batch_size": 2},
}
# What each command makes, in the order of the study.
STAGES: dict[tuple[str, ...], tuple[str, ...]] = {
    ("questions", "train"): ("data/train.parquet", "data/train.json"),
    ("questions", "toyspace"): ("data/toyspace.parquet", "data/toyspace.json"),
    ("model", "base"): ("models/base",),
    ("train", "base-sft"): ("runs/base-sft",),
    ("train", "base-grpo"): ("runs/base-grpo",),
    ("predict", "base", "toyspace"): ("predictions/base",),
    ("predict", "base-sft", "toyspace"): ("predictions/base-sft",),
    ("predict", "base-grpo", "toyspace"): ("predictions/base-grpo",),
    ("score-arm", "base", "toyspace"): ("scores/base",),
    ("score-arm", "base-sft", "toyspace"): ("scores/base-sft",),
    ("score-arm", "base-grpo", "toyspace"): ("scores/base-grpo",),
    ("summarize",): ("summary.json",),
    ("report",): ("report",),
}
TOLD_ONLY = ("report",)  # holds times, so its bytes are never twice the same


@dataclass(frozen=True)
class Study:
    """A folder with the study's results; commands run in it."""

    workspace: Workspace

    @property
    def folder(self) -> Path:
        return self.workspace.folder

    def start(self, *command: str, disturbance: Disturbance | None = None) -> Process:
        """Start a command of the package; `snakemake` with its arguments is one too."""

        def function() -> None:
            if command[0] == "snakemake":
                from snakemake.cli import main as snakemake

                snakemake(["--cores", "1", *command[1:], "--config", *self.workspace.overrides])
                return
            from visualzero.cli import main

            main([*(part for override in self.workspace.overrides for part in ("--set", override)), *command])

        return Process(function, self.folder, disturbance)

    def run(self, *command: str, disturbance: Disturbance | None = None) -> Outcome:
        """Run a command to its end, or to the end that the disturbance gives it."""
        return self.start(*command, disturbance=disturbance).wait()

    def copy(self, folder: Path) -> "Study":
        """The same results in another folder, times included."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Study(Workspace(folder, self.workspace.settings))

    def remove(self, *outputs: str) -> None:
        """Remove outputs, by their path below results/demo."""
        for output in outputs:
            path = self.folder / ROOT / output
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def files(self, *outputs: str) -> list[Path]:
        """Files of outputs (of all, if none is named), relative to the study's folder."""
        roots = [self.folder / ROOT / output for output in outputs] or [self.folder / ROOT]
        found = [path for root in roots for path in ([root] if root.is_file() else sorted(root.rglob("*")))]
        return [path.relative_to(self.folder) for path in found if path.is_file() and not path.name.startswith(".")]

    def digests(self, *outputs: str) -> dict[str, str]:
        """Digests of what is the same in every undisturbed study, by path."""
        files = self.files(*outputs)
        return {str(path): digest(self.folder / path) for path in files if comparable(path)}

    def half_written(self, *outputs: str) -> list[str]:
        """Temporary files that were left beside or in outputs (of all, if none is named)."""
        roots = [self.folder / ROOT / output for output in outputs] or [self.folder / ROOT]
        found = {path for root in roots for path in (*root.rglob(".*"), *root.parent.glob(".*")) if path.is_file()}
        return sorted(str(path.relative_to(self.folder)) for path in found if path.name != ".snakemake_timestamp")


def comparable(path: Path) -> bool:
    """Whether a file is the same in every undisturbed study: not what holds times or the machine."""
    below = path.relative_to(ROOT)
    return below.parts[0] not in (*TOLD_ONLY, "timings") and path.name != "manifest.json" and path.suffix != ".tsv"


def digest(path: Path) -> str:
    """Of a file's content; of a history's without its seconds."""
    if path.name == "history.parquet":
        table = pq.ParquetFile(path).read().drop_columns("seconds")
        return hashlib.sha256(repr(table.to_pydict()).encode()).hexdigest()
    return hashlib.sha256(path.read_bytes()).hexdigest()


def make_study(folder: Path) -> Study:
    """The study as Snakemake makes it, undisturbed."""
    study = Study(make_workspace(folder, STUDY))
    done = study.workspace.snakemake("all")
    if done.returncode:
        raise RuntimeError(f"the undisturbed study fails:\n{done.stdout}")
    return study
