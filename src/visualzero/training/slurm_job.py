"""The SLURM job that this process is part of: how long it may still run, and queueing it again."""

import os
import re
import subprocess
from dataclasses import dataclass

# Set by workflow/rules/common.smk in jobs that Snakemake has submitted; a job of the user's own is never queued again.
CHAINED = "VISUALZERO_CHAINED"


@dataclass(frozen=True)
class SlurmJob:
    """A job and the seconds that were left of its time limit when it was looked at; None if there is no limit."""

    id: str
    seconds_left: float | None

    def requeue(self) -> bool:
        """Let SLURM end this job and start it again later, with its full time; whether SLURM has agreed."""
        return _run("scontrol", "requeue", self.id) is not None


def this_job() -> SlurmJob | None:
    """The job, if this process runs in one that Snakemake has submitted."""
    job = os.environ.get("SLURM_JOB_ID")
    if not job or not os.environ.get(CHAINED):
        return None
    return SlurmJob(job, seconds_of(_run("squeue", "--noheader", "--jobs", job, "--format", "%L") or ""))


def seconds_of(time: str) -> float | None:
    """Seconds of a time as squeue writes it (`1-02:03:04`, `03:04`); None of one that has no limit."""
    found = re.fullmatch(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)", time.strip())
    if not found:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60.0 + seconds


def _run(*command: str) -> str | None:
    """What a command says; None if it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
