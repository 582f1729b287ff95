"""Prompts, byte for byte: what the model reads is part of the result."""

import pytest

from visualzero.errors import UserError
from visualzero.prompts import forced_prefix, question_text, render, template, user_message

QUESTION = "Which object is closer to the camera taking this photo, the desk or the {lamp}?"
TEXT = f"{QUESTION} Select from the following choices.\n(A) desk\n(B) {{lamp}}"
IMAGE = "<|vision_start|><|image_pad|><|vision_end|>"
EXPECTED = {
    "plain": (
        "<|vision_start|><|image_pad|><|vision_end|>A conversation between User and Assistant. The user asks a "
        "question about the image, and the Assistant solves it.\n"
        "User: Which object is closer to the camera taking this photo, the desk or the {lamp}? Select from the "
        "following choices.\n(A) desk\n(B) {lamp} \n"
        "Assistant: "
    ),
    "r1_zero": (
        "<|vision_start|><|image_pad|><|vision_end|>A conversation between User and Assistant. The user asks a "
        "question about the image, and the Assistant solves it. The assistant first thinks about the reasoning "
        "process in the mind and then provides the user with the answer.\n"
        "User: Which object is closer to the camera taking this photo, the desk or the {lamp}? Select from the "
        "following choices.\n(A) desk\n(B) {lamp} \n"
        "Assistant: Let me solve this step by step.\n"
        "<think>"
    ),
    "chat": (
        "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
        "<|im_start|>user\n"
        "<|vision_start|><|image_pad|><|vision_end|>Which object is closer to the camera taking this photo, the desk "
        "or the {lamp}? Select from the following choices.\n(A) desk\n(B) {lamp}<|im_end|>\n"
        "<|im_start|>assistant\n"
    ),
    # The paper's training suffix, after two spaces.
    "chat_think": (
        "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
        "<|im_start|>user\n"
        "<|vision_start|><|image_pad|><|vision_end|>Which object is closer to the camera taking this photo, the desk "
        "or the {lamp}? Select from the following choices.\n(A) desk\n(B) {lamp}  Output the thinking process in "
        "<think> </think> and final answer (option) in <answer> </answer> tags.<|im_end|>\n"
        "<|im_start|>assistant\n"
    ),
    "chat_answer": (
        "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
        "<|im_start|>user\n"
        "<|vision_start|><|image_pad|><|vision_end|>Which object is closer to the camera taking this photo, the desk "
        "or the {lamp}? Select from the following choices.\n(A) desk\n(B) {lamp} Please directly output the "
        "answer.<|im_end|>\n"
        "<|im_start|>assistant\n"
    ),
    "chat_answer_first": (
        "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
        "<|im_start|>user\n"
        "<|vision_start|><|image_pad|><|vision_end|>Which object is closer to the camera taking this photo, the desk "
        "or the {lamp}? Select from the following choices.\n(A) desk\n(B) {lamp} Please first output the answer in "
        "<answer> </answer> tags and then output a brief reasoning process in <reason> </reason> tags.<|im_end|>\n"
        "<|im_start|>assistant\n"
    ),
    "chat_adaptive": (
        "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
        "<|im_start|>user\n"
        "<|vision_start|><|image_pad|><|vision_end|>Which object is closer to the camera taking this photo, the desk "
        "or the {lamp}? Select from the following choices.\n(A) desk\n(B) {lamp}. Please first identify whether this "
        "problem requires intermediate thinking or calculation. If the problem requires thinking or calculation, "
        "output the thinking and calculation process inside <think> </think> tags and the final answer inside <answer> "
        "</answer> tags. If no thinking or calculation is required, directly output the final answer inside <answer> "
        "</answer> tags. Your output should follow one of two cases: (1) '<answer> ... </answer>', (2) '<think> ... "
        "</think> <answer> ... </answer>'.<|im_end|>\n"
        "<|im_start|>assistant\n"
    ),
    # As the official scripts write them: the text <image> behind the image, and other words in evaluation.
    "r1_zero_image": (
        "<|vision_start|><|image_pad|><|vision_end|><image>A conversation between User and Assistant. The user asks a "
        "question about the image, and the Assistant solves it. The assistant first thinks about the reasoning "
        "process in the mind and then provides the user with the answer.\n"
        "User: Which object is closer to the camera taking this photo, the desk or the {lamp}? Select from the "
        "following choices.\n(A) desk\n(B) {lamp} \n"
        "Assistant: Let me solve this step by step.\n"
        "<think>"
    ),
    "r1_zero_image_blank": (
        "<|vision_start|><|image_pad|><|vision_end|><image>A conversation between User and Assistant. The user asks a "
        "question about the image, and the Assistant solves it. The assistant first thinks about the reasoning "
        "process in the mind and then provides the user with the answer.\n"
        "User:  Which object is closer to the camera taking this photo, the desk or the {lamp}? Select from the "
        "following choices.\n(A) desk\n(B) {lamp} \n"
        "Assistant: Let me solve this step by step.\n"
        "<think>"
    ),
    "chat_image": (
        "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
        "<|im_start|>user\n"
        "<|vision_start|><|image_pad|><|vision_end|><image> Which object is closer to the camera taking this photo, "
        "the desk or the {lamp}? Select from the following choices.\n(A) desk\n(B) {lamp}<|im_end|>\n"
        "<|im_start|>assistant\n"
    ),
    "chat_think_image": (
        "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
        "<|im_start|>user\n"
        "<|vision_start|><|image_pad|><|vision_end|><image> Which object is closer to the camera taking this photo, "
        "the desk or the {lamp}? Select from the following choices.\n(A) desk\n(B) {lamp}  Output the thinking "
        "process in <think> </think> and final answer (option) in <answer> </answer> tags.<|im_end|>\n"
        "<|im_start|>assistant\n"
    ),
    "chat_think_newline": (
        "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
        "<|im_start|>user\n"
        "<|vision_start|><|image_pad|><|vision_end|>Which object is closer to the camera taking this photo, the desk "
        "or the {lamp}? Select from the following choices.\n(A) desk\n(B) {lamp}\nOutput the thinking process in "
        "<think> </think> and final answer in <answer> </answer> tags.<|im_end|>\n"
        "<|im_start|>assistant\n"
    ),
}


