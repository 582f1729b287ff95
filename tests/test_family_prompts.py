"""Prompts in each family's own words: as the published chat templates have them, and nothing left of Qwen's."""

import re
from importlib.resources import files
from typing import Any

import pytest
from transformers.utils.chat_template_utils import render_jinja_template

from visualzero.errors import UserError
from visualzero.models.families import FAMILIES
from visualzero.prompts import further_turn, template, user_message

STYLES = ("plain", "r1_zero", "chat", "chat_think", "chat_answer", "chat_image", "r1_zero_image")
TEXT = "Which is closer, the desk or the lamp?"
ANSWER = {"role": "assistant", "content": [{"type": "text", "text": "the desk"}]}
# InternVL3's, as its -hf checkpoints have it; TRL has those of SmolVLM and Gemma 3.
INTERNVL = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n'}}{% if message['content'] is string %}"
    "{{ message['content'] }}{% else %}{% for content in message['content'] %}{% if content['type'] == 'image' %}"
    "{{ '<IMG_CONTEXT>\n' }}{% elif content['type'] == 'text' %}{{ content['text'] }}{% endif %}{% endfor %}{% endif %}"
    "{{'<|im_end|>\n'}}{% endfor %}{% if add_generation_prompt %}{{'<|im_start|>assistant\n' }}{% endif %}"
)
# DeepSeek-VL's, of a user's and an assistant's turn; the tokenizer writes what begins it.
DEEPSEEK_VL = (
    "<\uff5cbegin\u2581of\u2581sentence\uff5c>You are a helpful language and vision assistant. You are able to"
    " understand the visual content that the user provides, and assist the user with a variety of tasks using natural"
    " language.\n\n"
    "{% for message in messages %}{{ message['role'].capitalize() + ': ' }}{% for content in message['content'] %}"
    "{{ '<image_placeholder>' if content['type'] == 'image' else content['text'] }}{% endfor %}"
    "{% if not loop.last or add_generation_prompt %}"
    "{{ '\n\n' if message['role'] == 'user' else '<\uff5cend\u2581of\u2581sentence\uff5c>' }}"
    "{% endif %}{% endfor %}{% if add_generation_prompt %}Assistant:{% endif %}"
)
PUBLISHED = {"internvl": INTERNVL, "deepseek_vl": DEEPSEEK_VL}
ENDS_LAST = {"deepseek_vl": "<\uff5cend\u2581of\u2581sentence\uff5c>"}  # written here, and there before another turn
LEFT = {  # special tokens of the templates' own words that a family may keep
    "smolvlm": {"<|im_start|>"},
    "internvl": {"<|im_start|>", "<|im_end|>"},
    "gemma3": set[str](),
    "deepseek_vl": set[str](),
}


def published(family: str) -> str:
    if family in PUBLISHED:
        return PUBLISHED[family]
    return (files("trl") / "chat_templates" / f"{family}.jinja").read_text(encoding="utf-8")


def written(source: str, *messages: dict[str, Any], **options: Any) -> str:
    [text], _ = render_jinja_template([list(messages)], chat_template=source, bos_token="<bos>", **options)
    return text


def ours(family: str, style: str) -> str:
    return FAMILIES[family].prompt(template(style), style)


@pytest.mark.parametrize("family", LEFT)
@pytest.mark.parametrize("images", [0, 1, 2])
def test_chat_is_what_the_published_template_says(family: str, images: int) -> None:
    question, source = user_message(TEXT, images=images), ours(family, "chat")
    asked = written(source, question, add_generation_prompt=True)
    assert asked == written(published(family), question, add_generation_prompt=True)
    answered = written(published(family), question, ANSWER) + ENDS_LAST.get(family, "")
    assert written(source, question, ANSWER) == answered


@pytest.mark.parametrize("family", LEFT)
@pytest.mark.parametrize("style", [style for style in STYLES if not style.endswith("_image")])
def test_no_word_of_qwens_is_left(family: str, style: str) -> None:
    source = ours(family, style)
    asked = written(source, user_message(TEXT, images=2), add_generation_prompt=True)
    assert set(re.findall(r"<\|\w+\|>", asked)) <= LEFT[family]
    assert asked.count(FAMILIES[family].marker) == 2
    assert written(source, user_message(TEXT, images=2), ANSWER).startswith(asked)
    assert further_turn(source) == further_turn(template(style))


def test_a_model_of_text_is_asked_in_the_same_words() -> None:
    for style in STYLES:
        seeing, blind = (ours(family, style) for family in ("qwen2_vl", "qwen2"))
        asked, read = (written(source, user_message(TEXT), add_generation_prompt=True) for source in (seeing, blind))
        assert read == asked.replace("<|vision_start|><|image_pad|><|vision_end|>", "")


def test_qwens_prompts_are_the_files() -> None:
    for style in STYLES:
        assert {ours(family, style) for family in ("qwen2_vl", "qwen2_5_vl", "qwen3_vl")} == {template(style)}


def test_a_style_whose_text_a_family_takes_for_an_image_is_refused() -> None:
    with pytest.raises(UserError, match="prompt 'r1_zero_image': this model takes its text <image> for an image"):
        ours("smolvlm", "r1_zero_image")
