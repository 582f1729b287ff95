"""Make both tiny checkpoints from a seed and describe them."""

import random
import shutil
import time
from itertools import chain, islice
from pathlib import Path

import torch
from transformers import PreTrainedTokenizerFast, Qwen2VLForConditionalGeneration

from visualzero.data.toyspace.questions import Asked
from visualzero.fingerprint import fingerprint
from visualzero.manifest import hardware, sha256, write_manifest
from visualzero.models.tiny.architecture import build_model, train_tokenizer
from visualzero.models.tiny.corpus import chat_document
from visualzero.models.tiny.pretrain import Schedule, base_document, batches, build_pool, fit, plain_caption
from visualzero.progress import say

THREADS = 2  # fixed, so that the same seed gives the same weights
# Scenes of one or two objects come first, then captions alone, then all documents: from the whole mixture at once the
# model ignores the image for a thousand steps.
SIMPLE_STEPS, CAPTION_STEPS, MIXED_STEPS = 250, 900, 2650
BASE = Schedule(SIMPLE_STEPS + CAPTION_STEPS + MIXED_STEPS, batch=32, learning_rate=2e-3, matrix_learning_rate=6e-3)
SIMPLE_SCENES, BASE_SCENES = 4_000, 20_000
CHAT = Schedule(steps=250, batch=32, learning_rate=5e-4, matrix_learning_rate=1e-3, warmup=30)
CHAT_SCENES = 4_000

ABOUT = {
    "base": "Pre-trained on captions of rendered scenes and a minority of noisy question documents: it can see, "
    "and rarely answers in the wanted form.",
    "instruct": "tiny-base after chat tuning on short answers. One in five of its examples asks it to think first and "
    "is answered with a short, empty thought.",
}


def build_tiny_models(out: Path, seed: int) -> None:
    """Write `out/tiny-base` and `out/tiny-instruct`: weights in float16, tokenizer, model card, manifest."""
    torch.set_num_threads(THREADS)
    torch.use_deterministic_algorithms(True)
    say(f"rendering {BASE_SCENES} scenes")
    pool = build_pool("pretrain", BASE_SCENES, seed, THREADS)
    tokenizer = train_tokenizer(_sample_texts(pool.asked, seed))
    torch.manual_seed(seed)
    model = build_model(tokenizer)

    simple = build_pool("pretrain", SIMPLE_SCENES, seed, THREADS, simple=True)
    begun = time.monotonic()
    stream = chain(
        islice(batches(simple, plain_caption, tokenizer, BASE, seed), SIMPLE_STEPS),
        islice(batches(pool, plain_caption, tokenizer, BASE, seed), CAPTION_STEPS),
        batches(pool, base_document, tokenizer, BASE, seed),
    )
    loss = fit(model, stream, BASE, say)
    _save(model, tokenizer, out, "base", BASE, BASE_SCENES, seed, loss, time.monotonic() - begun)

    pool = build_pool("instruct", CHAT_SCENES, seed, THREADS)
    model = Qwen2VLForConditionalGeneration.from_pretrained(out / "tiny-base", dtype=torch.float32)
    begun = time.monotonic()
    loss = fit(model, batches(pool, chat_document, tokenizer, CHAT, seed), CHAT, say)
    _save(model, tokenizer, out, "instruct", CHAT, CHAT_SCENES, seed, loss, time.monotonic() - begun)


def _sample_texts(asked: list[Asked], seed: int) -> list[str]:
    """What the tokenizer is trained on: base documents and, for ChatML's words, a fifth as many chats."""
    rng = random.Random(f"tokenizer/{seed}")
    texts = ["".join(base_document(one, rng)) for one in asked[:6000]]
    return texts + ["".join(chat_document(one, rng)) for one in asked[:1500]]


def _save(
    model: Qwen2VLForConditionalGeneration,
    tokenizer: PreTrainedTokenizerFast,
    out: Path,
    name: str,
    schedule: Schedule,
    scenes: int,
    seed: int,
    loss: float,
    seconds: float,
) -> None:
    folder = out / f"tiny-{name}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    # Rounded to half precision for the repository; training and evaluation load it in the precision they run in.
    model.half().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    parameters = sum(p.numel() for p in model.parameters())
    (folder / "README.md").write_text(
        CARD.format(
            name=name,
            about=ABOUT[name],
            parameters=f"{parameters / 1e6:.2f} million",
            scenes=scenes,
            split="pretrain" if name == "base" else "instruct",
            training=TRAINING.format(schedule=schedule),
            seed=seed,
            loss=f"{loss:.4f}",
            minutes=f"{seconds / 60:.0f}",
            cpu=hardware()["cpu"],
            digest=sha256(folder / "model.safetensors"),
        ),
        encoding="utf-8",
    )
    code = fingerprint({"seed": seed}, ["models.tiny.build"])
    write_manifest(folder / "manifest.json", [p for p in folder.iterdir() if p.name != "README.md"], code, seed=seed)
    say(f"{folder}: loss {loss:.4f}, {seconds / 60:.0f} minutes")


TRAINING = (
    "{schedule.steps} steps of {schedule.batch} documents with Muon ({schedule.matrix_learning_rate:g}) and AdamW "
    "({schedule.learning_rate:g})"
)
CARD = """---
library_name: transformers
pipeline_tag: image-text-to-text
license: apache-2.0
tags: [qwen2_vl, tiny, visualzero]
---

# tiny-{name}

{about} It plays the part of a hub checkpoint at visualzero's demo scale and is of no other use.

| | |
|---|---|
| architecture | `Qwen2VLForConditionalGeneration`, {parameters} parameters, float16 |
| images | 112 x 112 pixels, 16 visual tokens |
| data | toyspace, split `{split}`: {scenes} rendered scenes with captions and questions |
| training | {training} |
| final loss | {loss} |
| seed | {seed} |
| time | {minutes} minutes on two threads ({cpu}) |
| sha256 of model.safetensors | `{digest}` |

Made by `snakemake tiny_models`.
"""
