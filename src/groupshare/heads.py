"""From hidden states to logits."""

from collections.abc import Callable

import torch
from torch import Tensor
from transformers import PreTrainedModel


def head_of(model: PreTrainedModel) -> Callable[[Tensor], Tensor]:
    """What makes logits of hidden states `[N, D]`, with what some families do to them."""
    project, text = model.get_output_embeddings(), model.config.get_text_config()
    scale, cap = getattr(text, "logit_scale", None), getattr(text, "final_logit_softcapping", None)

    def logits(hidden: Tensor) -> Tensor:
        out: Tensor = project(hidden)
        out = out if scale is None else out * scale
        return out if cap is None else torch.tanh(out / cap) * cap

    return logits
