"""Callbacks: seconds per step in the history, progress for the person who waits, weights for the curve."""

import shutil
import time
from pathlib import Path
from typing import Any

import torch
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from visualzero.progress import Progress
from visualzero.training.saving import save_model


class StepReport(TrainerCallback):
    """Adds `seconds` of the logged step to the log and says now and then how far the run is."""

    def __init__(self, name: str, steps: int):
        self.progress = Progress(name, steps)
        self.begun = 0.0
        self.seconds = 0.0

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Start the clock."""
        self.begun = time.monotonic()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Stop the clock."""
        self.seconds = time.monotonic() - self.begun

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Add the seconds to what was logged last, unless that is the summary at the end."""
        latest = state.log_history[-1] if state.log_history else {}
        if "loss" not in latest:
            return
        latest["seconds"] = self.seconds
        value = f"reward {latest['reward']:.2f}" if "reward" in latest else f"loss {latest['loss']:.3f}"
        if state.is_world_process_zero:
            self.progress.update(state.global_step, value)


class KeepWeights(TrainerCallback):
    """Keeps the weights of every n-th step in `folder/<step>`, for evaluation; they can't be resumed from."""

    def __init__(self, trainer: Trainer, folder: Path, every: int, dtype: torch.dtype):
        self.trainer, self.folder, self.every, self.dtype = trainer, folder, every, dtype

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Save, under another name until all is written; a resumed run may come by a step again."""
        if state.global_step % self.every:
            return
        folder, begun = self.folder / str(state.global_step), self.folder / f".{state.global_step}"
        if state.is_world_process_zero:
            for old in (folder, begun):
                shutil.rmtree(old, ignore_errors=True)
        save_model(self.trainer, begun, self.dtype)
        if state.is_world_process_zero:
            begun.rename(folder)
