"""How many rows are decoded at a time: a number, or as many as the memory has room for."""

import os

import torch
from transformers import PreTrainedModel

from groupshare.cohorts import Room
from visualzero.evaluation.answering.limits import CACHE_SHARE, MOST_ROWS


def room(batch_size: int | str, model: PreTrainedModel) -> Room:
    """Of a batch size as the config has it, for a model that is on its device."""
    if not isinstance(batch_size, str):
        return Room(rows=batch_size)
    most = MOST_ROWS.get(model.device.type, MOST_ROWS["cpu"])
    return Room(most, max(1, int(free_bytes(model.device) * CACHE_SHARE / token_bytes(model))))


def free_bytes(device: torch.device) -> int:
    """Memory of a device that is free now; of a machine that doesn't tell, 4 GiB."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    if "SC_AVPHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return 4 << 30


def token_bytes(model: PreTrainedModel) -> int:
    """Bytes of a token's keys and values in all layers."""
    text = model.config.get_text_config()
    size = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    return 2 * text.num_hidden_layers * text.num_key_value_heads * size * model.dtype.itemsize
