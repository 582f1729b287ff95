"""Qwen2-VL's processor for images alone, in a file that needs nothing but transformers.

transformers' `Qwen2VLProcessor` builds a video processor, which needs torchvision. Images do not: the PIL backend,
which the paper's transformers version used, and the tokenizer are enough. A copy of this file lies in every trained
model's folder, so that `AutoProcessor.from_pretrained(folder, trust_remote_code=True)` makes this processor anywhere.
"""

import os
from typing import Any

from transformers import AutoTokenizer, PreTrainedTokenizerBase, Qwen2VLProcessor
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
from transformers.processing_utils import ProcessorMixin


class ImageProcessor(Qwen2VLProcessor):
    """An image processor and a tokenizer; everything else is `Qwen2VLProcessor`'s."""

    def __init__(
        self,
        image_processor: Qwen2VLImageProcessorPil,
        tokenizer: PreTrainedTokenizerBase,
        chat_template: str | None = None,
    ):
        self.image_token = "<|image_pad|>"
        self.video_token = "<|video_pad|>"
        self.image_token_id = tokenizer.convert_tokens_to_ids(self.image_token)
        self.video_token_id = tokenizer.convert_tokens_to_ids(self.video_token)
        ProcessorMixin.__init__(self, image_processor, tokenizer, chat_template=chat_template)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What `Qwen2VLProcessor` returns.

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
        """Both parts from a folder, with the PIL backend even where there is torchvision, whose pixels are others."""
        return [
            Qwen2VLImageProcessorPil.from_pretrained(folder, **kwargs),
            AutoTokenizer.from_pretrained(folder, **kwargs),
        ]
