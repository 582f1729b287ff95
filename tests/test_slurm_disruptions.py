"""What can happen to a training on a cluster, on a real SLURM: it ends with an undisturbed run's weights, by itself.

Arms that differ in their name alone train side by side, each on a node of its own, and each meets other trouble.
Steps are made to take four seconds, so that there is time for it.
"""

import hashlib
import math
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from slurm import SlurmStudy, make_study, slurm, wait_until
from visualzero.cluster import Cluster
from visualzero.cluster.daemons import alive
from visualzero.training.pace import RESERVE

pytestmark = pytest.mark.slow

ARMS = ("undisturbed", "moved", "broken", "limited")
STEPS = 48  # of four seconds and more: too many for two jobs that have up to 80 seconds for steps
SLOW = '''"""Different letters, counted at leisure: a reward that is never the same for a whole group."""

import time


def score(completion: str, **fields: object) -> float:
    """How many there are."""
    time.sleep(0.5)
    return float(len(set(completion)))
'''
RUNS = "results/demo/runs"


def settings(arms: tuple[str, ...]) -> dict[str, object]:
    arm = {"title": "One of many", "init": "base", "recipe": "grpo", "prompt": "r1_zero", "reward": "slow"}
    return {
        "arms": dict.fromkeys(arms, arm),
        "run": {"demo": list(arms)},
        "rewards": {"slow": {"terms": {"accuracy": 1.0, "format": 1.0, "slow": 1.0}}},
        "sets": {},
        "comparisons": [],
        "controls": {"no_image": [], "shuffled_image": [], "swapped_options": []},
        "grpo": {
            "steps": STEPS,
            "batch_size": 2,
            "group_size": 4,
            "micro_batch": 8,
            "max_completion": 8,
            "save_steps": 1000,
            "save_minutes": 0.1,
        },
    }


@dataclass(frozen=True)
class Trained:
    """The studies of the arms, after everything has happened to them."""

    many: SlurmStudy
    limited: SlurmStudy

    def of(self, arm: str) -> SlurmStudy:
        """The study in which an arm was trained."""
        return self.limited if arm == "limited" else self.many


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trained]:
    with slurm(tmp_path_factory.mktemp("c"), nodes=len(ARMS) + 1, gpus=1, cpus=1, memory_mb=4000) as cluster:
        many = slow_study(tmp_path_factory.mktemp("many") / "study", cluster, ARMS[:3])
        heads = [many.start("grpo")]
        try:
            begun = wait_until(lambda: Trouble(many, "undisturbed").job() and time.monotonic(), 120, "a job runs")
            log = many.folder / "logs/demo/grpo/undisturbed/1.log"
            wait_until(lambda: log.is_file() and "step 1/" in log.read_text(), 180, "a step is made")
            # To begin to train takes a minute on a busy machine. A limit leaves that, the reserve, and time for steps.
            minutes = math.ceil((time.monotonic() - begun + RESERVE + 20) / 60)
            folder = tmp_path_factory.mktemp("limited") / "study"
            limited = slow_study(folder, cluster, ARMS[3:], many, train_minutes=str(minutes))
            heads.append(limited.start("grpo"))
            troubles = {
                "moved": (Trouble.requeue, Trouble.preempt, Trouble.lose_node),
                "broken": (Trouble.kill, Trouble.cancel),
            }
            with ThreadPoolExecutor() as pool:  # side by side, before the other is done
                list(pool.map(lambda arm: Trouble(many, arm).through(*troubles[arm]), troubles))
            assert [head.wait(timeout=900) for head in heads] == [0, 0], many.head_log() + limited.head_log()
        finally:
            for head in heads:
                head.kill()
        yield Trained(many, limited)


def slow_study(
    folder: Path, cluster: Cluster, arms: tuple[str, ...], inputs: SlurmStudy | None = None, **edits: str
) -> SlurmStudy:
    """A study of these arms whose steps take four seconds."""
    study = make_study(folder, cluster, settings(arms), inputs=inputs, **edits)
    study.environment["PYTHONPATH"] = str(folder / "src")  # this copy of the code, with its slow reward
    (folder / "src/visualzero/rewards/slow.py").write_text(SLOW)
    return study


