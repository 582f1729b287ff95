"""SmolVLM2's processor for images alone: transformers' own wants torchvision and num2words, both for videos.

Like processing_images.py, this file needs nothing but transformers: a copy lies in every trained SmolVLM2's folder.
"""

import os
from typing import Any

from transformers import AutoConfig, AutoTokenizer, PreTrainedTokenizerBase
from transformers.models.smolvlm.image_processing_pil_smolvlm import SmolVLMImageProcessorPil
from transformers.models.smolvlm.processing_smolvlm import SmolVLMProcessor
from transformers.processing_utils import ProcessorMixin


class SmolVLMImages(SmolVLMProcessor):
    """SmolVLM2's; a tile of an image has `image_seq_len` tokens."""

    def __init__(
        self,
        image_processor: SmolVLMImageProcessorPil,
        tokenizer: PreTrainedTokenizerBase,
        image_seq_len: int,
        chat_template: str | None = None,
    ):
        ProcessorMixin.__init__(self, image_processor, tokenizer, chat_template=chat_template)
        self.image_seq_len = image_seq_len
        self.image_token = "<image>"
        self.image_token_id = tokenizer.convert_tokens_to_ids(self.image_token)
        self.fake_image_token = "<fake_token_around_image>"
        self.global_image_token = "<global-img>"

    def apply_chat_template(self, *args: Any, **kwargs: Any) -> Any:
        """What every processor does; SmolVLM2's asks for frames of videos before."""
        return ProcessorMixin.apply_chat_template(self, *args, **kwargs)

    @classmethod
    def _get_arguments_from_pretrained(
        cls, folder: str | os.PathLike[str], processor_dict: dict[str, Any] | None = None, **kwargs: Any
    ) -> list[Any]:
        config = AutoConfig.from_pretrained(folder)
        patches = (config.vision_config.image_size // config.vision_config.patch_size) ** 2
        return [
            SmolVLMImageProcessorPil.from_pretrained(folder, **kwargs),
            AutoTokenizer.from_pretrained(folder, **kwargs),
            patches // config.scale_factor**2,
        ]
