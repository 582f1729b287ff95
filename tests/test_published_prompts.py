"""The published prompts: what the official scripts' texts become in the checkpoints' own chat templates, and in ours.

The texts are written out here as the scripts have them, and rendered by the templates that Qwen2-VL-2B and
Qwen2-VL-2B-Instruct publish. Ours render the same bytes from the question alone.
"""

import pytest

from visualzero.prompts import question_text, render

# tokenizer_config.json of Qwen/Qwen2-VL-2B: it has no roles and passes on what it gets, in order.
BASE_TEMPLATE = (
    "{% if messages is string %}{{ messages }}{% else %}{% for content in messages %}"
    "{% if content['type'] == 'image' or 'image' in content or 'image_url' in content %}"
    "<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif content['type'] == 'video' or 'video' in content %}<|vision_start|><|video_pad|><|vision_end|>"
    "{% elif 'text' in content %}{{ content['text'] }}{% endif %}{% endfor %}{% endif %}"
)
# That of Qwen/Qwen2-VL-2B-Instruct: ChatML. (Left out: videos, and numbering pictures, for which nobody asks.)
INSTRUCT_TEMPLATE = (
    "{% for message in messages %}{% if loop.first and message['role'] != 'system' %}"
    "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n{% endif %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}<|im_end|>\n"
    "{% else %}{% for content in message['content'] %}"
    "{% if content['type'] == 'image' or 'image' in content or 'image_url' in content %}"
    "<|vision_start|><|image_pad|><|vision_end|>{% elif 'text' in content %}{{ content['text'] }}{% endif %}"
    "{% endfor %}<|im_end|>\n{% endif %}{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SAT = (
    "Answer in natural language. How many mugs are visible in the scene?"
    " Choose between the following options: 3, 0 or 4"
)
CVBENCH = "How many organs are in the image? Select from the following choices.\n(A) 3\n(B) 2\n(C) 1\n(D) 0"
CONVERSATION = (
    "A conversation between User and Assistant. The user asks a question about the image, and the Assistant solves it."
)
REASONING = (
    " The assistant first thinks about the reasoning process in the mind and then provides the user with the answer."
)
STEPS = " \nAssistant: Let me solve this step by step.\n<think>"
TRAINED = "  Output the thinking process in <think> </think> and final answer (option) in <answer> </answer> tags."
ANSWER_FIRST = (
    " Please first output the answer in <answer> </answer> tags and then output a brief reasoning process in"
    " <reason> </reason> tags."
)
ADAPTIVE = (
    ". Please first identify whether this problem requires intermediate thinking or calculation. If the problem"
    " requires thinking or calculation, output the thinking and calculation process inside <think> </think> tags and"
    " the final answer inside <answer> </answer> tags. If no thinking or calculation is required, directly output the"
    " final answer inside <answer> </answer> tags. Your output should follow one of two cases: (1)"
    " '<answer> ... </answer>', (2) '<think> ... </think> <answer> ... </answer>'."
)
EVALUATED = "\nOutput the thinking process in <think> </think> and final answer in <answer> </answer> tags."


def base(text: str) -> str:
    from transformers.utils.chat_template_utils import render_jinja_template

    contents = [{"type": "image"}, {"type": "text", "text": text}]
    [rendered], _ = render_jinja_template([contents], chat_template=BASE_TEMPLATE)
    return rendered


def instruct(text: str) -> str:
    from transformers.utils.chat_template_utils import render_jinja_template

    messages = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": text}]}]
    [rendered], _ = render_jinja_template([messages], chat_template=INSTRUCT_TEMPLATE, add_generation_prompt=True)
    return rendered


def test_questions_are_listed_as_published() -> None:
    assert question_text("How many mugs are visible in the scene?", ["3", "0", "4"], "natural") == SAT
    assert question_text("How many organs are in the image?", ["3", "2", "1", "0"], "lettered") == CVBENCH
    assert question_text(CVBENCH, ["3", "2", "1", "0"], "stated") == CVBENCH


@pytest.mark.parametrize(
    ("style", "text", "published"),
    [
        ("plain", CVBENCH, f"{CONVERSATION}\nUser: {CVBENCH} \nAssistant: "),
        ("r1_zero", CVBENCH, f"{CONVERSATION}{REASONING}\nUser: {CVBENCH}{STEPS}"),
        ("r1_zero", SAT, f"{CONVERSATION}{REASONING}\nUser: {SAT}{STEPS}"),
        # As evaluated, with the literal <image>; as trained, also with the blank that stood behind it in SAT's text.
        ("r1_zero_image", CVBENCH, f"<image>{CONVERSATION}{REASONING}\nUser: {CVBENCH}{STEPS}"),
        ("r1_zero_image_blank", SAT, f"<image>{CONVERSATION}{REASONING}\nUser:  {SAT}{STEPS}"),
    ],
)
def test_the_base_models_prompts_pass_through_its_template(style: str, text: str, published: str) -> None:
    assert render(style, text) == base(published)


@pytest.mark.parametrize(
    ("style", "text", "published"),
    [
        ("chat", CVBENCH, CVBENCH),
        ("chat_image", SAT, f"<image> {SAT}"),
        ("chat_think", SAT, f"{SAT}{TRAINED}"),
        ("chat_answer_first", SAT, f"{SAT}{ANSWER_FIRST}"),  # arXiv 2503.16188, appendix E
        ("chat_adaptive", SAT, f"{SAT}{ADAPTIVE}"),
        ("chat_think_image", SAT, f"<image> {SAT}{TRAINED}"),
        ("chat_think_newline", CVBENCH, f"{CVBENCH}{EVALUATED}"),
    ],
)
def test_the_instruct_models_prompts_are_its_templates(style: str, text: str, published: str) -> None:
    assert render(style, text) == instruct(published)
