"""Texts of a user or a data set that a tokenizer would take for its own tokens.

`<|image_pad|>` in a question stands for an image that isn't there, `<|im_end|>` ends its turn. One policy everywhere:
such a text is refused, by name, where it comes in: questions and choices when their table is made, thoughts when a
training reads them.
"""

import re
from collections.abc import Iterable

_LOOKS_SPECIAL = re.compile(r"<\|\w{1,64}\|>", re.ASCII)  # all of Qwen2-VL's, and the common form of other families'


def special_tokens_in(text: str, tokens: Iterable[str] = ()) -> list[str]:
    """The special tokens that `text` holds, in order of the alphabet: `<|...|>`, and those of `tokens`.

    `tokens` are a tokenizer's own (its `all_special_tokens`), where one is at hand.
    """
    return sorted({*_LOOKS_SPECIAL.findall(text), *(token for token in tokens if token and token in text)})
