"""What orchestration costs on SLURM: seconds per job, and seconds per level of the graph, beside the work itself.

    python benchmarks/orchestration.py

Brings up a private SLURM (`visualzero cluster`), whose queue is empty and whose scheduler is quick: what is measured is
Snakemake and its SLURM plugin. Two things are run there:

- a graph of jobs that do nothing, some levels deep and some jobs wide, with different intervals between status checks,
  and with each column of the graph in one group job;
- the study's own questions and models, for the seconds from a job's start to its rule's command: two Snakemakes start
  after each other in a job, and each reads the workflow.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

from visualzero.cluster import Cluster, down, up

ROOT = Path(__file__).resolve().parents[1]
GRAPH = """
LEVELS, WIDTH = {levels}, {width}
rule all:
    localrule: True
    input: expand("{{level}}/{{column}}.txt", level=LEVELS, column=range(WIDTH))
rule nothing:
    input: lambda w: f"{{int(w.level) - 1}}/{{w.column}}.txt" if int(w.level) > 1 else []
    output: "{{level}}/{{column}}.txt"
    group: "column" if {grouped} else None
    resources: slurm_partition="cpu", mem_mb=500, runtime=5
    shell: "touch {{output}}"
"""


def environment(cluster: Cluster) -> dict[str, str]:
    """The cluster's clients, then this Python's programs."""
    folders = [str(cluster.clients), str(Path(sys.executable).parent), os.environ["PATH"]]
    return os.environ | {"PATH": os.pathsep.join(folders)}


def wall_of_graph(cluster: Cluster, levels: int, width: int, interval: int, grouped: bool) -> float:
    """Seconds that Snakemake takes for a graph of jobs that do nothing."""
    with tempfile.TemporaryDirectory(dir=cluster.folder) as folder:
        (Path(folder) / "Snakefile").write_text(GRAPH.format(levels=levels, width=width, grouped=grouped))
        command = ["snakemake", "all", "--executor", "slurm", "--jobs", "50", "--latency-wait", "10", "--quiet", "all"]
        command += ["--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", str(interval)]
        begun = time.monotonic()
        subprocess.run(command, cwd=folder, env=environment(cluster), check=True, capture_output=True)
        return time.monotonic() - begun


def begin_of_rules(cluster: Cluster) -> list[float]:
    """Seconds from the start of each of the study's first jobs to its rule's command."""
    with tempfile.TemporaryDirectory(dir=cluster.folder) as folder:
        study = Path(folder)
        for part in ("Snakefile", "workflow", "config", "envs", "profiles", "models", "slurm"):
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
            copy(ROOT / part, study / part)
        profile = study / "slurm" / "profile.v9+.yaml"
        text = re.sub(r"account: CHANGEME", 'account: ""', profile.read_text()).replace("CHANGEME", "cpu")
        profile.write_text(text.replace("software-deployment-method: conda\n", ""))
        command = ["snakemake", "--profile", "slurm", "data", "models", "--jobs", "1"]
        subprocess.run(command, cwd=study, env=environment(cluster), check=True, capture_output=True)
        squeue = [cluster.clients / "squeue", "--states=all", "--noheader", "--format=%A %S"]
        begun = dict(line.split() for line in subprocess.check_output(squeue, text=True).splitlines())
        found = []
        for log in (study / "logs/demo").rglob("*.log"):
            when, job = re.findall(r"# (\S+ \S+) on .* job (\d+)", log.read_text())[0]
            found.append((datetime.fromisoformat(when) - datetime.fromisoformat(begun[job])).total_seconds())
        return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--levels", type=int, default=3)
    parser.add_argument("--width", type=int, default=4)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        cluster = Cluster(Path(folder), nodes=2, gpus=0, cpus=8)
        up(cluster)
        try:
            print("| status checks after | levels | jobs | SLURM jobs | wall, s | s per level |")
            print("|---|---|---|---|---|---|")
            for interval, levels, grouped in ((40, options.levels, False), (20, options.levels, False),
                                              (5, options.levels, False), (20, options.levels, True)):  # fmt: skip
                wall = wall_of_graph(cluster, levels, options.width, interval, grouped)
                jobs = levels * options.width
                submitted = options.width if grouped else jobs
                print(
                    f"| {interval} s | {levels} | {jobs} | {submitted} | {wall:.0f} | {wall / levels:.1f} |", flush=True
                )
            print(f"from a job's start to its rule's command, one job at a time: {begin_of_rules(cluster)} s")
        finally:
            down(cluster.folder)


if __name__ == "__main__":
    main()
