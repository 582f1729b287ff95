"""When to save a checkpoint: every `save_steps`, by the clock, before the job's time is up, and after the last step.

What a SIGKILL costs is bounded: at most `save_minutes` and one step (or `save_steps`, if these take less time). A time
limit shorter than the training is normal: before it, the run saves, lets SLURM queue the job again, and goes on there.
"""

import math
import time
from typing import Any

import torch
from accelerate.utils import broadcast
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from visualzero.config import Optimization
from visualzero.errors import UserError
from visualzero.progress import say
from visualzero.training.lease import Lease
from visualzero.training.slurm_job import SlurmJob

RESERVE = 15.0  # seconds kept for what takes longer than it did before
KILLED_WITHIN = 300.0  # seconds in which SLURM ends a job that it queues again


class Pace(TrainerCallback):
    """Decides all saves, and hands over to the next job when this one's time is nearly up.

    Saves at least every `save_steps` and `save_minutes` of the recipe. A step may share its rollouts with others
    (GRPO's `iterations`), or its row of the history; a checkpoint between them would have to hold what they share, so
    it waits for the last of these `steps_together`. One after the last step of all lets what follows be repeated
    without training. `lease` is the first process's; the others have none. All processes save together, so the first
    one decides for all.
    """

    def __init__(self, trainer: Trainer, recipe: Optimization, job: SlurmJob | None, lease: Lease | None):
        self.trainer, self.seconds, self.job, self.lease = trainer, recipe.save_minutes * 60, job, lease
        self.together = recipe.steps_together
        self.every = math.ceil(recipe.save_steps / self.together) * self.together
        now = time.monotonic()
        self.end = now + job.seconds_left if job and job.seconds_left is not None else None
        self.saved = self.step_begun = self.save_begun = now
        self.longest_step = self.longest_save = 0.0
        self.hand_over = False

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Count from here: what was before is saved."""
        self.saved = time.monotonic()

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Start the clock."""
        self.step_begun = time.monotonic()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Decide whether to save, and whether this was the last step of this job."""
        if self.lease:
            self.lease.check()
        self.save_begun = time.monotonic()
        self.longest_step = max(self.longest_step, self.save_begun - self.step_begun)
        if state.global_step >= state.max_steps:
            control.should_save = True
            return
        if state.global_step % self.together:
            return
        until_next = self.longest_step * self.together
        save = self.save_begun + until_next - self.saved >= self.seconds
        end = self.end is not None and (
            self.save_begun + 1.5 * until_next + 2 * self.longest_save + RESERVE >= self.end
        )
        save, self.hand_over = self._agreed(save or end, end)
        control.should_save = save or state.global_step % self.every == 0

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Note when; hand over."""
        self.saved = time.monotonic()
        self.longest_save = max(self.longest_save, self.saved - self.save_begun)
        if self.hand_over and self.job:
            self.hand_over = False
            self.trainer.accelerator.wait_for_everyone()
            self._requeue(self.job, state)

    def _requeue(self, job: SlurmJob, state: TrainerState) -> None:
        """Let the job begin again; if SLURM refuses, go on until the time limit ends it."""
        self.end = None
        if not state.is_world_process_zero:
            return  # the others are ended with the first one
        say(f"step {state.global_step}/{state.max_steps}: the job's time is nearly up, going on in the next one")
        if not job.requeue():
            say("SLURM has refused to queue this job again; going on until it is ended, then Snakemake submits it anew")
            return
        time.sleep(KILLED_WITHIN)
        raise UserError(f"job {job.id}: was queued again and not ended: run snakemake again to go on")

    def _agreed(self, *decisions: bool) -> list[bool]:
        """What the first process has decided."""
        if self.trainer.accelerator.num_processes == 1:
            return list(decisions)
        told = torch.tensor(decisions, dtype=torch.int32, device=self.trainer.accelerator.device)
        return [bool(value) for value in broadcast(told)]
