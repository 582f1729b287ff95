"""When a run saves: by the clock, before its job's time is up, and never between steps that share their rollouts."""

from types import SimpleNamespace
from typing import Any

import pytest
from transformers import TrainerControl, TrainerState

from visualzero.config import Grpo
from visualzero.training import pace
from visualzero.training.pace import Pace
from visualzero.training.slurm_job import SlurmJob, seconds_of


class Clock:
    """A clock that is put forward."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(pace, "time", made)
    return made


def recipe(minutes: float, **settings: int) -> Grpo:
    """A recipe that saves by the clock alone, unless `settings` say otherwise."""
    settings = {"save_steps": 1000, **settings}
    fixed = {"batch_size": 1, "micro_batch": 8, "max_completion": 8, "learning_rate": 1e-6, "threads": 1}
    return Grpo(steps=100, save_minutes=minutes, dtype="float32", gradient_checkpointing=False, **fixed, **settings)


def saved_steps(clock: Clock, steps: int, seconds: float, minutes: float, **settings: int) -> list[int]:
    """The steps after which a run of steps this long saves; a save takes a second."""
    return run(Pace(trainer(), recipe(minutes, **settings), None, None), clock, steps, seconds)


def trainer() -> Any:
    return SimpleNamespace(accelerator=SimpleNamespace(num_processes=1, wait_for_everyone=lambda: None))


def run(callback: Pace, clock: Clock, steps: int, seconds: float) -> list[int]:
    arguments: Any = None
    state, found = TrainerState(max_steps=steps), []
    callback.on_train_begin(arguments, state, TrainerControl())
    for step in range(1, steps + 1):
        control, state.global_step = TrainerControl(), step
        callback.on_step_begin(arguments, state, control)
        clock.now += seconds
        callback.on_step_end(arguments, state, control)
        if control.should_save:
            found.append(step)
            clock.now += 1
            callback.on_save(arguments, state, control)
    return found


@pytest.mark.parametrize(
    ("seconds", "steps", "saved"),
    [(60, 12, [4, 8, 12]), (200, 5, [1, 2, 3, 4, 5]), (1, 10, [10])],
    ids=["a step a minute", "a step longer than half the time", "done before"],
)
def test_no_more_than_the_stated_minutes_pass_between_checkpoints(
    clock: Clock, seconds: float, steps: int, saved: list[int]
) -> None:
    assert saved_steps(clock, steps, seconds, minutes=5) == saved


def test_steps_that_share_their_rollouts_are_not_parted(clock: Clock) -> None:
    assert saved_steps(clock, 12, 60, minutes=5, iterations=3) == [3, 6, 9, 12]
    assert saved_steps(clock, 20, 1, minutes=5, iterations=3, save_steps=4) == [6, 12, 18, 20]


def test_steps_that_share_a_row_of_the_history_are_not_parted(clock: Clock) -> None:
    assert saved_steps(clock, 20, 1, minutes=5, logging_steps=5, save_steps=3) == [5, 10, 15, 20]
    assert saved_steps(clock, 20, 1, minutes=5, logging_steps=4, iterations=6, save_steps=1) == [12, 20]


def test_the_last_step_is_saved_wherever_it_falls(clock: Clock) -> None:
    assert saved_steps(clock, 7, 1, minutes=5, save_steps=3) == [3, 6, 7]


def test_a_run_hands_over_before_its_jobs_time_is_up(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(SlurmJob, "requeue", lambda job: asked.append((job.id, clock.now)) is not None)
    callback = Pace(trainer(), recipe(1000), SlurmJob("7", seconds_left=600), None)
    assert run(callback, clock, steps=20, seconds=60) == [9, 20]
    assert asked == [("7", 541.0)]  # one more step would end at 601


def test_a_job_without_a_limit_is_never_handed_over(clock: Clock) -> None:
    callback = Pace(trainer(), recipe(1000), SlurmJob("7", seconds_left=None), None)
    assert run(callback, clock, steps=20, seconds=60) == [20]


@pytest.mark.parametrize(
    ("time", "seconds"),
    [("1-02:03:04", 93784), ("03:04:05", 11045), ("04:05", 245), ("UNLIMITED", None), ("INVALID", None), ("", None)],
)
def test_times_are_read_as_squeue_writes_them(time: str, seconds: float | None) -> None:
    assert seconds_of(time) == seconds
