"""What a run logs, as rows of its history."""

from typing import Any

import pandas as pd

NAMES = {
    "grad_norm": "grad_norm",
    "learning_rate": "learning_rate",
    "loss": "loss",
    "reward": "reward",
    "reward_std": "reward_std",
    "frac_reward_zero_std": "frac_zero_std",
    "completions/mean_length": "completion_length",
    "completions/clipped_ratio": "clipped_ratio",
    "kl": "kl",
    "entropy": "entropy",
    "perception": "perception",
    "sampling/sampling_logp_difference/mean": "sampler_difference",
    "sampling_rounds": "sampling_rounds",
    "num_tokens": "tokens",
    "seconds": "seconds",
    "alarm": "alarm",
}


def history(log: list[dict[str, Any]]) -> pd.DataFrame:
    """Trainer's log as a table with one row per logged step."""
    return pd.DataFrame(history_rows(log))


def history_rows(log: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The steps of Trainer's log, with `step` and the columns of NAMES that it has.

    Each reward term adds `reward_<term>`, the mean of its raw values. `tokens` counts from the start of the run.
    `alarm` names the alarms that rang (alarms.py); without any there is no such column.
    """
    rows = []
    for entry in log:
        if "loss" not in entry:
            continue  # the summary at the end
        row = {"step": int(entry["step"])} | {new: entry[old] for old, new in NAMES.items() if old in entry}
        for key, value in entry.items():
            if key.startswith("rewards/") and key.endswith("/mean"):
                row[f"reward_{key.split('/')[1]}"] = value
        rows.append(row)
    return rows
