"""Freezing parts of a model, for real: frozen parameters get no gradient."""

from collections.abc import Iterable

from torch import nn
from transformers import PreTrainedModel

from visualzero.errors import UserError


def freeze(model: PreTrainedModel, parts: Iterable[str]) -> None:
    """Freeze `vision` (the vision tower with its merger) or `language` (the decoder, embeddings and head), in place."""
    decoder = model.get_decoder()
    modules: dict[str, list[nn.Module]] = {
        "vision": [module for module in model.base_model.children() if module is not decoder],
        "language": [decoder, model.get_output_embeddings()],
    }
    for part in parts:
        if part not in modules:
            raise UserError(f"freeze: unknown part '{part}': choose from {', '.join(modules)}")
        for module in modules[part]:
            module.requires_grad_(False)
