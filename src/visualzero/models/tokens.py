"""Two traps of tokenizers: settings that cut texts in silence, and tokens of their own that a text may spell."""

from transformers import PreTrainedTokenizerBase

# Settings of tokenizer_config.json, or of `truncation` and `padding` in tokenizer.json, that transformers' processors
# apply to every text that they are given. Tokenizers that were saved after a training often have them.
CUTTING = (
    *("max_length", "truncation", "truncation_strategy", "stride"),
    *("padding", "padding_strategy", "pad_to_max_length", "pad_to_multiple_of"),
)


def keep_whole(tokenizer: PreTrainedTokenizerBase) -> None:
    """Let a tokenizer neither cut nor fill texts unless a call asks for it, in place."""
    for name in CUTTING:
        tokenizer.init_kwargs.pop(name, None)
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()


def special_tokens(tokenizer: PreTrainedTokenizerBase) -> list[str]:
    """Texts that the tokenizer reads as one token with a meaning of its own, such as `<|image_pad|>`."""
    return sorted(str(token) for token in tokenizer.added_tokens_decoder.values() if token.special)
