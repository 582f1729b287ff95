"""A tiny random model of each family, with the processor that its checkpoints have, for images alone."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast, ProcessorMixin
from transformers.models.auto import CONFIG_MAPPING, AutoModelForCausalLM, AutoModelForImageTextToText

from sharing_cases import TEXTS
from visualzero.models.families import FAMILIES as KNOWN
from visualzero.models.processing_deepseek_vl import DeepseekVLImageProcessorPil, DeepseekVLImages
from visualzero.models.processing_gemma3 import Gemma3ImageProcessorPil, Gemma3Images
from visualzero.models.processing_internvl import GotOcr2ImageProcessorPil, InternVLImages
from visualzero.models.processing_smolvlm import SmolVLMImageProcessorPil, SmolVLMImages
from visualzero.models.tiny.architecture import train_tokenizer

TEXT = {"hidden_size": 48, "intermediate_size": 96, "num_hidden_layers": 3, "num_attention_heads": 4}
TEXT |= {"num_key_value_heads": 2, "head_dim": 12, "max_position_embeddings": 2048, "initializer_range": 0.2}
VISION = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
VISION |= {"image_size": 32, "patch_size": 8}
QWEN_IMAGE = "<|vision_start|><|image_pad|><|vision_end|>"
TEMPLATE = """{%- for message in messages -%}
{%- if message.content is string -%}{{- message.content -}}{%- else -%}
{%- for part in message.content -%}
{%- if part.type == "image" -%}IMAGE{%- else -%}{{- part.text -}}{%- endif -%}
{%- endfor -%}
{%- endif -%}{%- endfor -%}{{- "\\nAnswer:" -}}"""


@cache
def tokenizer(*special: str, end: str = "<|endoftext|>") -> PreTrainedTokenizerFast:
    """The demo's, with a family's own tokens and the one that ends its texts."""
    plain = train_tokenizer(TEXTS)
    plain.add_special_tokens({"additional_special_tokens": list(special), "eos_token": end})
    return plain


def image_only(kind: type[ProcessorMixin]) -> type[ProcessorMixin]:
    """A processor class without the processor of videos, which needs torchvision."""
    kept = [name for name in kind.get_attributes() if name != "video_processor"]
    frames = SimpleNamespace(num_frames=1, fps=1)  # SmolVLM's asks for them before it knows whether there are videos
    return type(kind.__name__, (kind,), {"get_attributes": classmethod(lambda cls: kept), "video_processor": frames})


def _template(image: str) -> str:
    return TEMPLATE.replace("IMAGE", image)


def _qwen(kind: str, processor: type[ProcessorMixin], text: dict[str, Any], vision: dict[str, Any]) -> Any:
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    words = tokenizer()
    ids = {
        name: words.convert_tokens_to_ids(f"<|{name}|>")
        for name in ("image_pad", "video_pad", "vision_start", "vision_end")
    }
    patch = vision.get("patch_size", 14)
    config = CONFIG_MAPPING[kind](
        text_config=TEXT | {"vocab_size": len(words)} | text,
        vision_config=vision,
        image_token_id=ids["image_pad"],
        video_token_id=ids["video_pad"],
        vision_start_token_id=ids["vision_start"],
        vision_end_token_id=ids["vision_end"],
    )
    size = {"shortest_edge": 4 * patch**2, "longest_edge": 64 * patch**2}
    images = Qwen2VLImageProcessorPil(patch_size=patch, size=size)
    made = image_only(processor)(images, words, None, chat_template=_template(QWEN_IMAGE))
    return config, made


def qwen2_vl() -> Any:
    """The paper's: M-RoPE, images of any size."""
    from transformers import Qwen2VLProcessor

    rope = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 2, 2]}
    vision = {"depth": 2, "embed_dim": 32, "num_heads": 2, "mlp_ratio": 2, "hidden_size": 48}
    return _qwen("qwen2_vl", Qwen2VLProcessor, {"rope_parameters": rope}, vision)


def qwen2_5_vl() -> Any:
    """Windows in the vision tower, RMS norms."""
    from transformers import Qwen2_5_VLProcessor

    rope = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 2, 2]}
    vision = {"depth": 2, "hidden_size": 32, "num_heads": 2, "intermediate_size": 64, "out_hidden_size": 48}
    vision |= {"window_size": 56, "fullatt_block_indexes": [1]}
    return _qwen("qwen2_5_vl", Qwen2_5_VLProcessor, {"rope_parameters": rope}, vision)


def qwen3_vl() -> Any:
    """Features of the vision tower are added to the first layers of the decoder."""
    from transformers import Qwen3VLProcessor

    rope = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 2, 2], "mrope_interleaved": True}
    vision = {"depth": 2, "hidden_size": 32, "num_heads": 2, "intermediate_size": 64, "out_hidden_size": 48}
    vision |= {"patch_size": 16, "num_position_embeddings": 64, "deepstack_visual_indexes": [0, 1]}
    return _qwen("qwen3_vl", Qwen3VLProcessor, {"rope_parameters": rope}, vision)


