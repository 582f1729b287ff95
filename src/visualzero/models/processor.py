"""Qwen2-VL's processor for images alone.

transformers' `Qwen2VLProcessor` builds a video processor, which needs torchvision. Images do not: the PIL backend,
which the paper's transformers version used, and the tokenizer are enough.
"""

import json
from pathlib import Path
from typing import Any

from PIL import Image
from transformers import AutoTokenizer, PreTrainedTokenizerBase, Qwen2VLProcessor
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
from transformers.processing_utils import ProcessorMixin

from visualzero.prompts import template

PREPROCESSOR = "preprocessor_config.json"
TREATMENT = ("image_mean", "image_std", "patch_size", "temporal_patch_size", "merge_size")  # what it says of pixels


class ImageProcessor(Qwen2VLProcessor):
    """An image processor and a tokenizer; everything else is `Qwen2VLProcessor`'s."""

    def __init__(self, image_processor: Qwen2VLImageProcessorPil, tokenizer: PreTrainedTokenizerBase, **kwargs: object):
        self.image_token = "<|image_pad|>"
        self.video_token = "<|video_pad|>"
        self.image_token_id = tokenizer.convert_tokens_to_ids(self.image_token)
        self.video_token_id = tokenizer.convert_tokens_to_ids(self.video_token)
        ProcessorMixin.__init__(self, image_processor, tokenizer, **kwargs)


def load_processor(folder: Path, prompt: str, min_pixels: int, max_pixels: int) -> ImageProcessor:
    """The processor of a checkpoint folder, rendering prompts in style `prompt`.

    Images are resized to between `min_pixels` and `max_pixels`, sides multiples of 28, and otherwise treated as the
    checkpoint's preprocessor_config.json says, where it has one. Padding is on the left, as batched generation needs.
    """
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    tokenizer.padding_side = "left"
    theirs = {}
    if (folder / PREPROCESSOR).is_file():
        theirs = json.loads((folder / PREPROCESSOR).read_text(encoding="utf-8"))
    ours = {"size": {"shortest_edge": min_pixels, "longest_edge": max_pixels}}
    images = Qwen2VLImageProcessorPil(**{name: theirs[name] for name in TREATMENT if name in theirs}, **ours)
    return ImageProcessor(images, tokenizer, chat_template=template(prompt))


def prompt_record(processor: ImageProcessor, prompt: str, image: Image.Image | None) -> dict[str, Any]:
    """What a model reads for a rendered `prompt` and its image, for a manifest: the text, and token ids as one line.

    `<|image_pad|>` stands once in the text and once for each visual token among the ids.
    """
    images = [image] if image else None
    inputs = processor(images=images, text=[prompt], return_tensors="pt", add_special_tokens=False)
    return {"prompt": prompt, "token_ids": " ".join(map(str, inputs["input_ids"][0].tolist()))}
