"""Let a tiny model go on with prompts about rendered scenes, by the library's own generation."""

from collections.abc import Sequence

import numpy as np
import torch
from transformers import PreTrainedTokenizerFast, Qwen2VLForConditionalGeneration

from visualzero.models.tiny.pools import GRID, IMAGE_TOKENS, patchify

AT_ONCE = 125  # prompts


@torch.no_grad()
def respond(
    model: Qwen2VLForConditionalGeneration,
    tokenizer: PreTrainedTokenizerFast,
    prompts: Sequence[str],
    images: np.ndarray,
    new_tokens: int,
    seed: int | None = None,
) -> list[str]:
    """What follows each prompt: the likeliest tokens, or with a seed sampled ones at temperature 1.

    Prompts of like length are answered together. `images` is uint8 [n, 112, 112, 3], one for each prompt.
    """
    if seed is not None:
        torch.manual_seed(seed)
    image_id = tokenizer.convert_tokens_to_ids("<|image_pad|>")
    spelled = [prompt.replace("<|image_pad|>", "<|image_pad|>" * IMAGE_TOKENS) for prompt in prompts]
    order = sorted(range(len(prompts)), key=lambda i: len(spelled[i]))
    said = [""] * len(prompts)
    for start in range(0, len(order), AT_ONCE):
        rows = order[start : start + AT_ONCE]
        inputs = tokenizer([spelled[i] for i in rows], return_tensors="pt", padding=True)
        out = model.generate(
            **inputs,
            mm_token_type_ids=(inputs.input_ids == image_id).long(),
            pixel_values=patchify(images[rows]),
            image_grid_thw=torch.tensor([[1, GRID, GRID]] * len(rows)),
            max_new_tokens=new_tokens,
            do_sample=seed is not None,
            top_k=0,
        )
        texts = tokenizer.batch_decode(out[:, inputs.input_ids.shape[1] :], skip_special_tokens=True)
        for i, text in zip(rows, texts, strict=True):
            said[i] = text
    return said