def smolvlm() -> Any:
    """Images in tiles, in rows."""
    words = tokenizer(*KNOWN["smolvlm"].tokens, end="<end_of_utterance>")
    config = CONFIG_MAPPING["smolvlm"](
        text_config=TEXT | {"model_type": "llama", "vocab_size": len(words), "pad_token_id": words.pad_token_id},
        vision_config=VISION,
        image_token_id=words.convert_tokens_to_ids("<image>"),
        pad_token_id=words.pad_token_id,
        scale_factor=2,
    )
    images = SmolVLMImageProcessorPil(
        size={"longest_edge": 64}, max_image_size={"longest_edge": 32}, do_image_splitting=True
    )
    return config, SmolVLMImages(images, words, image_seq_len=4, chat_template=_template("<image>"))


def internvl() -> Any:
    """Images in tiles, side by side."""
    words = tokenizer("<img>", "<IMG_CONTEXT>", "</img>", end="<|im_end|>")
    config = CONFIG_MAPPING["internvl"](
        text_config=TEXT | {"model_type": "qwen2", "vocab_size": len(words)},
        vision_config=VISION,
        image_token_id=words.convert_tokens_to_ids("<IMG_CONTEXT>"),
        image_seq_length=4,
    )
    images = GotOcr2ImageProcessorPil(size={"height": 32, "width": 32}, crop_to_patches=True, max_patches=3)
    return config, InternVLImages(images, words, image_seq_length=4, chat_template=_template("<IMG_CONTEXT>\n"))


def gemma3() -> Any:
    """Windows of tokens, and images whose tokens see each other in both directions."""
    images_of = ("<start_of_image>", "<image_soft_token>", "<end_of_image>")
    words = tokenizer("<bos>", *images_of, "<start_of_turn>", "<end_of_turn>", end="<eos>")
    begin, token, end = words.convert_tokens_to_ids(list(images_of))
    layers = ["sliding_attention", "sliding_attention", "full_attention"]
    config = CONFIG_MAPPING["gemma3"](
        text_config=TEXT
        | {
            "vocab_size": len(words),
            "sliding_window": 9,
            "layer_types": layers,
            "query_pre_attn_scalar": 12,
            "pad_token_id": words.pad_token_id,
        },
        vision_config=VISION | {"vision_use_head": False},
        mm_tokens_per_image=4,
        boi_token_index=begin,
        eoi_token_index=end,
        image_token_index=token,
    )
    images = Gemma3ImageProcessorPil(size={"height": 32, "width": 32})
    return config, Gemma3Images(images, words, image_seq_length=4, chat_template=_template("<start_of_image>"))


def deepseek_vl() -> Any:
    """Images made to fit one square."""
    family = KNOWN["deepseek_vl"]
    words = tokenizer(family.wording.begin, *family.tokens, end=family.wording.end.split('"')[1])
    config = CONFIG_MAPPING["deepseek_vl"](
        text_config=TEXT | {"model_type": "llama", "vocab_size": len(words)},
        vision_config=VISION | {"vision_use_head": False},
        image_token_id=words.convert_tokens_to_ids(family.placeholder),
    )
    images = DeepseekVLImageProcessorPil(size={"height": 32, "width": 32})
    return config, DeepseekVLImages(images, words, num_image_tokens=16, chat_template=_template(family.marker))


def qwen3() -> Any:
    """Text alone, by its tokenizer: a blind control."""
    words = tokenizer()
    words.chat_template = _template("")
    return CONFIG_MAPPING["qwen3"](**TEXT | {"vocab_size": len(words)}), words


FAMILIES: dict[str, Callable[[], Any]] = {
    made.__name__: made for made in (qwen2_vl, qwen2_5_vl, qwen3_vl, smolvlm, internvl, gemma3, deepseek_vl, qwen3)
}


def tiny(
    family: str, dtype: torch.dtype = torch.float32
) -> tuple[PreTrainedModel, ProcessorMixin | PreTrainedTokenizerFast]:
    """The same random model each time, and its processor."""
    config, processor = FAMILIES[family]()
    torch.manual_seed(0)
    auto = AutoModelForImageTextToText if hasattr(config, "vision_config") else AutoModelForCausalLM
    model = auto.from_config(config, attn_implementation="sdpa").to(dtype)
    for weights in model.parameters():
        if not weights.any():  # Gemma 3's projection of images begins at zero
            torch.nn.init.normal_(weights, std=0.2)
    words = getattr(processor, "tokenizer", processor)
    model.generation_config.eos_token_id = model.generation_config.pad_token_id = words.eos_token_id
    return model.eval(), processor


def hub_folder(family: str, folder: Path) -> None:
    """Write a checkpoint of `family` to `folder`, with the files that a published one has."""
    model, processor = tiny(family)
    model.save_pretrained(folder)
    getattr(processor, "tokenizer", processor).save_pretrained(folder)
