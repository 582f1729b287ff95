"""Seals each checkpoint once every process has written its part, then removes those that are no longer needed."""

from pathlib import Path
from typing import Any

from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from visualzero.training.checkpoints import CHECKPOINT, Identity, copy_logged, prune, seal


class Sealing(TrainerCallback):
    """Makes checkpoints of `work` what `checkpoints.last_whole` takes; `kept` are digests of weights kept so far."""

    def __init__(self, trainer: Trainer, work: Path, identity: Identity, kept: dict[str, str]):
        self.trainer, self.work, self.identity, self.kept = trainer, work, identity, kept

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Copy the rollouts of logged steps into the checkpoint, seal it, and remove the one before the last."""
        accelerator = self.trainer.accelerator
        accelerator.wait_for_everyone()
        if not accelerator.is_main_process:
            return
        checkpoint = self.work / f"{CHECKPOINT}{state.global_step}"
        if getattr(self.trainer, "log_completions", False):
            copy_logged(checkpoint, [int(entry["step"]) for entry in state.log_history if "loss" in entry])
        self.kept = seal(checkpoint, self.identity, accelerator.num_processes, self.kept)
        prune(checkpoint)
