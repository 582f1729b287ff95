"""Alarms: signs that GRPO has stopped learning or has left the initial model far behind.

They read the log, which a checkpoint holds, so a run that was interrupted rings the same alarms at the same steps.
"""

from collections.abc import Callable
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from visualzero.config import Alarms
from visualzero.errors import UserError
from visualzero.progress import say

Entry = dict[str, Any]


class AlarmBell(TrainerCallback):
    """Writes `alarm` into the log of every step at which one rings, and says so at the first; or ends the run."""

    def __init__(self, name: str, alarms: Alarms):
        self.name, self.alarms = name, alarms

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Look at what was logged last, unless that is the summary at the end."""
        log = [entry for entry in state.log_history if "loss" in entry]
        if not log or log[-1] is not state.log_history[-1]:
            return
        rung = ringing(log, self.alarms)
        known = {alarm for entry in log[:-1] for alarm in entry.get("alarm", "").split(", ")}
        if rung:
            log[-1]["alarm"] = ", ".join(rung)
        for alarm, message in rung.items():
            line = f"{self.name}: step {state.global_step}: {message}"
            if self.alarms.stop:
                raise UserError(f"{line}; grpo.alarms.stop: false lets it go on")
            if alarm not in known and state.is_world_process_zero:
                say(f"alarm: {line}")


def ringing(log: list[Entry], alarms: Alarms) -> dict[str, str]:
    """Which alarms ring at the last entry of a log, by name, each with what it means and what to do."""
    rung = {}
    n = alarms.no_spread_steps
    if n and _steps(log, lambda entry: entry.get("frac_reward_zero_std", 0.0) >= 1.0) >= n:
        rung["no_spread"] = (
            f"for {n} steps all completions of every group have earned the same, so nothing is learnt: look at the"
            " rollouts, the reward and the temperature"
        )
    n = alarms.unended_steps
    if n and _steps(log, lambda entry: entry.get("completions/clipped_ratio", 0.0) >= 1.0) >= n:
        rung["unended"] = (
            f"for {n} steps no completion has come to its end: look at the rollouts, or raise grpo.max_completion"
        )
    if alarms.kl is not None and (kl := log[-1].get("kl", 0.0)) > alarms.kl:
        rung["kl"] = (
            f"the KL divergence from the initial model is {kl:.3g}, more than {alarms.kl:g}: lower"
            " grpo.learning_rate or raise grpo.beta"
        )
    return rung


def _steps(log: list[Entry], holds: Callable[[Entry], bool]) -> int:
    """For how many steps up to the last something has held; an entry is the mean since the one before it."""
    before = [0, *(int(entry["step"]) for entry in log[:-1])]
    count = 0
    for entry, start in reversed(list(zip(log, before, strict=True))):
        if not holds(entry):
            break
        count += int(entry["step"]) - start
    return count
