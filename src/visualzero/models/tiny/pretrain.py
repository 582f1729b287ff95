"""Train `tiny-base` and `tiny-instruct` from a seed.

    snakemake tiny_models        # about an hour on two cores; the results are kept in the repository

A plain loop: draw documents, pack them into batches of like length, minimize the next-token loss. The base model learns
from captions and facts, and from what follows a question; the instruct model (the base after chat tuning) from replies.
"""

import math
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from transformers import PreTrainedTokenizerFast, Qwen2VLForConditionalGeneration
from transformers.image_utils import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD

from visualzero.data.toyspace.questions import MIN_VISIBLE, TASKS, Asked, ask
from visualzero.data.toyspace.render import render, visible_fractions
from visualzero.data.toyspace.scene import sample_scene, split_of
from visualzero.models.tiny.corpus import Document, caption, facts, question_document

PATCH, MERGE, GRID = 14, 2, 8
IMAGE_TOKENS = GRID * GRID // MERGE**2


@dataclass(frozen=True)
class Schedule:
    """How long and how fast: linear warm-up, then a cosine to a tenth of the peak learning rate."""

    steps: int
    batch: int
    learning_rate: float
    matrix_learning_rate: float
    warmup: int = 100

    def factor(self, step: int) -> float:
        """What the peak learning rate is multiplied by in step `step`, counted from 0."""
        progress = (step - self.warmup) / max(1, self.steps - self.warmup)
        return min((step + 1) / self.warmup, 0.55 + 0.45 * math.cos(math.pi * max(0.0, progress)))


@dataclass(frozen=True)
class Pool:
    """Questions with their rendered scenes; `images` is uint8 [n, 112, 112, 3]."""

    asked: list[Asked]
    images: np.ndarray


def build_pool(split: str, n: int, seed: int, workers: int, simple: bool = False) -> Pool:
    """`n` questions of a split, tasks in turn, rendered by `workers` processes; the same for any number of them.

    With `simple` the scenes hold one or two objects and come without a question.
    """
    with ProcessPoolExecutor(workers) as executor:
        made = list(executor.map(_make, [(split, seed, i, simple) for i in range(n)], chunksize=64))
    return Pool([asked for asked, _ in made], np.stack([image for _, image in made]))


