"""What each job of the demo pays before its own work: CPU seconds of its command with next to nothing to do.

    python benchmarks/startup.py

Runs the commands of the workflow's rules on 8 questions and for one step, in a folder of its own. There they are
Python's start, imports, fingerprints and the model's loading. Beside them stands how many such jobs the demo has.
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("Snakefile", "workflow", "config", "envs", "profiles", "models")
ARMS = ("base", "base-sft", "base-grpo")
ACCELERATE = "config/accelerate/one_process.yaml --num_processes 1 --num_cpu_threads_per_process 1"
LAUNCH = f"workflow/scripts/on_nodes 1 accelerate launch --config_file {ACCELERATE} -m"

# Jobs of the demo by name: how many there are, and their commands, in the order in which one needs the other's outputs.
# Where there are several, the last one is measured.
JOBS = {
    "visualzero --help": (0, ["python -m visualzero --help"]),
    "visualzero why": (0, ["python -m visualzero why"]),
    "Snakemake": (1, ["snakemake -n all --quiet"]),
    "questions": (2, ["python -m visualzero questions train", "python -m visualzero questions toyspace"]),
    "initial_model": (2, ["python -m visualzero model base"]),
    "train_sft": (1, [f"{LAUNCH} visualzero train base-sft"]),
    "train_grpo": (2, [f"{LAUNCH} visualzero train base-grpo"]),
    "predict": (12, [f"python -m visualzero predict {arm} toyspace" for arm in ARMS]),
    "score": (12, [f"python -m visualzero score-arm {arm} toyspace" for arm in ARMS]),
    "summarize": (1, ["python -m visualzero summarize"]),
    "page": (1, ["python -m visualzero report"]),
}


def small_study(folder: Path) -> None:
    """Copy what the workflow needs into `folder`, and make its demo small."""
    for part in PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, folder / part)
    scale = folder / "config/scale/demo.yaml"
    scale.write_text(scale.read_text().replace("n: 400", "n: 8").replace("n: 800", "n: 8"))
    config = folder / "config/config.yaml"
    study = yaml.safe_load(config.read_text())
    study |= {"max_steps": 1, "run": {"demo": list(ARMS), "paper": "all"}, "controls": {}}
    config.write_text(yaml.safe_dump(study, sort_keys=False))


def cpu_seconds(command: str, folder: Path) -> float:
    """User and system time of a command and of all that it has started."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT / "src")}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command.split(), cwd=folder, env=environment, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measure and print."""
    total = 0.0
    print("| what | CPU s | in the demo | CPU s |\n|---|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small_study(folder)
        for what, (count, commands) in JOBS.items():
            seconds = [cpu_seconds(command, folder) for command in commands][-1]
            total += count * seconds
            print(f"| {what} | {seconds:.1f} | {count} | {count * seconds:.0f} |", flush=True)
    print(f"| all | | | {total:.0f} |")


if __name__ == "__main__":
    main()
