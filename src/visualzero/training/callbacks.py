"""Callbacks: seconds per step in the history, and progress for the person who waits."""

import time
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from visualzero.progress import Progress


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
        self.progress.update(state.global_step, value)
