"""Families of models that the study can run: what is its own in each stands in a file named after its model type.

Everything else is asked of the model or its processor: which module is the decoder, how positions count, what a layer
may see. Adding a family: docs/models.md. Families are imported here by name, since fingerprints follow imports.
"""

import json
from pathlib import Path
from typing import Any

from visualzero.errors import UserError
from visualzero.models.families import deepseek_vl, gemma3, internvl, qwen2_5_vl, qwen2_vl, qwen3_vl, smolvlm, text
from visualzero.models.families.family import Family

FAMILIES: dict[str, Family] = {
    "qwen2_vl": qwen2_vl.FAMILY,
    "qwen2_5_vl": qwen2_5_vl.FAMILY,
    "qwen3_vl": qwen3_vl.FAMILY,
    "smolvlm": smolvlm.FAMILY,
    "gemma3": gemma3.FAMILY,
    "internvl": internvl.FAMILY,
    "deepseek_vl": deepseek_vl.FAMILY,
    "qwen2": text.FAMILY,
    "qwen3": text.FAMILY,
}


def family_of(kind: str | None, where: str) -> Family:
    """The family of a checkpoint whose config.json says `kind`; `where` tells a user which.

    Raises:
        UserError: for a model type that isn't known here.
    """
    if kind not in FAMILIES:
        raise UserError(f"{where}: a model of type '{kind}': choose one of type {', '.join(sorted(FAMILIES))}")
    return FAMILIES[kind]


def family_in(folder: Path) -> Family:
    """The family of a checkpoint folder."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return family_of(config.get("model_type"), str(folder))


def family_read_by(processor: Any) -> Family:
    """The family whose prompts and images `processor` makes inputs of."""
    return next(family for family in FAMILIES.values() if family.processor == type(processor).__name__)
