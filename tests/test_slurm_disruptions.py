"""What can happen to a training on a cluster, on a real SLURM: it ends with an undisturbed run's weights, by itself.

Arms that differ in their name alone train side by side, each on a node of its own, and each meets other trouble. A step
is made to take a second, so that there is time for it.
"""

import hashlib
import os
import re
import signal
import time
from collections.abc import Callable, Iterator

import pandas as pd
import pytest

from slurm import SlurmStudy, make_study, slurm, wait_until
from visualzero.cluster.daemons import alive

pytestmark = pytest.mark.slow

ARMS = ("undisturbed", "moved", "broken", "limited")
STEPS = 60
SLOW = '''"""Different letters, counted at leisure: a reward that is never the same for a whole group."""

import time


def score(completion: str, **fields: object) -> float:
    """How many there are."""
    time.sleep(SECONDS)
    return float(len(set(completion)))
'''
RUNS = "results/demo/runs"


def settings() -> dict[str, object]:
    arm = {"title": "One of many", "init": "base", "recipe": "grpo", "prompt": "r1_zero", "reward": "slow"}
    return {
        "arms": dict.fromkeys(ARMS, arm),
        "run": {"demo": list(ARMS)},
        "rewards": {"slow": {"terms": {"accuracy": 1.0, "format": 1.0, "slow": 1.0}}},
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


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmStudy]:
    """All arms trained, after everything has happened to them."""
    with slurm(tmp_path_factory.mktemp("c"), nodes=len(ARMS) + 1, gpus=1, cpus=1, memory_mb=4000) as cluster:
        folder = tmp_path_factory.mktemp("trouble") / "study"
        study = make_study(folder, cluster, settings(), train_minutes="LIMIT")
        study.environment["PYTHONPATH"] = str(folder / "src")  # this copy of the code, with its slow reward
        slow = folder / "src/visualzero/rewards/slow.py"
        slow.write_text(SLOW.replace("SECONDS", "0.16"))
        begun = time.monotonic()
        study.run("data", "models")
        minutes = 1 if time.monotonic() - begun < 40 else 2  # a busy machine takes a minute to begin to train
        profile = folder / "slurm/profile.v9+.yaml"
        limit = f"\"{minutes} if wildcards.arm == 'limited' else 60\""
        profile.write_text(profile.read_text().replace("LIMIT", limit))
        slow.write_text(SLOW.replace("SECONDS", str(0.16 * minutes)))
        head = study.start("grpo")
        try:
            Trouble(study, "moved").through(Trouble.requeue, Trouble.preempt, Trouble.lose_node)
            Trouble(study, "broken").through(Trouble.kill, Trouble.cancel)
            assert head.wait(timeout=600) == 0, study.head_log()
        finally:
            head.kill()
        yield study


class Trouble:
    """What an arm's run has to go through."""

    def __init__(self, study: SlurmStudy, arm: str):
        self.study, self.arm = study, arm

    def through(self, *troubles: "Callable[[Trouble, str, str], None]") -> None:
        """One after the other, each once the run has made a checkpoint since the last."""
        seen = 0
        for trouble in troubles:
            seen = wait_until(lambda seen=seen: self.progress(seen), 180, f"{self.arm} goes on from step {seen}")
            trouble(self, *wait_until(self.job, 60, f"{self.arm} has a job"))

    def progress(self, seen: int) -> int:
        """The newest step that was saved, if that is later than `seen`."""
        found = self.study.folder.glob(f"work/demo/runs/{self.arm}/1/*/checkpoint-*/trainer_state.json")
        newest = max((int(path.parent.name.partition("-")[2]) for path in found), default=0)
        return newest if newest > seen and self.job() else 0

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
        [lease] = self.study.folder.glob(f"work/demo/runs/{self.arm}/1/*.lease")
        pid = int(re.findall(r'"pid": (\d+)', lease.read_text())[0])
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not alive(pid), 10, "killed")

    def cancel(self, job: str, node: str) -> None:
        self.study.ask("scancel", job)


def digest(study: SlurmStudy, arm: str) -> str:
    return hashlib.sha256((study.folder / RUNS / arm / "1/model/model.safetensors").read_bytes()).hexdigest()


def attempts(study: SlurmStudy, arm: str) -> list[str]:
    """The logs of all attempts, the last and successful one included."""
    log = study.folder / f"logs/demo/grpo/{arm}/1.log"
    return [path.read_text() for path in [*sorted(log.with_name("1.attempts").glob("*.log")), log]]


def restarts(study: SlurmStudy, arm: str) -> int:
    """How often SLURM has queued the run's jobs again."""
    jobs = [job["id"] for job in study.jobs() if job["comment"] == f"rule_train_grpo_wildcards_{arm}_1"]
    return sum(int(re.findall(r"Restarts=(\d+)", study.ask("scontrol", "show", "job", job))[0]) for job in jobs)


def test_training_changes_the_weights(trained: SlurmStudy) -> None:
    initial = trained.folder / "models/tiny-base/model.safetensors"
    assert digest(trained, "undisturbed") != hashlib.sha256(initial.read_bytes()).hexdigest()
    history = pd.read_parquet(trained.folder / RUNS / "undisturbed/1/history.parquet")
    assert (history["grad_norm"] > 0).mean() > 0.8


@pytest.mark.parametrize("arm", ARMS[1:])
def test_a_disturbed_run_ends_with_the_weights_of_an_undisturbed_one(trained: SlurmStudy, arm: str) -> None:
    assert digest(trained, arm) == digest(trained, "undisturbed")
    history, undisturbed = (
        pd.read_parquet(trained.folder / RUNS / name / "1/history.parquet").drop(columns="seconds")
        for name in (arm, "undisturbed")
    )
    pd.testing.assert_frame_equal(history, undisturbed)


def test_requeue_preemption_and_a_lost_node_are_each_followed_by_another_attempt(trained: SlurmStudy) -> None:
    assert len(attempts(trained, "undisturbed")) == 1
    assert len(attempts(trained, "moved")) == 4
    assert restarts(trained, "moved") == 3


def test_a_killed_trainer_and_a_cancelled_job_are_each_followed_by_another_attempt(trained: SlurmStudy) -> None:
    assert len(attempts(trained, "broken")) == 3
    assert trained.head_log().count("Trying to restart job") >= 2


def test_a_time_limit_shorter_than_the_training_is_a_chain_of_jobs(trained: SlurmStudy) -> None:
    logs = attempts(trained, "limited")
    assert len(logs) >= 3
    handed_over = [log for log in logs[:-1] if "the job's time is nearly up, going on in the next one" in log]
    assert len(handed_over) >= 2


def test_no_attempt_repeats_more_than_the_stated_minutes(trained: SlurmStudy) -> None:
    """`save_minutes` and a step: here six seconds and two, so that few steps are made twice."""
    for arm in ARMS[1:]:
        made = [int(step) for log in attempts(trained, arm) for step in re.findall(r"step (\d+)/", log)]
        assert made, arm
    seconds = pd.read_parquet(trained.folder / RUNS / "undisturbed/1/history.parquet")["seconds"]
    assert seconds.median() > 0.7


def test_nothing_of_the_work_folder_is_left(trained: SlurmStudy) -> None:
    assert [path for path in (trained.folder / "work/demo").rglob("*") if path.is_file()] == []
