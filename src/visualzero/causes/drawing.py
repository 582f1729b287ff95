"""Sampled answers, many to a question: its prompt and image are computed once for all of them, as in a GRPO rollout.

Random numbers are drawn anew for each batch, from a seed of its own. When rows of a batch have ended, those of the next
one of its window take their places, as far as the memory has room for all of them. Nothing goes from window to window.
So what a batch gets depends on neither an interruption nor the number of shards, even where rounding decides a token.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TypedDict

import torch
from transformers import GenerationConfig

from groupshare.attention import install
from groupshare.cohorts import Cohort, Luck, Room
from groupshare.rollout import sampler, settings_of
from visualzero.config import Evaluate, Sampling
from visualzero.evaluation.answering.asking import Batch
from visualzero.evaluation.answering.at_once import AtOnce, fitting
from visualzero.evaluation.answering.decoding import STRIDE, written
from visualzero.evaluation.answering.limits import PREFILLED
from visualzero.evaluation.answering.preparing import questions_of
from visualzero.evaluation.answering.transformers_engine import answer, stop_tokens
from visualzero.models.loading import load_model
from visualzero.models.processor import ImageProcessor
from visualzero.training.group_sharing import telling

WINDOW = 8  # batches of a window
Window = Sequence[Batch]
"""Batches that may be answered together; each has a seed of its own."""


class Samples(TypedDict):
    """The answers to one question, in the order in which they were drawn; see `Answer` for each column."""

    responses: list[str]
    n_tokens: list[int]
    finish_reasons: list[str]


def draw(
    windows: Iterable[Window],
    weights: Path,
    processor: ImageProcessor,
    settings: Evaluate,
    sampling: Sampling,
    run: str,
    rows: Path | None = None,
) -> Iterator[list[Samples]]:
    """`sampling.samples` answers to each question of each window, by the checkpoint folder `weights`, on a GPU if any.

    `run` (arm/seed) is part of the random seed, so that no two runs are asked with the same luck. How many answers are
    written at a time is kept in the file `rows`.
    """
    torch.set_num_threads(settings.threads)
    torch.use_deterministic_algorithms(True, warn_only=torch.cuda.is_available())
    model = load_model(weights, settings.dtype).to("cuda" if torch.cuda.is_available() else "cpu")
    with telling():
        install(model)
    ends = stop_tokens(model.generation_config.eos_token_id, processor)
    drawn = settings_of(
        model,
        GenerationConfig(
            do_sample=True,
            max_new_tokens=settings.max_new_tokens,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            top_k=0,
            repetition_penalty=settings.repetition_penalty,
            eos_token_id=sorted(ends),
            pad_token_id=processor.tokenizer.pad_token_id,
        ),
    )
    n, at_once = sampling.samples, AtOnce(rows)

    def cohort(batch: Batch) -> Cohort:
        luck = Luck(model.device, seed_of(batch, sampling.seed, run))
        return Cohort.of([each for each in questions_of(batch, processor, model) for _ in range(n)], luck)

    def decode(window: Window, at_a_time: int) -> list[list[int]]:
        return written(sampler(model, drawn, Room(at_a_time), STRIDE, PREFILLED), map(cohort, window))

    def choose(window: Window) -> int:
        return fitting("auto", model, lambda: cohort(window[0]), settings.max_new_tokens, at_least=2)

    for window in windows:
        total = n * sum(map(len, window))
        given = at_once.decode(partial(decode, window), total, partial(choose, window))
        answers = [answer(tokens, ends, processor) for tokens in given]
        yield [
            {
                "responses": [one["response"] for one in its],
                "n_tokens": [one["n_tokens"] for one in its],
                "finish_reasons": [one["finish_reason"] for one in its],
            }
            for its in (answers[start : start + n] for start in range(0, len(answers), n))
        ]


def seed_of(batch: Batch, seed: int, run: str) -> int:
    """The random seed of a batch of a run: 63 bits."""
    name = "\0".join([str(seed), run, *(one.id for one in batch)])
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) >> 1
