"""Trains two small runs, started by test_scale_out.py in one process or, by `accelerate launch`, in several.

    python tests/shared_training.py WEIGHTS [MORE ...] QUESTIONS OUT [--stop]

Of several weights each is trained into the folder of OUT that has the name of its own, by two of the arms.
With --stop SFT ends, as if it were killed, once all steps are made, and GRPO once its second one is saved. Without it
both then go on.

Completions are not sampled: each process draws random numbers of its own, so two processes would sample others than one
does. Here a completion is given by its prompt and its place in the group.
"""

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from accelerate.state import AcceleratorState, PartialState
from accelerate.utils import DistributedType

from visualzero.config import read_study
from visualzero.training import run as running
from visualzero.training.grpo import train_grpo
from visualzero.training.policy_trainer import PolicyTrainer
from visualzero.training.run import Run
from visualzero.training.sealing import Sealing
from visualzero.training.sft import train_sft

ROOT = Path(__file__).resolve().parents[1]
# Adam divides by the size of a gradient, be it only rounding: a large epsilon keeps that from being blown up.
SHARED = "steps: 3, learning_rate: 1e-3, adam_epsilon: 1e-3, threads: 1"
SETTINGS = [
    "run=all",
    f"sft={{{SHARED}, batch_size: 4, micro_batch: 1}}",
    # Micro-batches of half a group, in passes of one completion to four, so that processes have unequally many.
    f"grpo={{{SHARED}, save_steps: 1, batch_size: 2, group_size: 4, micro_batch: 2, max_completion: 12, "
    "tokens_per_pass: 265}",
    # Micro-batches of a whole group, of which some have no advantage and are left out: unequally many rows in a pass.
    "arms.base-grpo-dapo.grpo={beta: 0.0, loss: dapo, mask_truncated: false, micro_batch: 4, tokens_per_pass: 9999}",
    "rewards={r1: {terms: {length: 1.0}}}",
]


def fixed_completions(
    self: PolicyTrainer, prompt_ids: list[list[int]], images: Any, fields: Any, num_generations: int, **kwargs: Any
) -> tuple[list[list[int]], None]:
    """Completions of one to twelve tokens; rows of a group stand together, and some groups are equally long."""
    made = []
    for row, ids in enumerate(prompt_ids):
        random = torch.Generator().manual_seed(sum(ids) * num_generations + row % num_generations)
        length = int(torch.randint(1, 13, (1,), generator=random))
        length = 7 if sum(ids) % 4 == 0 else length
        made.append(torch.randint(20, 200, (length,), generator=random).tolist())
    return made, None


def stop_at_the_second_checkpoint() -> None:
    """Let every process end there at once; a run that goes on from that checkpoint doesn't write it again."""
    seal = Sealing.on_save

    def seal_and_stop(self: Sealing, args: Any, state: Any, *rest: Any, **kwargs: Any) -> None:
        seal(self, args, state, *rest, **kwargs)
        if state.global_step == 2 and isinstance(self.trainer, PolicyTrainer):
            self.trainer.accelerator.wait_for_everyone()
            os._exit(3)

    Sealing.on_save = seal_and_stop


class StoppedError(Exception):
    """The process was ended."""


def stop_sft_before_it_is_published() -> None:
    """Let every process end there; a run that goes on has nothing to train."""
    save = running.save_model

    def stop(trainer: Any, *args: Any) -> None:
        if not isinstance(trainer, PolicyTrainer):
            raise StoppedError
        save(trainer, *args)

    running.save_model = stop


def take_fsdp_on_a_cpu() -> None:
    """Accelerate takes FSDP for GPUs alone, and without a word falls back to DDP."""
    initialize = AcceleratorState.__init__

    def as_on_gpus(self: AcceleratorState, *args: Any, **kwargs: Any) -> None:
        if PartialState._shared_state.get("distributed_type") == DistributedType.MULTI_CPU:
            PartialState._shared_state["distributed_type"] = DistributedType.MULTI_GPU
        initialize(self, *args, **kwargs)

    AcceleratorState.__init__ = as_on_gpus


ARMS = {"base-sft": train_sft, "base-grpo": train_grpo, "base-grpo-dapo": train_grpo}


def train_arms(arms: Iterable[str], weights: Path, questions: Path, out: Path) -> None:
    """Train these; how they were launched is left in `launched`."""
    PolicyTrainer._generate_single_turn = fixed_completions
    study = read_study(ROOT / "config/config.yaml", SETTINGS)
    for arm in arms:
        with suppress(StoppedError):
            ARMS[arm](Run(study, arm, 1, questions, weights, out / arm, out / "work" / arm, "0" * 16))
    (out / "launched").write_text(AcceleratorState().distributed_type.value)


if __name__ == "__main__":
    *folders, last = sys.argv[1:]
    if last == "--stop":
        stop_at_the_second_checkpoint()
        stop_sft_before_it_is_published()
    else:
        folders.append(last)
    if os.environ.get("ACCELERATE_USE_FSDP") == "true":
        take_fsdp_on_a_cpu()
    if os.environ.get("ACCELERATE_USE_DEEPSPEED") == "true":
        import deepspeed

        deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False  # as on GPUs; else compiled here
        deepspeed.init_distributed("gloo")  # which accelerate does on GPUs alone
    *models, table, results = map(Path, folders)
    if len(models) == 1:
        train_arms(ARMS, models[0], table, results)
    else:
        for model in models:
            train_arms(("base-sft", "base-grpo-dapo"), model, table, results / model.name)
    PartialState().destroy_process_group()  # as stages.train_arm does
