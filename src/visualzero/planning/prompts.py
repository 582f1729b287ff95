"""How many tokens the text of a prompt has, before there is any data: for a question of usual length."""

import re
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment

from visualzero.models.families import FAMILIES
from visualzero.models.families.family import Family
from visualzero.prompts import Options, question_text, template, user_message

# A question of the commonest kind in CV-Bench (Relation), whose questions are on average a little shorter.
QUESTION = (
    "Considering the relative positions of the chair and the table in the image provided, where is the chair located "
    "with respect to the table?"
)
CHOICES = ("left", "right")
CHARACTERS_PER_TOKEN = 4  # of English text, where the model's own tokenizer isn't there to count
SPECIAL = re.compile(r"<\|\w+\|>")


@lru_cache
def text_tokens(style: str, options: Options, tokenizer: Path, family: Family = FAMILIES["qwen2_vl"]) -> int:
    """Tokens of a prompt in `style` without its image, counted by `tokenizer` (a tokenizer.json) if that is there."""
    text = rendered(style, options, family).replace(family.placeholder, "")
    if tokenizer.is_file():
        from tokenizers import Tokenizer

        return len(Tokenizer.from_file(str(tokenizer)).encode(text, add_special_tokens=False).ids)
    words = SPECIAL.sub("", text)
    return len(SPECIAL.findall(text)) + round(len(words) / CHARACTERS_PER_TOKEN)


def reasons(style: str) -> bool:
    """Whether a prompt style asks for a line of thought."""
    return "<think>" in template(style)


def rendered(style: str, options: Options, family: Family = FAMILIES["qwen2_vl"]) -> str:
    """The prompt of the usual question, as transformers renders it (whose import would take seconds)."""
    words = family.prompt(template(style), style)
    source = Environment(trim_blocks=True, lstrip_blocks=True).from_string(words)
    message = user_message(question_text(QUESTION, CHOICES, options))
    return source.render(messages=[message], add_generation_prompt=True)
