"""What a config.json may leave out, since transformers' configuration classes say it: here without transformers."""

from collections.abc import Mapping
from typing import Any

Section = dict[str, Any]

SIGLIP: Section = {
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "image_size": 224,
    "patch_size": 16,
    "vision_use_head": True,
}
VISION: dict[str, Section] = {
    "qwen2_vl": {"mlp_ratio": 4, "patch_size": 14, "temporal_patch_size": 2, "spatial_merge_size": 2},
    "qwen2_5_vl": {
        "depth": 32,
        "hidden_size": 3584,
        "intermediate_size": 3420,
        "num_heads": 16,
        "patch_size": 14,
        "temporal_patch_size": 2,
        "spatial_merge_size": 2,
        "out_hidden_size": 3584,
        "window_size": 112,
        "fullatt_block_indexes": [7, 15, 23, 31],
    },
    "qwen3_vl": {
        "depth": 27,
        "hidden_size": 1152,
        "intermediate_size": 4304,
        "num_heads": 16,
        "patch_size": 16,
        "temporal_patch_size": 2,
        "spatial_merge_size": 2,
        "out_hidden_size": 3584,
        "num_position_embeddings": 2304,
        "deepstack_visual_indexes": [8, 16, 24],
    },
    "smolvlm": {
        "hidden_size": 1152,
        "intermediate_size": 3072,
        "num_hidden_layers": 12,
        "num_attention_heads": 16,
        "image_size": 224,
        "patch_size": 32,
    },
    "gemma3": SIGLIP,
    "deepseek_vl": SIGLIP,
    "internvl": {
        "hidden_size": 1024,
        "intermediate_size": 4096,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
        "image_size": [448, 448],
        "patch_size": [14, 14],
        "attention_bias": False,
        "use_qk_norm": False,
        "norm_type": "layer_norm",
        "use_mask_token": False,
        "use_absolute_position_embeddings": True,
        "use_mean_pooling": True,
    },
}
TEXT: dict[str, Section] = {
    "gemma3_text": {
        "vocab_size": 262208,
        "hidden_size": 2304,
        "intermediate_size": 9216,
        "num_hidden_layers": 26,
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
        "head_dim": 256,
    },
    "qwen3": {"head_dim": 128},
    "qwen3_vl_text": {"head_dim": 128},
}
OWN: dict[str, Section] = {
    "smolvlm": {"scale_factor": 2},
    "gemma3": {"mm_tokens_per_image": 256, "tie_word_embeddings": True},
    "internvl": {"image_seq_length": 256, "downsample_ratio": 0.5, "tie_word_embeddings": True},
    "deepseek_vl": {"tie_word_embeddings": True},
}
DECODERS = {  # of families whose config.json may not say it
    "qwen2_vl": "qwen2_vl_text",
    "qwen2_5_vl": "qwen2_5_vl_text",
    "qwen3_vl": "qwen3_vl_text",
    "gemma3": "gemma3_text",
    "deepseek_vl": "llama",
    "qwen2": "qwen2",
    "qwen3": "qwen3",
}


def completed(config: Mapping[str, Any], kind: str) -> Section:
    """A config.json of a family (`kind`, its model type) with what it leaves out, the decoder's under `text_config`.

    Older files have the decoder's sizes at the top. A side of an image or a patch that InternVL gives once stands for
    both.

    Raises:
        KeyError: if it says nothing of what sees, or of its decoder's kind.
    """
    text = dict(config.get("text_config") or config)
    decoder = DECODERS.get(kind) or text["model_type"]
    whole = OWN.get(kind, {}) | dict(config)
    whole["text_config"] = TEXT.get(decoder, {}) | text | {"model_type": decoder}
    if kind in VISION:
        seen = VISION[kind] | {name: value for name, value in config["vision_config"].items() if value is not None}
        if kind == "internvl":
            sides = ("image_size", "patch_size")
            seen |= {name: [seen[name]] * 2 for name in sides if isinstance(seen[name], int)}
        whole["vision_config"] = seen
    return whole
