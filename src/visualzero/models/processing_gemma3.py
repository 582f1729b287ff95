"""Gemma 3's processor with the PIL backend, and with names for the tokens of images whatever the tokenizer's files say.

Like processing_images.py, this file needs nothing but transformers: a copy lies in every trained Gemma 3's folder.
"""

import os
from typing import Any

from transformers import AutoConfig, AutoTokenizer, Gemma3Processor, PreTrainedTokenizerBase
from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil

NAMES = {"boi_token": "<start_of_image>", "image_token": "<image_soft_token>", "eoi_token": "<end_of_image>"}


class Gemma3Images(Gemma3Processor):
    """Gemma 3's; an image has `image_seq_length` tokens."""

    def __init__(
        self,
        image_processor: Gemma3ImageProcessorPil,
        tokenizer: PreTrainedTokenizerBase,
        image_seq_length: int,
        chat_template: str | None = None,
    ):
        for name, token in NAMES.items():
            setattr(tokenizer, name, token)
            setattr(tokenizer, f"{name}_id", tokenizer.convert_tokens_to_ids(token))
        super().__init__(image_processor, tokenizer, chat_template=chat_template, image_seq_length=image_seq_length)

    @classmethod
    def _get_arguments_from_pretrained(
        cls, folder: str | os.PathLike[str], processor_dict: dict[str, Any] | None = None, **kwargs: Any
    ) -> list[Any]:
        return [
            Gemma3ImageProcessorPil.from_pretrained(folder, **kwargs),
            AutoTokenizer.from_pretrained(folder, **kwargs),
            AutoConfig.from_pretrained(folder).mm_tokens_per_image,
        ]
