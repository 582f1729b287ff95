"""Weights on disk: whole, plain, readable by evaluation, however many processes hold them and whatever was trained."""

import copy
from pathlib import Path

import torch
from peft import PeftModel
from transformers import Trainer

from visualzero.models.publishing import save_processor


def save_model(trainer: Trainer, folder: Path, dtype: torch.dtype | None = None) -> None:
    """Write the trained model, its tokenizer, prompt and treatment of images to `folder`, adapters merged into it.

    Every process has to call it, since it may hold a part of the weights; the first one writes. `dtype` is the
    precision of the copy; None keeps that of training.
    """
    model = trainer.accelerator.unwrap_model(trainer.model)
    if isinstance(model, PeftModel):
        model = copy.deepcopy(model).merge_and_unload()
        weights = model.state_dict()
    else:
        weights = trainer.accelerator.get_state_dict(trainer.model_wrapped)
    if not trainer.accelerator.is_main_process:
        return
    tied = model.all_tied_weights_keys  # a head that is the embeddings is not written twice
    weights = {name: tensor.to(dtype or tensor.dtype) for name, tensor in weights.items() if name not in tied}
    folder.mkdir(parents=True)
    model.save_pretrained(folder, state_dict=weights)
    save_processor(trainer.processing_class, folder)