class Trouble:
    """What an arm's run has to go through."""

    def __init__(self, study: SlurmStudy, arm: str):
        self.study, self.arm = study, arm

    def through(self, *troubles: "Callable[[Trouble, str, str], None]") -> None:
        """One after the other, each once another trainer is at work and a checkpoint was made since the last."""
        seen, trainer = 0, None
        for trouble in troubles:
            what = f"{self.arm} goes on from step {seen}"
            seen = wait_until(lambda seen=seen, trainer=trainer: self.progress(seen, trainer), 180, what)
            trainer = self.trainer()
            trouble(self, *wait_until(self.job, 60, f"{self.arm} has a job"))

    def progress(self, seen: int, trainer: int | None) -> int:
        """The newest step that was saved, if that is later than `seen` and another process trains than `trainer`."""
        found = self.study.folder.glob(f"work/demo/runs/{self.arm}/1/*/checkpoint-*/trainer_state.json")
        newest = max((int(path.parent.name.partition("-")[2]) for path in found), default=0)
        return newest if newest > seen and self.job() and self.trainer() not in (None, trainer) else 0

    def trainer(self) -> int | None:
        """The process that trains the run, if any does."""
        for lease in self.study.folder.glob(f"work/demo/runs/{self.arm}/1/*.lease"):
            return int(re.findall(r'"pid": (\d+)', lease.read_text())[0])
        return None

    def job(self) -> tuple[str, str] | None:
        """The running job of the run, and its node."""
        for job in self.study.jobs("RUNNING"):
            if job["comment"] == f"rule_train_grpo_wildcards_{self.arm}_1":
                return job["id"], job["node"]
        return None

    def requeue(self, job: str, node: str) -> None:
        self.study.ask("scontrol", "requeue", job)

    def preempt(self, job: str, node: str) -> None:
        self.study.ask("srun", "-p", "urgent", "-w", node, "--gpus=1", "-t", "1", "true")

    def lose_node(self, job: str, node: str) -> None:
        self.study.ask("scontrol", "update", f"nodename={node}", "state=down", "reason=test")

    def kill(self, job: str, node: str) -> None:
        pid = wait_until(self.trainer, 60, f"{self.arm} has a trainer")
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not alive(pid), 10, "killed")

    def cancel(self, job: str, node: str) -> None:
        self.study.ask("scancel", job)


def digest(study: SlurmStudy, arm: str) -> str:
    return hashlib.sha256((study.folder / RUNS / arm / "1/model/model.safetensors").read_bytes()).hexdigest()


def history(study: SlurmStudy, arm: str) -> pd.DataFrame:
    return pd.read_parquet(study.folder / RUNS / arm / "1/history.parquet")


def attempts(study: SlurmStudy, arm: str) -> list[str]:
    """The logs of all attempts, the last and successful one included."""
    log = study.folder / f"logs/demo/grpo/{arm}/1.log"
    return [path.read_text() for path in [*sorted(log.with_name("1.attempts").glob("*.log")), log]]


def jobs(study: SlurmStudy, arm: str) -> list[str]:
    """The SLURM job of each attempt; one that SLURM queues again keeps its number."""
    return [re.findall(r"SLURM job (\d+)", log)[0] for log in attempts(study, arm)]


def test_training_changes_the_weights(trained: Trained) -> None:
    initial = trained.many.folder / "models/tiny-base/model.safetensors"
    assert digest(trained.many, "undisturbed") != hashlib.sha256(initial.read_bytes()).hexdigest()
    assert (history(trained.many, "undisturbed")["grad_norm"] > 0).mean() > 0.8


@pytest.mark.parametrize("arm", ARMS[1:])
def test_a_disturbed_run_ends_with_the_weights_of_an_undisturbed_one(trained: Trained, arm: str) -> None:
    study = trained.of(arm)
    assert digest(study, arm) == digest(trained.many, "undisturbed")
    theirs, ours = (history(*of).drop(columns="seconds") for of in ((study, arm), (trained.many, "undisturbed")))
    pd.testing.assert_frame_equal(theirs, ours)


def test_requeue_preemption_and_a_lost_node_are_each_followed_by_another_attempt(trained: Trained) -> None:
    assert len(jobs(trained.many, "undisturbed")) == 1
    assert len(jobs(trained.many, "moved")) == 4
    assert len(set(jobs(trained.many, "moved"))) == 1, "no retry was used up"


def test_a_killed_trainer_and_a_cancelled_job_are_each_followed_by_another_attempt(trained: Trained) -> None:
    assert len(set(jobs(trained.many, "broken"))) == 3
    assert trained.many.head_log().count("Trying to restart job") == 2


def test_a_time_limit_shorter_than_the_training_is_a_chain_of_jobs(trained: Trained) -> None:
    logs = attempts(trained.limited, "limited")
    assert len(logs) >= 3
    handed_over = [log for log in logs[:-1] if "the job's time is nearly up, going on in the next one" in log]
    assert len(handed_over) >= 2
    assert len(set(jobs(trained.limited, "limited"))) == 1, "no retry was used up"


def test_a_disturbance_costs_no_more_than_the_stated_time(trained: Trained) -> None:
    """Of `save_minutes` and a step: here six seconds and one step."""
    for arm in ("moved", "broken"):
        made = [len(re.findall(r"'grad_norm': ", log)) for log in attempts(trained.many, arm)]
        step = history(trained.many, "undisturbed")["seconds"].median()
        again = sum(made) - STEPS
        assert again <= (len(made) - 1) * (6 / step + 2), f"{again} steps were made twice"


def test_nothing_of_the_work_folder_is_left(trained: Trained) -> None:
    for study in (trained.many, trained.limited):
        assert [path for path in (study.folder / "work/demo/runs").rglob("*") if path.is_file()] == []
