"""Families of models that the study can run: what is its own in each stands in a file named after its model type.

Everything else is asked of the model or its processor: which module is the decoder, where images stand, how positions
count, how many pixels a token has. Adding a family is a file and a line here, and a name in tests/test_family_runs.py.
"""

from visualzero.errors import UserError
from visualzero.models.families import qwen2_5_vl, qwen2_vl, qwen3_vl
from visualzero.models.families.family import Family

FAMILIES = {"qwen2_vl": qwen2_vl.FAMILY, "qwen2_5_vl": qwen2_5_vl.FAMILY, "qwen3_vl": qwen3_vl.FAMILY}


def family_of(kind: str | None, where: str) -> Family:
    """The family of a checkpoint whose config.json says `kind`; `where` tells a user which.

    Raises:
        UserError: for a model type that isn't known here.
    """
    if kind not in FAMILIES:
        raise UserError(f"{where}: a model of type '{kind}': choose one of type {', '.join(sorted(FAMILIES))}")
    return FAMILIES[kind]
