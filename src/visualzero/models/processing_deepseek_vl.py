"""DeepSeek-VL's processor with the PIL backend, a name for the token of images, and lists unless tensors are asked for.

Like processing_images.py, this file needs nothing but transformers: a copy lies in every trained DeepSeek-VL's folder.
"""

import os
from typing import Any

from transformers import AutoConfig, AutoTokenizer, DeepseekVLProcessor, PreTrainedTokenizerBase
from transformers.models.deepseek_vl.image_processing_pil_deepseek_vl import DeepseekVLImageProcessorPil
from transformers.processing_utils import ProcessingKwargs


class DeepseekVLImages(DeepseekVLProcessor):
    """DeepSeek-VL's; an image has `num_image_tokens` tokens."""

    valid_processor_kwargs = (
        ProcessingKwargs  # DeepSeek-VL's asks for tensors, which prompts of several lengths can't be
    )

    def __init__(
        self,
        image_processor: DeepseekVLImageProcessorPil,
        tokenizer: PreTrainedTokenizerBase,
        num_image_tokens: int,
        chat_template: str | None = None,
    ):
        tokenizer.image_token = "<image_placeholder>"
        super().__init__(image_processor, tokenizer, chat_template=chat_template, num_image_tokens=num_image_tokens)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What DeepSeek-VL's own returns.

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
        seen = AutoConfig.from_pretrained(folder).vision_config
        return [
            DeepseekVLImageProcessorPil.from_pretrained(folder, **kwargs),
            AutoTokenizer.from_pretrained(folder, **kwargs),
            (seen.image_size // seen.patch_size) ** 2,
        ]
