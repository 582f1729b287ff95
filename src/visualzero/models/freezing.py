"""Freezing parts of a model, for real: frozen parameters get no gradient."""

from collections.abc import Iterable

from torch import nn
from transformers import PreTrainedModel

from visualzero.errors import UserError


def freeze(model: PreTrainedModel, parts: Iterable[str]) -> None:
    """Freeze `vision` (the vision tower with its merger) or `language` (the decoder, embeddings and head), in place.

    Raises:
        UserError: for another part, and for one that the model hasn't.
    """
    decoder = model.get_decoder()
    seeing = [] if decoder is model.base_model else list(model.base_model.children())
    modules: dict[str, list[nn.Module]] = {
        "vision": [module for module in seeing if module is not decoder],
        "language": [decoder, model.get_output_embeddings()],
    }
    for part in parts:
        if part not in modules:
            raise UserError(f"freeze: unknown part '{part}': choose from {', '.join(modules)}")
        if not modules[part]:
            raise UserError(f"freeze: '{part}': this model has no such part: leave it out")
        for module in modules[part]:
            module.requires_grad_(False)
