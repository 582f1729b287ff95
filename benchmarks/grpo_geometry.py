"""What benchmarks/grpo.py trains: a random model, questions with images of noise, and the arithmetic that they need."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from datasets import Dataset
from PIL import Image
from transformers import PreTrainedTokenizerFast, Qwen2VLConfig, Qwen2VLForConditionalGeneration

from visualzero.data.image import decode_image
from visualzero.data.toyspace.questions import toyspace_rows
from visualzero.models.loading import load_model
from visualzero.models.processor import load_processor
from visualzero.models.tiny.architecture import build_model, train_tokenizer
from visualzero.planning.published import QWEN2_VL_2B
from visualzero.prompts import question_text, template

STYLE = "r1_zero"
PIXELS = (3136, 401408)
QUESTION = question_text("How many cubes are in the image?", ["0", "1", "2", "3"], "lettered")
PROMPT = f"{template(STYLE)} {QUESTION}"  # what the tokenizer learns, so that a word is about a token
DEMO = Path(__file__).parents[1] / "models/tiny-base"
# 6 million weights in Qwen2-VL-2B's proportions: the image takes 2.3 times the arithmetic of the prompt (there 2.2),
# 200 new tokens 0.4 of it (there 0.4), and matrices outweigh attention.
SMALL_TEXT = {"hidden_size": 384, "intermediate_size": 1024, "num_hidden_layers": 2, "num_attention_heads": 6}
SMALL_VISION = {"depth": 1, "embed_dim": 256, "hidden_size": 384, "num_heads": 4}
SMALL_ROPE = {"rope_type": "default", "rope_theta": 100.0, "mrope_section": [4, 12, 16]}


@dataclass(frozen=True)
class Geometry:
    """Sizes of a step."""

    height: int
    width: int
    prompts: int
    group: int
    new_tokens: int
    model: Literal["demo", "small", "2b"]

    @property
    def image_tokens(self) -> int:
        """Tokens of an image."""
        return self.height * self.width // 28**2


GEOMETRIES = {
    # 2 prompts: what each of the paper's four GPUs has in a step.
    "paper": Geometry(height=448, width=896, prompts=2, group=8, new_tokens=200, model="small"),
    "demo": Geometry(height=112, width=112, prompts=8, group=8, new_tokens=96, model="demo"),
    # The paper's whole step on one GPU.
    "full": Geometry(height=448, width=896, prompts=8, group=8, new_tokens=200, model="2b"),
}


def save_model(geometry: Geometry, folder: Path) -> None:
    """The demo's model, or one with random weights, with its tokenizer."""
    if geometry.model == "demo":
        shutil.copytree(DEMO, folder, dirs_exist_ok=True)
        return
    model, tokenizer = random_model(geometry, "cuda" if torch.cuda.is_available() else "cpu")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def random_model(geometry: Geometry, device: str) -> tuple[Qwen2VLForConditionalGeneration, PreTrainedTokenizerFast]:
    """A model of the geometry's size with random weights on `device`, where that is quickest, and its tokenizer.

    The 2B model is in bfloat16, which is half the disk; training loads it as float32.
    """
    tokenizer = train_tokenizer([PROMPT])
    torch.manual_seed(0)
    demo = build_model(tokenizer)
    with torch.device(device):
        model = Qwen2VLForConditionalGeneration(_config(geometry, demo.config, tokenizer))
    model.generation_config = demo.generation_config
    return model.to(torch.bfloat16 if geometry.model == "2b" else torch.float32), tokenizer


def _config(geometry: Geometry, demo: Qwen2VLConfig, tokenizer: PreTrainedTokenizerFast) -> Qwen2VLConfig:
    if geometry.model == "2b":
        tokens = ("image_token_id", "video_token_id", "vision_start_token_id", "vision_end_token_id")
        ids = {name: getattr(demo, name) for name in tokens}
        end = tokenizer.eos_token_id
        rope = {"type": "mrope", "mrope_section": [16, 24, 24]}
        return Qwen2VLConfig(**QWEN2_VL_2B, **ids, rope_scaling=rope, bos_token_id=end, eos_token_id=end)
    config = Qwen2VLConfig.from_dict(demo.to_dict())
    for part, changes in ((config.text_config, SMALL_TEXT), (config.vision_config, SMALL_VISION)):
        for name, value in changes.items():
            setattr(part, name, value)
    config.text_config.rope_parameters = SMALL_ROPE
    config.text_config.layer_types = ["full_attention"] * config.text_config.num_hidden_layers
    return config


def questions(geometry: Geometry, n: int) -> Dataset:
    """Prompts with images: the demo's questions, or one question about noise."""
    if geometry.model == "demo":
        rows = toyspace_rows("train", n, 1)
        return Dataset.from_list(
            [
                {
                    "prompt": [{"role": "user", "content": question_text(row["question"], row["choices"], "lettered")}],
                    "image": decode_image(row["image"], row["id"]),
                }
                for row in rows
            ]
        )
    noise = np.random.default_rng(0)
    shape = (geometry.height, geometry.width, 3)
    return Dataset.from_list(
        [
            {
                "prompt": [{"role": "user", "content": QUESTION}],
                "image": Image.fromarray(noise.integers(0, 255, shape, dtype=np.uint8)),
            }
            for _ in range(n)
        ]
    )


def reward(completion_ids: list[list[int]], **kwargs: Any) -> list[float]:
    """Something that differs between completions."""
    return [(sum(ids) % 101) / 100 for ids in completion_ids]


def prompt_tokens(geometry: Geometry, folder: Path) -> int:
    """Tokens of a prompt with its image."""
    processor = load_processor(folder, STYLE, *PIXELS)
    message = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": QUESTION}]}]
    text = processor.apply_chat_template(message, add_generation_prompt=True, tokenize=False)
    return len(processor.tokenizer(text)["input_ids"]) - 1 + geometry.image_tokens


def floor(geometry: Geometry, folder: Path) -> float:
    """Arithmetic (FLOP) of a forward pass that computes each image and each prompt once: matrices and attention."""
    model = load_model(folder, "float32")
    text, vision = model.config.text_config, model.config.vision_config
    patches, prompt, new = 4 * geometry.image_tokens, prompt_tokens(geometry, folder), geometry.new_tokens
    tower = sum(p.numel() for p in model.model.visual.blocks.parameters())
    layers = sum(p.numel() for p in model.model.language_model.layers.parameters())
    head = text.vocab_size * text.hidden_size
    tower_flop = 2 * tower * patches + 4 * patches**2 * vision.embed_dim * vision.depth
    prompt_flop = 2 * layers * prompt + 2 * prompt**2 * text.hidden_size * text.num_hidden_layers
    scores = 4 * text.hidden_size * text.num_hidden_layers * new * (prompt + new / 2)
    completion_flop = 2 * (layers + head) * new + scores
    return geometry.prompts * (tower_flop + prompt_flop + geometry.group * completion_flop)
