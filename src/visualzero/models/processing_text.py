"""A tokenizer in the place of a processor, for models of text alone: it takes images and looks at none."""

from transformers import PreTrainedTokenizerBase
from transformers.processing_utils import ProcessorMixin


class TextAlone(ProcessorMixin):
    """For evaluation and SFT, which ask a processor; GRPO, for which TRL takes tokenizers alone, gets `tokenizer`."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, chat_template: str | None = None):
        tokenizer.chat_template = chat_template
        super().__init__(tokenizer, chat_template=chat_template)
