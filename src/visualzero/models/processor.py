"""Qwen2-VL's processor for images alone.

transformers' `Qwen2VLProcessor` builds a video processor, which needs torchvision. Images do not: the PIL backend,
which the paper's transformers version used, and the tokenizer are enough.
"""

from pathlib import Path

from transformers import AutoTokenizer, PreTrainedTokenizerBase, Qwen2VLProcessor
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
from transformers.processing_utils import ProcessorMixin

from visualzero.prompts import template


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

    Images are resized to between `min_pixels` and `max_pixels`, sides multiples of 28. Padding is on the left, as
    batched generation needs.
    """
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    tokenizer.padding_side = "left"
    images = Qwen2VLImageProcessorPil(size={"shortest_edge": min_pixels, "longest_edge": max_pixels})
    return ImageProcessor(images, tokenizer, chat_template=template(prompt))
