"""Rendered scenes with their questions, and their pixels as Qwen2-VL's image processor makes them."""

import random
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from transformers.image_utils import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD

from visualzero.data.toyspace.questions import MIN_VISIBLE, TASKS, Asked, ask
from visualzero.data.toyspace.render import render, visible_fractions
from visualzero.data.toyspace.scene import sample_scene, split_of

PATCH, MERGE, GRID = 14, 2, 8
IMAGE_TOKENS = GRID * GRID // MERGE**2


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
        scene = (sample_scene(rng, split) or ())[: rng.randint(1, 2)]
        if scene and split_of(scene) == split and min(visible_fractions(scene)) >= MIN_VISIBLE:
            return Asked("Caption", scene, "", (), 0, ())


def patchify(images: np.ndarray) -> torch.Tensor:
    """Pixel values as Qwen2-VL's image processor makes them: uint8 [b, 112, 112, 3] -> float32 [b * 64, 1176]."""
    mean, std = np.float32(OPENAI_CLIP_MEAN), np.float32(OPENAI_CLIP_STD)
    pixels = ((images.astype(np.float32) / 255 - mean) / std).transpose(0, 3, 1, 2)
    side = GRID // MERGE
    blocks = pixels.reshape(len(images), 3, side, MERGE, PATCH, side, MERGE, PATCH).transpose(0, 2, 5, 3, 6, 1, 4, 7)
    frames = np.repeat(blocks[:, :, :, :, :, :, None], 2, axis=6)
    return torch.from_numpy(np.ascontiguousarray(frames).reshape(len(images) * GRID * GRID, -1))
