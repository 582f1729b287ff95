"""Processors of Qwen's vision-language models for images alone, in a file that needs nothing but transformers.

transformers' own build a video processor, which needs torchvision. Images do not: the PIL backend, which the paper's
transformers version used, and the tokenizer are enough. A copy of this file lies in every trained model's folder, so
that `AutoProcessor.from_pretrained(folder, trust_remote_code=True)` makes this processor anywhere.
"""

import os
from typing import Any

from transformers import (
    AutoTokenizer,
    PreTrainedTokenizerBase,
    Qwen2_5_VLProcessor,
    Qwen2VLProcessor,
    Qwen3VLProcessor,
)
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
from transformers.processing_utils import ProcessorMixin


class ImageProcessor(ProcessorMixin):
    """An image processor and a tokenizer; everything else is the family's own processor's."""

    def __init__(
        self,
        image_processor: Qwen2VLImageProcessorPil,
        tokenizer: PreTrainedTokenizerBase,
        chat_template: str | None = None,
    ):
        super().__init__(image_processor, tokenizer, None, chat_template=chat_template)  # None: of videos

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What the family's own processor returns.

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


class Qwen2VLImages(ImageProcessor, Qwen2VLProcessor):
    """Qwen2-VL's."""


class Qwen2_5_VLImages(ImageProcessor, Qwen2_5_VLProcessor):  # noqa: N801 (as transformers spells it)
    """Qwen2.5-VL's."""


class Qwen3VLImages(ImageProcessor, Qwen3VLProcessor):
    """Qwen3-VL's."""
