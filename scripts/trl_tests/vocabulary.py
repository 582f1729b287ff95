"""Tokenizers that are made up, but for what TRL's tests know by its id.

The first 256 tokens are bytes, so that any text can be read. Some tests write a model's answers and calls of tools as
ids of Qwen's vocabularies: where these are as large as the checkpoints', the words of those calls have their ids
(`words.json`), the words of chat templates are a token each, since a prompt's length costs time there, and every other
token is a word that no text has. All other tests run on a thousand tokens, which is faster by far.
"""

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import trl
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast
from transformers.convert_slow_tokenizer import bytes_to_unicode

TEMPLATES = Path(trl.__file__).parent / "chat_templates"

WORDS = json.loads((Path(__file__).parent / "words.json").read_text())  # by Qwen's version and id
# What a tool that was called wrongly answers, so that the answer is as short in tokens as the tests have it.
ANSWERED = ("response", "error", "user", "assistant", "Ġgot", "Ġan", "Ġunexpected", "Ġkeyword", "Ġargument")
LETTERS = "ETAOINSHRDLU"
MADE_UP = {"Ġ", *LETTERS}
BYTES = pre_tokenizers.ByteLevel(add_prefix_space=False)


def template(name: str) -> str:
    """A chat template by the name that TRL knows it by."""
    return (TEMPLATES / f"{name}.jinja").read_text()


def qwen(chat_template: str, large: bool, version: str = "2") -> PreTrainedTokenizerFast:
    """The special tokens of Qwen `version` (2 or 3.5), at their ids if `large`; for other models of text as well."""
    made = _large(version) if large else _made({}, _from_1000(WORDS[version]["special"].values()), ANSWERED)
    return _named(made, "<|im_end|>", "<|endoftext|>", chat_template)


def small(chat_template: str, **special: str) -> PreTrainedTokenizerFast:
    """A thousand tokens, then special ones by the names under which a processor asks for them."""
    return _named(
        _made({}, _from_1000(("<pad>", "<eos>", *special.values())), ANSWERED),
        "<eos>",
        "<pad>",
        chat_template,
        **special,
    )


def _from_1000(tokens: Iterable[str]) -> dict[int, str]:
    return dict(enumerate(tokens, start=1000))


@cache
def _large(version: str) -> Tokenizer:
    words, special = ({int(i): word for i, word in WORDS[version][kind].items()} for kind in ("words", "special"))
    texts = [path.read_text() for path in sorted(TEMPLATES.glob("*.jinja"))]
    cut = {word for text in texts for word, _ in BYTES.pre_tokenize_str(text)}.difference(ANSWERED)
    return _made(words, special, (*ANSWERED, *sorted(word for word in cut if set(word) - MADE_UP)))


def _named(made: Tokenizer, end: str, padding: str, chat_template: str, **special: str) -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        eos_token=end,
        pad_token=padding,
        chat_template=template(chat_template),
        extra_special_tokens=special,
    )


def _made(words: dict[int, str], special: dict[int, str], more: Iterable[str]) -> Tokenizer:
    """These words and special tokens at their ids, bytes, more words at any, and made-up ones."""
    as_characters = bytes_to_unicode()
    tokens = dict(enumerate(as_characters.values()))
    tokens |= {i: "".join(as_characters[byte] for byte in word.encode()) for i, word in words.items()}
    spare = (i for i in range(min(special)) if i not in tokens)
    known = set(tokens.values())
    tokens |= {i: word for word, i in zip((word for word in more if word not in known), spare, strict=False)}
    tokens |= {i: _made_up(i) for i in spare}
    # A word of the vocabulary is one token, any other its bytes.
    made = Tokenizer(models.BPE(vocab={word: i for i, word in tokens.items()}, merges=[], ignore_merges=True))
    made.pre_tokenizer = BYTES
    made.decoder = decoders.ByteLevel()
    names = [special.get(i, f"<|unused_{i}|>") for i in range(min(special), max(special) + 1)]
    made.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in names])
    return made


def _made_up(i: int) -> str:
    """Another word for every id, behind a space."""
    letters = ""
    while i:
        i, letter = divmod(i, len(LETTERS))
        letters += LETTERS[letter]
    return f"Ġ{letters}"
