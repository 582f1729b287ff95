"""InternVL's processor for images alone: transformers' own wants torchvision, for videos.

Like processing_images.py, this file needs nothing but transformers: a copy lies in every trained InternVL's folder.
"""

import os
from typing import Any

from transformers import AutoConfig, AutoTokenizer, InternVLProcessor, PreTrainedTokenizerBase
from transformers.models.got_ocr2.image_processing_pil_got_ocr2 import GotOcr2ImageProcessorPil

NAMES = {  # under which the processor asks the tokenizer, whatever the tokenizer's files say
    "start_image_token": "<img>",
    "context_image_token": "<IMG_CONTEXT>",
    "end_image_token": "</img>",
    "video_token": "<video>",
}


class InternVLImages(InternVLProcessor):
    """InternVL's; a tile of an image has `image_seq_length` tokens."""

    def __init__(
        self,
        image_processor: GotOcr2ImageProcessorPil,
        tokenizer: PreTrainedTokenizerBase,
        image_seq_length: int,
        chat_template: str | None = None,
    ):
        for name, token in NAMES.items():
            setattr(tokenizer, name, token)
            setattr(tokenizer, f"{name}_id", tokenizer.convert_tokens_to_ids(token))
        super().__init__(
            image_processor, tokenizer, None, image_seq_length=image_seq_length, chat_template=chat_template
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What InternVL's own returns.

        Raises:
            ValueError: if a text has more image tokens than there are images. transformers 5.17 lets a StopIteration
                out, which data loaders take for the end of the data.
        """
        try:
            return super().__call__(*args, **kwargs)
        except StopIteration:
            raise ValueError(f"a text has more {self.image_token} than there are images") from None

    @classmethod
    def _get_arguments_from_pretrained(
        cls, folder: str | os.PathLike[str], processor_dict: dict[str, Any] | None = None, **kwargs: Any
    ) -> list[Any]:
        return [
            GotOcr2ImageProcessorPil.from_pretrained(folder, **kwargs),
            AutoTokenizer.from_pretrained(folder, **kwargs),
            AutoConfig.from_pretrained(folder).image_seq_length,
        ]
