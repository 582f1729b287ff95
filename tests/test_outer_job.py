"""A Snakemake inside a SLURM job: what it submits is not confined to what that job has."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from slurm import make_study
from test_doctor import program
from visualzero.cluster import Cluster
from visualzero.cluster.outer_job import leave_job

INSIDE = {
    "SLURM_JOB_ID": "7",
    "SLURM_CPU_BIND": "quiet,mask_cpu:0x1",
    "SLURM_CPU_BIND_LIST": "0x1",
    "SLURM_MEM_PER_CPU": "100",
    "SLURM_TRES_PER_TASK": "cpu:1",
    "CUDA_VISIBLE_DEVICES": "3",
    "GOMP_CPU_AFFINITY": "0",
    "OMP_PLACES": "{0}",
}
OWN = {"SLURM_CONF": "/cluster/slurm.conf", "SBATCH_ACCOUNT": "mine", "HOME": "/home/me", "OMP_WAIT_POLICY": "passive"}


def test_what_a_job_has_put_into_the_environment_is_taken_out_and_nothing_else() -> None:
    environ = INSIDE | OWN
    leave_job(environ)
    assert environ == OWN


def test_outside_of_a_job_nothing_is_taken_out() -> None:
    environ = {"CUDA_VISIBLE_DEVICES": "0", "SLURM_CONF": "/cluster/slurm.conf"}
    before = dict(environ)
    leave_job(environ)
    assert environ == before


def test_what_is_submitted_from_inside_a_job_knows_nothing_of_it(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path / "none")
    cluster.clients.mkdir(parents=True)
    seen = tmp_path / "seen"
    program(cluster.clients, "sinfo", "#!/bin/sh\nprintf 'cpu|up\\ngpu|up\\n'\n")
    program(cluster.clients, "sbatch", f"#!/bin/sh\nenv >{seen}\necho 'no more today' >&2\nexit 1\n")
    for name in ("scontrol", "squeue", "sacct", "sacctmgr", "scancel"):
        program(cluster.clients, name, "#!/bin/sh\nexit 0\n")
    study = make_study(tmp_path / "study", cluster, {})
    shutil.rmtree(study.folder / "src")
    command = ["--profile", "slurm", "--retries", "0", "--slurm-init-seconds-before-status-checks", "1", "models"]
    program_of = Path(sys.executable).parent / "snakemake"
    done = subprocess.run(
        [program_of, *command], cwd=study.folder, env=study.env | INSIDE | OWN, capture_output=True, text=True
    )
    assert done.returncode == 1, "nothing can be submitted here"
    assert seen.is_file(), done.stdout + done.stderr
    lines = seen.read_text().splitlines()
    assert not [line for line in lines if re.match("|".join(f"{name}=" for name in INSIDE), line)]
    assert {f"{name}={value}" for name, value in OWN.items()} <= set(lines)
