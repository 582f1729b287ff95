"""Writes the history as it happens, for whoever watches (`visualzero watch`)."""

from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from visualzero.progress import say
from visualzero.training.history import history_rows
from visualzero.training.live import append_live, write_live


class LiveHistory(TrainerCallback):
    """Keeps `file` what the log says: all of it when training begins or goes on, then a line for each logged step.

    Added after the callbacks that add to the log. Training goes on where the file can't be written; it is written anew
    as soon as it can.
    """

    def __init__(self, file: Path, run: str, steps: int):
        self.file, self.run, self.steps = file, run, steps
        self.current = self.failed = False

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Write what the checkpoint's log says; steps that were made after it will be made again."""
        self._write(state)

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Add what was logged last."""
        self._write(state)

    def _write(self, state: TrainerState) -> None:
        if not state.is_world_process_zero:
            return
        try:
            if self.current:
                for row in history_rows(state.log_history[-1:]):
                    append_live(self.file, row)
            else:
                write_live(self.file, self.run, self.steps, history_rows(state.log_history))
            self.current = True
        except OSError as error:
            self.current = False
            if not self.failed:
                say(f"{self.file}: {error.strerror}: training goes on, but can't be watched")
            self.failed = True
