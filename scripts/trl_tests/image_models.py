"""Tiny random models that see images, each with its processor, under the names that TRL's tests ask the hub for.

Gemma 4 has no stand-in where torchvision isn't installed, which its processor imports.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from transformers import AutoModelForImageTextToText, PreTrainedTokenizerFast, ProcessorMixin
from transformers.models.auto import CONFIG_MAPPING
from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil
from transformers.models.gemma3.processing_gemma3 import Gemma3Processor
from transformers.models.llava_next.image_processing_pil_llava_next import LlavaNextImageProcessorPil
from transformers.models.llava_next.processing_llava_next import LlavaNextProcessor
from transformers.models.qwen2_5_vl.processing_qwen2_5_vl import Qwen2_5_VLProcessor
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
from transformers.models.qwen2_vl.processing_qwen2_vl import Qwen2VLProcessor
from transformers.models.qwen3_vl.processing_qwen3_vl import Qwen3VLProcessor
from vocabulary import qwen, small

TEXT = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
TEXT |= {"num_key_value_heads": 1, "head_dim": 8, "initializer_range": 0.2, "max_position_embeddings": 4096}
VISION = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
VISION |= {"image_size": 32, "patch_size": 8, "initializer_range": 0.2}
ROPE = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 1, 1]}
LINEAR = {"layer_types": ["linear_attention", "full_attention"], "linear_key_head_dim": 4, "linear_value_head_dim": 4}
LINEAR |= {"linear_num_key_heads": 2, "linear_num_value_heads": 4}
LINEAR |= {"rope_parameters": ROPE | {"mrope_interleaved": True, "partial_rotary_factor": 1.0}}
EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32}
EXPERTS |= {"shared_expert_intermediate_size": 32}


def _qwen(
    kind: str,
    processor: type[ProcessorMixin],
    words: PreTrainedTokenizerFast,
    text: dict[str, Any],
    vision: dict[str, Any],
) -> tuple[Any, ProcessorMixin]:
    config = CONFIG_MAPPING[kind](
        text_config=TEXT | {"vocab_size": len(words), "bos_token_id": None, "eos_token_id": words.eos_token_id} | text,
        vision_config={"depth": 2, "num_heads": 4, "initializer_range": 0.2} | vision,
        image_token_id=words.convert_tokens_to_ids("<|image_pad|>"),
        video_token_id=words.convert_tokens_to_ids("<|video_pad|>"),
        vision_start_token_id=words.convert_tokens_to_ids("<|vision_start|>"),
        vision_end_token_id=words.convert_tokens_to_ids("<|vision_end|>"),
    )
    images = Qwen2VLImageProcessorPil(patch_size=vision.get("patch_size", 14))
    return config, processor(images, words, None, chat_template=words.chat_template)


def qwen2_vl(large: bool) -> tuple[Any, ProcessorMixin]:
    """M-RoPE."""
    vision = {"embed_dim": 16, "hidden_size": 16, "mlp_ratio": 2}
    return _qwen("qwen2_vl", Qwen2VLProcessor, qwen("qwen2_5_vl", large), {"rope_parameters": ROPE}, vision)


def qwen2_5_vl(large: bool) -> tuple[Any, ProcessorMixin]:
    """Windows in the vision tower too."""
    vision = {"hidden_size": 16, "intermediate_size": 32, "out_hidden_size": 16, "fullatt_block_indexes": [1]}
    return _qwen("qwen2_5_vl", Qwen2_5_VLProcessor, qwen("qwen2_5_vl", large), {"rope_parameters": ROPE}, vision)


def qwen3_5(large: bool, kind: str, chat_template: str, **own: Any) -> tuple[Any, ProcessorMixin]:
    """Layers of linear attention."""
    vision = {"hidden_size": 16, "intermediate_size": 32, "out_hidden_size": 16, "patch_size": 16}
    vision |= {"num_position_embeddings": 64}
    return _qwen(kind, Qwen3VLProcessor, qwen(chat_template, large, "3.5"), LINEAR | own, vision)


def gemma3(large: bool) -> tuple[Any, ProcessorMixin]:
    """Windows of tokens, and images whose tokens see each other in both directions."""
    words = small("gemma3", boi_token="<start_of_image>", eoi_token="<end_of_image>", image_token="<image_soft_token>")
    layers = ["sliding_attention", "full_attention"]
    own = {"vocab_size": len(words), "layer_types": layers, "sliding_window": 16, "pad_token_id": words.pad_token_id}
    config = CONFIG_MAPPING["gemma3"](
        text_config=TEXT | own,
        vision_config=VISION | {"vision_use_head": False},
        mm_tokens_per_image=4,
        boi_token_index=words.boi_token_id,
        eoi_token_index=words.eoi_token_id,
        image_token_index=words.image_token_id,
    )
    images = Gemma3ImageProcessorPil(size={"height": 32, "width": 32})
    return config, Gemma3Processor(images, words, chat_template=words.chat_template, image_seq_length=4)


def llava_next(large: bool) -> tuple[Any, ProcessorMixin]:
    """Images in tiles; the vision tower's last layer but one."""
    words = small("llava_next", image_token="<image>")
    grid = [[32, 64], [64, 32], [64, 64]]
    config = CONFIG_MAPPING["llava_next"](
        text_config=TEXT | {"model_type": "mistral", "vocab_size": len(words), "sliding_window": None},
        vision_config=VISION | {"model_type": "clip_vision_model"},
        image_token_index=words.image_token_id,
        image_grid_pinpoints=grid,
        image_seq_length=16,
    )
    side = {"height": 32, "width": 32}
    images = LlavaNextImageProcessorPil(size={"shortest_edge": 32}, crop_size=side, image_grid_pinpoints=grid)
    processor = LlavaNextProcessor(
        images,
        words,
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=words.chat_template,
    )
    return config, processor


MODELS: dict[str, Callable[[bool], tuple[Any, ProcessorMixin]]] = {
    "Qwen2VLForConditionalGeneration": qwen2_vl,
    "Qwen2_5_VLForConditionalGeneration": qwen2_5_vl,
    "Qwen3_5ForConditionalGeneration-NoThink": partial(qwen3_5, kind="qwen3_5", chat_template="qwen3_5_nothink"),
    "Qwen3_5MoeForConditionalGeneration-3.6": partial(qwen3_5, kind="qwen3_5_moe", chat_template="qwen3_6", **EXPERTS),
    "Gemma3ForConditionalGeneration": gemma3,
    "LlavaNextForConditionalGeneration": llava_next,
}


def make(name: str, large: bool) -> tuple[Any, Any]:
    """A random model, always the same, and its processor; with a `large` vocabulary if asked for and Qwen's."""
    config, processor = MODELS[name](large)
    torch.manual_seed(0)
    model = AutoModelForImageTextToText.from_config(config)
    for weights in model.parameters():
        if weights.ndim > 1 and not weights.any():  # Gemma 3's projection of images begins at zero
            torch.nn.init.normal_(weights, std=0.2)
    words = processor.tokenizer
    model.generation_config.eos_token_id, model.generation_config.pad_token_id = words.eos_token_id, words.pad_token_id
    return model, processor
