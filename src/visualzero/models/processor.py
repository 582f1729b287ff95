"""A checkpoint's processor as training and evaluation use it: sized by the config, prompted by style, never cutting."""

import json
from pathlib import Path
from typing import Any

from PIL import Image
from transformers import AutoConfig, AutoTokenizer
from transformers.processing_utils import ProcessorMixin as ImageProcessor

from visualzero.models.families import family_in, family_read_by
from visualzero.models.tokens import keep_whole
from visualzero.prompts import template, user_message

__all__ = ["PREPROCESSOR", "ImageProcessor", "load_processor", "most_image_tokens", "prompt_of", "prompt_record"]
PREPROCESSOR = "preprocessor_config.json"
TREATMENT = (  # what it says of pixels, but for their number
    *("image_mean", "image_std", "do_normalize", "do_rescale", "rescale_factor", "resample"),
)


def load_processor(folder: Path, prompt: str, min_pixels: int, max_pixels: int) -> ImageProcessor:
    """The processor of a checkpoint folder, rendering prompts in style `prompt`.

    Images are sized by `min_pixels` and `max_pixels` as the model's family sizes them, and otherwise treated as the
    checkpoint's preprocessor_config.json says, where it has one. Padding is on the left, as batched generation needs.
    No text is cut, whatever the tokenizer's files ask for.
    """
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    tokenizer.padding_side = "left"
    keep_whole(tokenizer)
    family, config = family_in(folder), AutoConfig.from_pretrained(folder).to_dict()
    code = family.code()
    kind: Any = getattr(code, family.processor)
    words = family.prompt(template(prompt), prompt)
    if not family.sees:
        return kind(tokenizer, chat_template=words)
    theirs: dict[str, Any] = {}
    if (folder / PREPROCESSOR).is_file():
        theirs = json.loads((folder / PREPROCESSOR).read_text(encoding="utf-8"))
    ours = family.pixel_settings(config, theirs, min_pixels, max_pixels)
    images = getattr(code, family.pixels)(**{name: theirs[name] for name in TREATMENT if name in theirs}, **ours)
    return kind(images, tokenizer, chat_template=words, **family.processor_settings(config))


def most_image_tokens(processor: ImageProcessor) -> int:
    """How many tokens an image takes at most."""
    return family_read_by(processor).most_image_tokens(processor)


def prompt_of(processor: ImageProcessor, text: str, images: int = 1) -> str:
    """A user's turn of so many images and a text, as the processor's prompt style has it."""
    prompt: str = processor.apply_chat_template(
        [user_message(text, images=images)], tokenize=False, add_generation_prompt=True
    )
    return prompt


def prompt_record(processor: ImageProcessor, prompt: str, *images: Image.Image) -> dict[str, Any]:
    """What a model reads for a rendered `prompt` and its images, for a manifest: the text, and token ids as one line.

    What marks an image (`<|image_pad|>`) stands once for each image in the text, and once for each visual token among
    the ids.
    """
    inputs = processor(images=list(images) or None, text=[prompt], return_tensors="pt", add_special_tokens=False)
    return {"prompt": prompt, "token_ids": " ".join(map(str, inputs["input_ids"][0].tolist()))}
