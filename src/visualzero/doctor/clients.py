"""Asking SLURM and conda: with a time limit, and never raising."""

import shutil
import subprocess
from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """What a program has said; `problem` in one line if it could not be asked or has failed."""

    text: str = ""
    problem: str = ""

    @property
    def lines(self) -> list[str]:
        """Its lines, without those that are empty."""
        return [line.strip() for line in self.text.splitlines() if line.strip()]


def ask(*command: str, seconds: float = 4) -> Answer:
    """Run a program."""
    if shutil.which(command[0]) is None:
        return Answer(problem=f"{command[0]}: not found")
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return Answer(problem=f"{command[0]}: no answer within {seconds:.0f} s")
    except OSError as error:
        return Answer(problem=f"{command[0]}: {error.strerror}")
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        return Answer(problem=f"{command[0]}: {said[-1] if said else f'exit code {done.returncode}'}")
    return Answer(done.stdout)
