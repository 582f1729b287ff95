"""Freezing parts of a model, for real: frozen parameters get no gradient."""

from collections.abc import Iterable

from transformers import Qwen2VLForConditionalGeneration

from visualzero.errors import UserError


def freeze(model: Qwen2VLForConditionalGeneration, parts: Iterable[str]) -> None:
    """Freeze `vision` (the vision tower with its merger) or `language` (the decoder, embeddings and head), in place."""
    modules = {
        "vision": [model.model.visual],
        "language": [model.model.language_model, model.lm_head],
    }
    for part in parts:
        if part not in modules:
            raise UserError(f"freeze: unknown part '{part}': choose from {', '.join(modules)}")
        for module in modules[part]:
            module.requires_grad_(False)