def _make(job: tuple[str, int, int, bool]) -> tuple[Asked, np.ndarray]:
    split, seed, index, simple = job
    if simple:
        asked = _simple(random.Random(f"simple/{split}/{seed}/{index}"), split)
    else:
        asked = ask(TASKS[index % 4], index // 4, split, seed)
    return asked, np.asarray(render(asked.scene))


def _simple(rng: random.Random, split: str) -> Asked:
    while True:
        scene = (sample_scene(rng) or ())[: rng.randint(1, 2)]
        if scene and split_of(scene) == split and min(visible_fractions(scene)) >= MIN_VISIBLE:
            return Asked("Caption", scene, "", (), 0, ())


def plain_caption(asked: Asked, rng: random.Random) -> Document:
    """What is where, and nothing else: the quickest way to learn to see."""
    return "", caption(asked.scene)


def base_document(asked: Asked, rng: random.Random) -> Document:
    """Three captions and nine documents of facts to eight question documents."""
    draw = rng.random()
    if draw < 0.4:
        return question_document(asked, rng)
    return "", caption(asked.scene) if draw < 0.55 else facts(asked.scene, rng)


def patchify(images: np.ndarray) -> torch.Tensor:
    """Pixel values as Qwen2-VL's image processor makes them: uint8 [b, 112, 112, 3] -> float32 [b * 64, 1176]."""
    mean, std = np.float32(OPENAI_CLIP_MEAN), np.float32(OPENAI_CLIP_STD)
    pixels = ((images.astype(np.float32) / 255 - mean) / std).transpose(0, 3, 1, 2)
    side = GRID // MERGE
    blocks = pixels.reshape(len(images), 3, side, MERGE, PATCH, side, MERGE, PATCH).transpose(0, 2, 5, 3, 6, 1, 4, 7)
    frames = np.repeat(blocks[:, :, :, :, :, :, None], 2, axis=6)
    return torch.from_numpy(np.ascontiguousarray(frames).reshape(len(images) * GRID * GRID, -1))


def batches(
    pool: Pool,
    document: Callable[[Asked, random.Random], Document],
    tokenizer: PreTrainedTokenizerFast,
    schedule: Schedule,
    seed: int,
) -> Iterator[dict[str, torch.Tensor]]:
    """Endless batches; documents of eight batches are sorted by length, so that little is padded."""
    rng = random.Random(seed)
    window = 8 * schedule.batch
    queue: list[int] = []
    while True:
        if len(queue) < window:
            queue += rng.sample(range(len(pool.asked)), len(pool.asked))
        chosen, queue = queue[:window], queue[window:]
        rows = [(i, *_encode(document(pool.asked[i], rng), tokenizer)) for i in chosen]
        rows.sort(key=lambda row: len(row[1]))
        starts = list(range(0, window, schedule.batch))
        rng.shuffle(starts)
        for start in starts:
            yield _collate(rows[start : start + schedule.batch], pool, tokenizer)


def _encode(document: Document, tokenizer: PreTrainedTokenizerFast) -> tuple[list[int], list[int]]:
    """Token ids and labels of a document; image tokens and the part without loss have label -100."""
    image_id = tokenizer.convert_tokens_to_ids("<|image_pad|>")
    silent, learned = (
        tokenizer.encode(text.replace("<|image_pad|>", "<|image_pad|>" * IMAGE_TOKENS)) for text in document
    )
    labels = [-100] * len(silent) + [-100 if token == image_id else token for token in learned]
    return silent + learned, labels


def _collate(
    rows: list[tuple[int, list[int], list[int]]], pool: Pool, tokenizer: PreTrainedTokenizerFast
) -> dict[str, torch.Tensor]:
    width = max(len(ids) for _, ids, _ in rows)
    ids = torch.full((len(rows), width), tokenizer.pad_token_id)
    labels = torch.full((len(rows), width), -100)
    mask = torch.zeros((len(rows), width), dtype=torch.long)
    for row, (_, tokens, targets) in enumerate(rows):
        ids[row, : len(tokens)] = torch.tensor(tokens)
        labels[row, : len(tokens)] = torch.tensor(targets)
        mask[row, : len(tokens)] = 1
    return {
        "input_ids": ids,
        "attention_mask": mask,
        "labels": labels,
        "mm_token_type_ids": (ids == tokenizer.convert_tokens_to_ids("<|image_pad|>")).long(),
        "pixel_values": patchify(pool.images[[i for i, _, _ in rows]]),
        "image_grid_thw": torch.tensor([[1, GRID, GRID]] * len(rows)),
    }


def fit(
    model: Qwen2VLForConditionalGeneration,
    stream: Iterator[dict[str, torch.Tensor]],
    schedule: Schedule,
    say: Callable[[str], None] = print,
) -> float:
    """Train in place; returns the mean loss of the last hundred steps."""
    optimizers = _optimizers(model, schedule)
    schedulers = [torch.optim.lr_scheduler.LambdaLR(optimizer, schedule.factor) for optimizer in optimizers]
    model.train()
    losses: list[float] = []
    begun = time.monotonic()
    for step in range(schedule.steps):
        loss = model(**next(stream)).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
        for scheduler in schedulers:
            scheduler.step()
        model.zero_grad(set_to_none=True)
        losses.append(loss.item())
        if (step + 1) % 100 == 0:
            seconds = (time.monotonic() - begun) / (step + 1)
            left = seconds * (schedule.steps - step - 1) / 60
            recent = np.mean(losses[-100:])
            say(f"step {step + 1}/{schedule.steps}  loss {recent:.4f}  {seconds:.2f} s/step  {left:.0f} min left")
    model.eval()
    return float(np.mean(losses[-100:]))


def _optimizers(model: Qwen2VLForConditionalGeneration, schedule: Schedule) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the layers, AdamW for embeddings, biases and norms.

    With AdamW alone the model takes several times as many steps until it uses the image at all.
    """
    matrices = [p for name, p in model.named_parameters() if p.ndim == 2 and "embed" not in name]
    inner = {id(p) for p in matrices}
    others = [p for p in model.parameters() if id(p) not in inner]
    return [
        torch.optim.Muon(matrices, lr=schedule.matrix_learning_rate, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(others, lr=schedule.learning_rate, betas=(0.9, 0.98), weight_decay=0.0),
    ]