@pytest.mark.parametrize("style", EXPECTED)
def test_a_prompt_is_rendered_byte_for_byte(style: str) -> None:
    assert render(style, TEXT) == EXPECTED[style]


@pytest.mark.parametrize("style", EXPECTED)
def test_a_prompt_has_one_image(style: str) -> None:
    assert render(style, TEXT).count("<|image_pad|>") == 1


@pytest.mark.parametrize("style", EXPECTED)
def test_markup_in_a_question_is_left_as_it_is(style: str) -> None:
    assert "Is {{ 1 + 1 }} <b>&amp;</b> {% if x %}?" in render(style, "Is {{ 1 + 1 }} <b>&amp;</b> {% if x %}?")


@pytest.mark.parametrize(("style", "end"), [("plain", "<|endoftext|>"), ("chat", "<|im_end|>\n")])
def test_an_answer_follows_the_prompt_that_asks_for_it(style: str, end: str) -> None:
    from transformers.utils.chat_template_utils import render_jinja_template

    messages = [user_message(TEXT), {"role": "assistant", "content": [{"type": "text", "text": "desk"}]}]
    [whole], _ = render_jinja_template([messages], chat_template=template(style))
    assert whole == EXPECTED[style] + "desk" + end


@pytest.mark.parametrize("style", ["plain", "r1_zero"])
def test_the_answer_may_be_a_plain_text(style: str) -> None:
    from transformers.utils.chat_template_utils import render_jinja_template

    messages = [user_message(TEXT), {"role": "assistant", "content": "desk"}]
    [whole], _ = render_jinja_template([messages], chat_template=template(style))
    assert whole == EXPECTED[style] + "desk<|endoftext|>"


def test_lettered_options_stand_below_the_question_as_in_cv_bench() -> None:
    assert question_text("How many jars are in the image?", ["2", "0", "1"], "lettered") == (
        "How many jars are in the image? Select from the following choices.\n(A) 2\n(B) 0\n(C) 1"
    )


def test_natural_options_stand_in_a_sentence_as_in_the_papers_training_data() -> None:
    assert question_text("Where is the cup?", ["left", "right"], "natural") == (
        "Answer in natural language. Where is the cup? Choose between the following options: left or right"
    )
    assert question_text("How many?", ["two", "three", "four"], "natural") == (
        "Answer in natural language. How many? Choose between the following options: two, three or four"
    )


def test_a_style_that_opens_the_thought_says_so() -> None:
    assert {style: forced_prefix(style) for style in EXPECTED} == {
        style: "<think>" if style.startswith("r1_zero") else "" for style in EXPECTED
    }
    for style, prompt in EXPECTED.items():
        assert prompt.endswith("<think>") == bool(forced_prefix(style))


def test_an_unknown_style_is_told_with_the_known_ones() -> None:
    with pytest.raises(
        UserError, match=r"prompt 'zero': no such prompt style: choose one of chat, chat_adaptive, chat_answer, "
    ):
        render("zero", TEXT)


def test_a_message_carries_its_image_where_it_has_one() -> None:
    picture = object()
    assert user_message("How many?", picture)["content"][0] == {"type": "image", "image": picture}
    assert user_message("How many?")["content"] == [{"type": "image"}, {"type": "text", "text": "How many?"}]


@pytest.mark.parametrize("style", EXPECTED)
def test_a_message_that_is_a_bare_text_keeps_its_question(style: str) -> None:
    from transformers.utils.chat_template_utils import render_jinja_template

    [[bare], _] = render_jinja_template(
        [[{"role": "user", "content": TEXT}]], chat_template=template(style), add_generation_prompt=True
    )
    without = render(style, TEXT).replace(IMAGE, "").replace("<image> ", "")  # of some chats' images it is a part
    assert bare == without
