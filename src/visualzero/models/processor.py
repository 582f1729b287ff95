"""A checkpoint's processor as training and evaluation use it: sized by the config, prompted by style, never cutting."""

import json
from pathlib import Path
from typing import Any

from PIL import Image
from transformers import AutoTokenizer
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from visualzero.models import processing_images
from visualzero.models.families import family_of
from visualzero.models.processing_images import ImageProcessor
from visualzero.models.tokens import keep_whole
from visualzero.prompts import template

__all__ = ["PREPROCESSOR", "ImageProcessor", "load_processor", "most_image_tokens", "prompt_record"]
PREPROCESSOR = "preprocessor_config.json"
TREATMENT = (  # what it says of pixels, but for their number
    *("image_mean", "image_std", "do_normalize", "do_rescale", "rescale_factor", "resample"),
    *("patch_size", "temporal_patch_size", "merge_size"),
)
SIZES = {"patch_size": "patch_size", "temporal_patch_size": "temporal_patch_size", "merge_size": "spatial_merge_size"}


def load_processor(folder: Path, prompt: str, min_pixels: int, max_pixels: int) -> ImageProcessor:
    """The processor of a checkpoint folder, rendering prompts in style `prompt`.

    Images are resized to between `min_pixels` and `max_pixels`, sides multiples of an image token's, and otherwise
    treated as the checkpoint's preprocessor_config.json says, where it has one. Padding is on the left, as batched
    generation needs. No text is cut, whatever the tokenizer's files ask for.
    """
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    tokenizer.padding_side = "left"
    keep_whole(tokenizer)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    family = family_of(config.get("model_type"), str(folder))
    seen = config.get("vision_config") or {}
    theirs = {name: seen[key] for name, key in SIZES.items() if key in seen}
    if (folder / PREPROCESSOR).is_file():
        theirs |= json.loads((folder / PREPROCESSOR).read_text(encoding="utf-8"))
    ours = {"size": {"shortest_edge": min_pixels, "longest_edge": max_pixels}}
    images = Qwen2VLImageProcessorPil(**{name: theirs[name] for name in TREATMENT if name in theirs}, **ours)
    kind: type[ImageProcessor] = getattr(processing_images, family.processor)
    return kind(images, tokenizer, chat_template=template(prompt))


def most_image_tokens(processor: ImageProcessor) -> int:
    """How many tokens an image of the largest size takes."""
    images = processor.image_processor
    most: int = images.size["longest_edge"] // (images.patch_size * images.merge_size) ** 2
    return most


def prompt_record(processor: ImageProcessor, prompt: str, *images: Image.Image) -> dict[str, Any]:
    """What a model reads for a rendered `prompt` and its images, for a manifest: the text, and token ids as one line.

    `<|image_pad|>` stands once for each image in the text, and once for each visual token among the ids.
    """
    inputs = processor(images=list(images) or None, text=[prompt], return_tensors="pt", add_special_tokens=False)
    return {"prompt": prompt, "token_ids": " ".join(map(str, inputs["input_ids"][0].tolist()))}
