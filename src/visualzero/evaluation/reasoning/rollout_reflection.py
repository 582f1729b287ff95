"""Self-reflection over training, from a run's rollouts.

It is counted here rather than by the run itself, so that another list of cues does not ask for another training.
"""

import pandas as pd

from visualzero.evaluation.reading.sections import thought
from visualzero.evaluation.reasoning.cues import count_cues


def reflection_by_step(rollouts: pd.DataFrame) -> dict[int, float]:
    """Share of each step's completions whose thought has a cue of self-reflection; prompts are no part of it."""
    reflects = rollouts["completion"].map(reflecting)
    return {int(step): float(share) for step, share in reflects.groupby(rollouts["step"]).mean().items()}


def reflecting(response: str) -> bool:
    """Whether the thinking part of a response has a cue of self-reflection."""
    return count_cues(thought(response) or "") > 0
