"""Qwen2-VL-2B itself, on the meta device (shapes without numbers): its size, its tensors, its prompt's tokens."""

import json
import re
from typing import Any

import pytest
import torch
from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration

# The config.json that Qwen/Qwen2-VL-2B and -Instruct publish, as far as it says something of the model.
PUBLISHED: dict[str, Any] = {
    "architectures": ["Qwen2VLForConditionalGeneration"],
    "model_type": "qwen2_vl",
    "attention_dropout": 0.0,
    "bos_token_id": 151643,
    "eos_token_id": 151645,
    "vision_start_token_id": 151652,
    "vision_end_token_id": 151653,
    "vision_token_id": 151654,
    "image_token_id": 151655,
    "video_token_id": 151656,
    "hidden_act": "silu",
    "hidden_size": 1536,
    "initializer_range": 0.02,
    "intermediate_size": 8960,
    "max_position_embeddings": 32768,
    "max_window_layers": 28,
    "num_attention_heads": 12,
    "num_hidden_layers": 28,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-06,
    "rope_theta": 1000000.0,
    "rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]},
    "sliding_window": 32768,
    "use_sliding_window": False,
    "tie_word_embeddings": True,
    "torch_dtype": "bfloat16",
    "use_cache": True,
    "vocab_size": 151936,
    "vision_config": {
        "depth": 32,
        "embed_dim": 1280,
        "mlp_ratio": 4,
        "num_heads": 16,
        "in_chans": 3,
        "hidden_size": 1536,
        "patch_size": 14,
        "spatial_merge_size": 2,
        "spatial_patch_size": 14,
        "temporal_patch_size": 2,
    },
}
BIASED, UNBIASED = ("bias", "weight"), ("weight",)


def published_tensors() -> set[str]:
    """The names in the published model.safetensors.index.json."""
    layer = {
        **dict.fromkeys(("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"), BIASED),
        **dict.fromkeys(("self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"), UNBIASED),
        **dict.fromkeys(("input_layernorm", "post_attention_layernorm"), UNBIASED),
    }
    block = dict.fromkeys(("attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2", "norm1", "norm2"), BIASED)
    merger = dict.fromkeys(("ln_q", "mlp.0", "mlp.2"), BIASED)
    modules = {
        "model.embed_tokens": UNBIASED,
        "model.norm": UNBIASED,
        "visual.patch_embed.proj": UNBIASED,
        **{f"model.layers.{number}.{name}": parts for number in range(28) for name, parts in layer.items()},
        **{f"visual.blocks.{number}.{name}": parts for number in range(32) for name, parts in block.items()},
        **{f"visual.merger.{name}": parts for name, parts in merger.items()},
    }
    return {f"{name}.{part}" for name, parts in modules.items() for part in parts}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Qwen2VLForConditionalGeneration:
    folder = tmp_path_factory.mktemp("Qwen2-VL-2B")
    (folder / "config.json").write_text(json.dumps(PUBLISHED))
    with torch.device("meta"):
        return Qwen2VLForConditionalGeneration(Qwen2VLConfig.from_pretrained(folder))


def test_it_has_as_many_parameters_as_published(model: Qwen2VLForConditionalGeneration) -> None:
    """The index of the published weights names 4 417 971 200 bytes, two for each parameter."""
    assert sum(parameter.numel() for parameter in model.parameters()) == 2_208_985_600 == 4_417_971_200 // 2


def test_its_tensors_have_the_published_names(model: Qwen2VLForConditionalGeneration) -> None:
    def published(name: str) -> str:
        """How the checkpoint names a module: it is older than transformers' division into two parts."""
        return re.sub(r"^model\.(visual\.)|^(model\.)language_model\.", r"\1\2", name)

    names = {published(name) for name, _ in model.named_parameters()}
    assert names == published_tensors()
    assert len(names) == 729


def test_the_published_config_is_understood(model: Qwen2VLForConditionalGeneration) -> None:
    text, vision = model.config.text_config, model.config.vision_config
    assert (text.hidden_size, text.num_hidden_layers, text.intermediate_size, text.vocab_size) == (
        1536,
        28,
        8960,
        151936,
    )
    assert (text.num_hidden_layers, text.num_attention_heads, text.num_key_value_heads) == (28, 12, 2)
    assert (text.rope_parameters["rope_theta"], text.rope_parameters["mrope_section"]) == (1e6, [16, 24, 24])
    assert (vision.depth, vision.embed_dim, vision.num_heads, vision.patch_size) == (32, 1280, 16, 14)
    assert model.lm_head.weight is model.model.language_model.embed_tokens.weight


def test_an_image_of_the_largest_size_takes_512_tokens(model: Qwen2VLForConditionalGeneration) -> None:
    """512 x 28 x 28 pixels, the paper's limit: 2048 patches of 14 x 14, four of which make a token."""
    patches = torch.empty(2048, 3 * 2 * 14 * 14, device="meta")
    vision = model.model.visual
    hidden = vision.patch_embed(patches)
    assert hidden.shape == (2048, 1280)
    assert vision.merger(hidden).shape == (512, 1536)
