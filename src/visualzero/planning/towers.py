"""What sees, family by family: the sizes of a vision tower and of what hands its tokens to the decoder.

Each function reads a complete config.json. Counts are exact: a test compares them with transformers' own models.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Config = Mapping[str, Any]


@dataclass(frozen=True)
class Vision:
    """A vision tower: patches go through `depth` blocks, then some of them become one token.

    In `whole` blocks a patch attends to all of its image, in the others to the `window` patches around it.
    """

    depth: int
    width: int
    heads: int
    mlp: int
    patches_per_token: int
    pixel_values: int  # numbers of one patch, over its channels and frames
    block: int  # weights of a block's matrices
    merger: int  # weights of the merger's matrices, which see a token at a time
    parameters: int  # all: matrices, biases and norms
    whole: int
    window: int = 0
    adapters: Mapping[str, int] = field(default_factory=dict)  # inputs + outputs of a block's matrices, by name

    def pairs(self, patches: int) -> float:
        """Pairs of patches that attend to each other, over all blocks."""
        return patches * (self.whole * patches + (self.depth - self.whole) * min(self.window, patches))


BLIND = Vision(0, 0, 0, 0, 0, 0, 0, 0, 0, 0)


def qwen2_vl(config: Config) -> Vision:
    """All patches of an image attend to each other; merge x merge of them become a token."""
    seen = config["vision_config"]
    width, depth, out = seen["embed_dim"], seen["depth"], seen["hidden_size"]
    mlp, joined = int(width * seen["mlp_ratio"]), seen["spatial_merge_size"] ** 2 * width
    pixels = 3 * seen["temporal_patch_size"] * seen["patch_size"] ** 2
    block, merger = 4 * width**2 + 2 * width * mlp, joined**2 + joined * out
    own = block + (3 + 1 + 1) * width + mlp + 4 * width
    return Vision(
        *(depth, width, seen["num_heads"], mlp, seen["spatial_merge_size"] ** 2, pixels, block, merger),
        parameters=pixels * width + depth * own + merger + 2 * width + joined + out,
        whole=depth,
        adapters={"qkv": 4 * width, "fc1": width + mlp, "fc2": width + mlp},
    )


def qwen2_5_vl(config: Config) -> Vision:
    """Gated MLPs, and windows in all but a few blocks."""
    seen = config["vision_config"]
    width, depth, out, mlp = seen["hidden_size"], seen["depth"], seen["out_hidden_size"], seen["intermediate_size"]
    joined, pixels = seen["spatial_merge_size"] ** 2 * width, 3 * seen["temporal_patch_size"] * seen["patch_size"] ** 2
    block, merger = 4 * width**2 + 3 * width * mlp, joined**2 + joined * out
    own = block + 4 * width + 2 * mlp + width + 2 * width
    return Vision(
        *(depth, width, seen["num_heads"], mlp, seen["spatial_merge_size"] ** 2, pixels, block, merger),
        parameters=pixels * width + depth * own + merger + width + joined + out,
        whole=len(seen["fullatt_block_indexes"]),
        window=(seen["window_size"] // seen["patch_size"]) ** 2,
        adapters={"qkv": 4 * width, **dict.fromkeys(("gate_proj", "up_proj", "down_proj"), width + mlp)},
    )


def qwen3_vl(config: Config) -> Vision:
    """Learned positions; mergers of several blocks beside the last one's, for the decoder's first layers."""
    seen = config["vision_config"]
    width, depth, out, mlp = seen["hidden_size"], seen["depth"], seen["out_hidden_size"], seen["intermediate_size"]
    joined, pixels = seen["spatial_merge_size"] ** 2 * width, 3 * seen["temporal_patch_size"] * seen["patch_size"] ** 2
    deep = len(seen["deepstack_visual_indexes"])
    block, matrices = 4 * width**2 + 2 * width * mlp, joined**2 + joined * out
    own = block + (3 + 1 + 1) * width + mlp + 4 * width
    mergers = (1 + deep) * (matrices + joined + out) + 2 * width + deep * 2 * joined
    return Vision(
        *(depth, width, seen["num_heads"], mlp, seen["spatial_merge_size"] ** 2, pixels, block, (1 + deep) * matrices),
        parameters=pixels * width + width + seen["num_position_embeddings"] * width + depth * own + mergers,
        whole=depth,
        adapters={"qkv": 4 * width, "linear_fc1": width + mlp, "linear_fc2": width + mlp},
    )


def _siglip(config: Config, patches_per_token: int, merger: int, beside: int) -> Vision:
    """SigLIP's tower, for squares of one size; `beside` counts the weights of no block and no matrix."""
    seen = config["vision_config"]
    width, depth, mlp, patch = (
        seen[name] for name in ("hidden_size", "num_hidden_layers", "intermediate_size", "patch_size")
    )
    pixels, patches = 3 * patch**2, (seen["image_size"] // patch) ** 2
    block = 4 * width**2 + 2 * width * mlp
    own = block + 4 * width + mlp + width + 4 * width
    return Vision(
        *(depth, width, seen["num_attention_heads"], mlp, patches_per_token, pixels, block, merger),
        parameters=pixels * width + width + patches * width + depth * own + 2 * width + merger + beside,
        whole=0,
        window=patches,
        adapters={
            **dict.fromkeys(("q_proj", "k_proj", "v_proj", "out_proj"), 2 * width),
            **dict.fromkeys(("fc1", "fc2"), width + mlp),
        },
    )


def smolvlm(config: Config) -> Vision:
    """SigLIP's on tiles; scale x scale patches become a token by one matrix."""
    scale = config["scale_factor"] ** 2
    return _siglip(config, scale, scale * config["vision_config"]["hidden_size"] * _width(config), 0)


def gemma3(config: Config) -> Vision:
    """SigLIP's on one square; the mean of some patches becomes a token."""
    seen = config["vision_config"]
    pooled = (seen["image_size"] // seen["patch_size"]) ** 2 // config["mm_tokens_per_image"]
    width = seen["hidden_size"]
    return _siglip(config, pooled, width * _width(config), width + _unused_head(seen))


def _unused_head(seen: Config) -> int:
    """Weights of SigLIP's own head, where it has one: nothing here uses it, and published models lack it."""
    width, mlp = seen["hidden_size"], seen["intermediate_size"]
    return 4 * width**2 + 2 * width * mlp + 8 * width + mlp if seen["vision_use_head"] else 0


def deepseek_vl(config: Config) -> Vision:
    """SigLIP's on one square; each patch becomes a token by two matrices."""
    seen, out = config["vision_config"], _width(config)
    return _siglip(config, 1, seen["hidden_size"] * out + out**2, 2 * out + _unused_head(seen))


def internvl(config: Config) -> Vision:
    """InternViT on tiles, with a token for each as a whole; some patches become a token by two matrices."""
    seen, out = config["vision_config"], _width(config)
    width, depth, mlp = (seen[name] for name in ("hidden_size", "num_hidden_layers", "intermediate_size"))
    joined = round(1 / config["downsample_ratio"]) ** 2
    pixels = 3 * seen["patch_size"][0] * seen["patch_size"][1]
    patches = seen["image_size"][0] // seen["patch_size"][0] * (seen["image_size"][1] // seen["patch_size"][1])
    block, merger = 4 * width**2 + 2 * width * mlp, joined * width * out + out**2
    norm = 2 * width if seen["norm_type"] == "layer_norm" else width
    biases = (3 * width if seen["attention_bias"] else 0) + width + mlp + width
    own = block + biases + (2 * width if seen["use_qk_norm"] else 0) + 2 * norm + 2 * width
    places = (patches + 1) * width if seen["use_absolute_position_embeddings"] else 0
    ends = width + (width if seen["use_mask_token"] else 0) + (0 if seen["use_mean_pooling"] else 2 * width)
    return Vision(
        *(depth, width, seen["num_attention_heads"], mlp, joined, pixels, block, merger),
        parameters=pixels * width + width + places + ends + depth * own + merger + 2 * joined * width + 2 * out,
        whole=0,
        window=patches + 1,
        adapters={
            **dict.fromkeys(("q_proj", "k_proj", "v_proj", "projection_layer"), 2 * width),
            **dict.fromkeys(("fc1", "fc2"), width + mlp),
        },
    )


def _width(config: Config) -> int:
    width: int = config["text_config"]["hidden_size"]
    return width


def none(config: Config) -> Vision:
    """A model of text sees nothing."""
    return BLIND


TOWERS: dict[str, Callable[[Config], Vision]] = {
    "qwen2_vl": qwen2_vl,
    "qwen2_5_vl": qwen2_5_vl,
    "qwen3_vl": qwen3_vl,
    "smolvlm": smolvlm,
    "gemma3": gemma3,
    "internvl": internvl,
    "deepseek_vl": deepseek_vl,
    "qwen2": none,
    "qwen3": none,
}
