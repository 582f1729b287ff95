"""Loading checkpoints: safetensors only, no remote code, and generation settings that are ours alone."""

from pathlib import Path

import torch
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoModelForImageTextToText, GenerationConfig, PreTrainedModel

from visualzero.errors import UserError
from visualzero.models.families import family_in

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def load_model(folder: Path, dtype: str) -> PreTrainedModel:
    """The model of a checkpoint folder, in evaluation mode, on the CPU.

    The checkpoint's own sampling defaults are dropped: transformers takes from them whatever a call leaves unset, and
    with Qwen2-VL's (top_k 1) sampled rollouts would silently be greedy.

    Raises:
        UserError: if the folder holds no readable checkpoint, one that lacks weights (which would be random), or one
            with weights that are NaN or infinite.
    """
    try:
        auto = AutoModelForImageTextToText if family_in(folder).sees else AutoModelForCausalLM
        model, found = auto.from_pretrained(
            folder,
            dtype=DTYPES[dtype],
            attn_implementation="sdpa",
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            output_loading_info=True,
        )
    except (OSError, ValueError, SafetensorError) as error:
        reason = str(error).partition("\n")[0]
        raise UserError(f"{folder}: no readable checkpoint ({reason}): run `snakemake models`") from None
    if missing := sorted(found["missing_keys"]):
        raise UserError(f"{folder}: a checkpoint without '{missing[0]}': run `snakemake models`")
    for name, weights in model.named_parameters():
        if not torch.isfinite(weights).all():
            raise UserError(f"{folder}: tensor '{name}' is not finite (it holds NaN or infinity): make the model anew")
    theirs = model.generation_config
    model.generation_config = GenerationConfig(
        bos_token_id=theirs.bos_token_id, eos_token_id=theirs.eos_token_id, pad_token_id=theirs.pad_token_id
    )
    return model.eval()
