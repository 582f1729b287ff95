"""Prompts: a chat template per style, one file each, and the text that lists a question's options.

Training and evaluation render through the same template, so they can't differ. Styles: `plain` and `r1_zero` have no
roles and suit a base model; `chat` and `chat_think` are ChatML.
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from string import ascii_uppercase
from typing import Any, Literal

from visualzero.errors import UserError

Options = Literal["lettered", "natural", "stated"]

THINK = "<think>"
USER = "\nUser:"


@lru_cache
def template(style: str) -> str:
    """The Jinja source of a prompt style."""
    path = Path(__file__).with_name(f"{style}.jinja")
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in path.parent.glob("*.jinja")))
        raise UserError(f"prompt '{style}': no such prompt style: choose one of {known}")
    return path.read_text(encoding="utf-8")


@lru_cache
def forced_prefix(style: str) -> str:
    """What the prompt has already written of the response: `<think>` for styles that end in it, else nothing."""
    return THINK if f'{THINK}" -}}}}' in template(style) else ""


def further_turn(source: str) -> str | None:
    """What begins another turn of the user's where a template has turns but no roles, as text; else None."""
    return USER if USER.replace("\n", "\\n") in source else None


def question_text(question: str, choices: Sequence[str], options: Options) -> str:
    """The question with its options.

    `lettered` is CV-Bench's `prompt` field; `natural` is how the paper's SAT preparation asks; `stated` is for
    questions whose text has its options already. An open question, whose one choice is its answer, lists none.
    """
    if options == "stated" or len(choices) == 1:
        return question
    if options == "lettered":
        lines = "".join(f"\n({letter}) {choice}" for letter, choice in zip(ascii_uppercase, choices, strict=False))
        return f"{question} Select from the following choices.{lines}"
    listed = " or ".join([", ".join(choices[:-1]), choices[-1]])
    return f"Answer in natural language. {question} Choose between the following options: {listed}"


def user_message(text: str, image: object | None = None, images: int = 1) -> dict[str, Any]:
    """A user turn of one image, or of so many `images`, and a text behind them, in transformers' chat format."""
    pictures = [{"type": "image"}] * images if image is None else [{"type": "image", "image": image}]
    return {"role": "user", "content": [*pictures, {"type": "text", "text": text}]}


def render(style: str, text: str, images: int = 1) -> str:
    """The prompt as a string with an `<|image_pad|>` for each image, as `apply_chat_template` renders it."""
    from transformers.utils.chat_template_utils import render_jinja_template

    prompts, _ = render_jinja_template(
        [[user_message(text, images=images)]], chat_template=template(style), add_generation_prompt=True
    )
    return prompts[0]
