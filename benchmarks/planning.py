"""How long it takes to know what to do: `snakemake -n all`, `visualzero why` and the fingerprints of many arms.

    python benchmarks/planning.py                     10, 50 and 200 arms, three seeds each
    python benchmarks/planning.py --arms 10 --made    with all results there, so that everything is compared

Each study is that of the config with copies of base-grpo. With --made, the results are empty files that Snakemake is
told it made (`--touch`): what a plan costs when nothing is left to do.
"""

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import yaml

from visualzero.config import read_study
from visualzero.reruns.lineage import stage_fingerprints
from visualzero.reruns.trust import manifests, outputs

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("Snakefile", "workflow", "config", "envs", "profiles", "models")
SEEDS = [1, 2, 3]


def write_project(folder: Path, arms: int) -> None:
    """The project with this many arms, all trained with GRPO."""
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, folder / part)
        else:
            shutil.copy(source, folder / part)
    path = folder / "config" / "config.yaml"
    study = yaml.safe_load(path.read_text())
    arm = study["arms"]["base-grpo"]
    names = [f"arm-{number}" for number in range(arms)]
    study["arms"] = {name: {**arm, "title": name} for name in names}
    study |= {"run": names, "sets": {}, "seeds": SEEDS, "comparisons": [], "controls": {}}
    path.write_text(yaml.safe_dump(study, sort_keys=False))


def make(folder: Path) -> None:
    """Let every output be there, and Snakemake believe that it made them."""
    from visualzero.layout import REPORT_FILES, Layout

    study, layout = read_study(folder / "config" / "config.yaml"), Layout("demo")
    held = [layout.summary, *(layout.report / name for name in REPORT_FILES)]
    for path in [*outputs(study, layout), *held]:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        if path.name == "model":
            (folder / path).mkdir(exist_ok=True)
        else:
            (folder / path).write_text("{}")
    for path in manifests(study, layout):
        (folder / path).write_text(json.dumps({"files": {}}))
    run(folder, "snakemake", "--touch", "--forceall", "--quiet", "all")


def run(folder: Path, *command: str) -> str:
    """The output of a command."""
    programs = Path(sys.executable).parent
    environment = os.environ | {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return done.stdout + done.stderr


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds on the clock, and seconds of CPU time of this process and its children."""

    def cpu() -> float:
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(one.ru_utime + one.ru_stime for one in used)

    begun, before = time.monotonic(), cpu()
    work()
    return time.monotonic() - begun, cpu() - before


def main() -> None:
    """Print a table in Markdown."""
    parser = argparse.ArgumentParser(description="Time what it takes to plan a study of many arms.")
    parser.add_argument("--arms", type=int, nargs="+", default=[10, 50, 200])
    parser.add_argument("--made", action="store_true", help="with all results there")
    options = parser.parse_args()
    print(f"{platform.platform()}, {os.cpu_count()} CPUs, Python {platform.python_version()}\n")
    print("| arms x seeds | jobs | snakemake -n all, s | CPU, s | visualzero why, CPU s | fingerprints, CPU s |")
    print("|---|---|---|---|---|---|")
    for arms in options.arms:
        with tempfile.TemporaryDirectory() as temporary:
            print(row(Path(temporary) / "project", arms, options.made), flush=True)


def row(folder: Path, arms: int, made: bool) -> str:
    """A line of the table."""
    folder.mkdir()
    write_project(folder, arms)
    if made:
        make(folder)
    said: list[str] = []
    clock, cpu = timed(lambda: said.append(run(folder, "snakemake", "-n", "--quiet", "rules", "all")))
    total = next((line.split()[1] for line in said[0].splitlines() if line.startswith("total")), "0")
    _, why = timed(lambda: run(folder, "visualzero", "why"))
    study = read_study(folder / "config" / "config.yaml")
    _, prints = timed(lambda: stage_fingerprints(study))
    return f"| {arms} x {len(SEEDS)} | {total} | {clock:.1f} | {cpu:.1f} | {why:.1f} | {prints:.2f} |"


if __name__ == "__main__":
    main()
