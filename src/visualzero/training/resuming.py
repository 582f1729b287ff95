"""Resuming to the same bytes: five things that transformers 5.17 and TRL 1.16 do otherwise when they resume.

- Trainer writes a checkpoint's weights under the names of published Qwen2-VL checkpoints (`visual.*`, `model.layers.*`)
  and reads them back under those of its modules (`model.visual.*`, `model.language_model.*`). None of them fits, which
  is a warning in the log, and training goes on with the initial weights. Here they are read as any checkpoint is.
- TRL's GRPOTrainer draws the order of prompts anew for each pass over the data, from one generator. A resumed run
  begins with the first order; here it skips those of the passes that are done.
- TRL's SFTTrainer counts tokens from 0 again; here it goes on from what the log says.
- From a checkpoint after the last step, Trainer makes one step more. Here it makes none, and only what follows is done.
- With several processes on a CPU, Trainer reads the optimizer's state onto `cpu:0`, which torch.load doesn't know.
"""

import json
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import Trainer
from trl import SFTTrainer
from trl.trainer.utils import RepeatSampler


def resume_exactly(trainer: Trainer, checkpoint: Path) -> None:
    """Make `trainer` go on from `checkpoint` as if it had never stopped."""
    load, sampler = trainer._load_from_checkpoint, trainer._get_train_sampler
    state = json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
    passes = int(state["epoch"] + 1e-6)  # over the data; a whole number is not always written as one

    def load_weights(folder: str, model: Any = None) -> None:
        target = trainer.model if model is None else model
        if trainer.is_fsdp_enabled or isinstance(target, PeftModel):
            load(folder, model)  # these have formats of their own
            return
        weights = type(target).from_pretrained(folder, dtype=torch.float32).state_dict()
        target.load_state_dict(weights)

    def sampler_of_this_pass(*arguments: Any) -> Any:
        made = sampler(*arguments)
        if isinstance(made, RepeatSampler) and made.shuffle:
            for _ in range(passes):
                torch.randperm(made.num_samples, generator=made.generator)
        return made

    if isinstance(trainer, SFTTrainer):
        counted = [entry["num_tokens"] for entry in state["log_history"] if "num_tokens" in entry]
        trainer._total_train_tokens = counted[-1] if counted else 0
    if trainer.args.device.type == "cpu":
        vars(trainer.args)["_setup_devices"] = torch.device("cpu")  # what `args.device` is read from
    if state["global_step"] >= trainer.args.max_steps:
        trainer._run_epoch = lambda **kwargs: None
    trainer._load_from_checkpoint = load_weights
    trainer._get_train_sampler = sampler_of_this_pass
