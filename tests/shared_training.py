"""Trains two small runs, started by test_scale_out.py in one process or, by `accelerate launch`, in several.

    python tests/shared_training.py WEIGHTS QUESTIONS OUT

Completions are not sampled: each process draws random numbers of its own, so two processes would sample others than one
does. Here a completion is given by its prompt and its place in the group.
"""

import sys
from pathlib import Path
from typing import Any

import torch

from visualzero.config import read_study
from visualzero.training.grpo import train_grpo
from visualzero.training.policy_trainer import PolicyTrainer
from visualzero.training.run import Run
from visualzero.training.sft import train_sft

ROOT = Path(__file__).resolve().parents[1]
# Adam divides by the size of a gradient, be it only rounding: a large epsilon keeps that from being blown up.
SHARED = "steps: 3, learning_rate: 1e-3, adam_epsilon: 1e-3, threads: 1"
SETTINGS = [
    f"sft={{{SHARED}, batch_size: 4, micro_batch: 1}}",
    # Micro-batches of half a group, and a pass for each completion.
    f"grpo={{{SHARED}, batch_size: 2, group_size: 4, micro_batch: 2, max_completion: 12, tokens_per_pass: 1}}",
    "rewards={r1: {terms: {length: 1.0}}}",
]


def fixed_completions(
    self: PolicyTrainer, prompt_ids: list[list[int]], images: Any, fields: Any, num_generations: int, **kwargs: Any
) -> tuple[list[list[int]], None]:
    """Completions of one to twelve tokens; rows of a group stand together."""
    made = []
    for row, ids in enumerate(prompt_ids):
        random = torch.Generator().manual_seed(sum(ids) * num_generations + row % num_generations)
        length = int(torch.randint(1, 13, (1,), generator=random))
        made.append(torch.randint(20, 200, (length,), generator=random).tolist())
    return made, None


def main(weights: Path, questions: Path, out: Path) -> None:
    """Train base-sft and base-grpo."""
    PolicyTrainer._generate_single_turn = fixed_completions
    study = read_study(ROOT / "config/config.yaml", SETTINGS)
    for arm, train in (("base-sft", train_sft), ("base-grpo", train_grpo)):
        train(Run(study, arm, 1, questions, weights, out / arm, out / "work" / arm, "0" * 16))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
