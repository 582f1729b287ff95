"""Sampled answers, many to a question: its prompt and image are computed once for all of them, as in a GRPO rollout.

Random numbers are drawn anew for each batch, from a seed of its own. So what a batch gets depends on neither the
batches before it, nor an interruption, nor the number of shards. When rows of a batch have ended, those of the next
take their places, as far as the memory has room for all of them.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypedDict

import torch
from transformers import GenerationConfig, PreTrainedModel

from groupshare.attention import install
from groupshare.cohorts import Cohort, Luck
from groupshare.questions import Question
from groupshare.rollout import sampler, settings_of
from visualzero.config import Evaluate, Sampling
from visualzero.evaluation.answering.asking import Asked, Batch
from visualzero.evaluation.answering.decoding import STRIDE, in_batches, questions_of
from visualzero.evaluation.answering.limits import PREFILLED
from visualzero.evaluation.answering.room import room
from visualzero.evaluation.answering.transformers_engine import answer, prepare, stop_tokens
from visualzero.models.loading import load_model
from visualzero.models.processor import ImageProcessor
from visualzero.training.group_sharing import telling


class Samples(TypedDict):
    """The answers to one question, in the order in which they were drawn; see `Answer` for each column."""

    responses: list[str]
    n_tokens: list[int]
    finish_reasons: list[str]


def draw(
    batches: Iterable[Batch],
    weights: Path,
    processor: ImageProcessor,
    settings: Evaluate,
    sampling: Sampling,
    run: str,
) -> Iterator[list[Samples]]:
    """`sampling.samples` answers to each question of each batch, by the checkpoint folder `weights`, on a GPU if any.

    `run` (arm/seed) is part of the random seed, so that no two runs are asked with the same luck.
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
    n = sampling.samples

    def cohort(batch: Batch) -> Cohort:
        questions = [question(one, processor, model) for one in batch]
        luck = Luck(model.device, seed_of(batch, sampling.seed, run))
        return Cohort.of([each for each in questions for _ in range(n)], luck)

    found = room("auto", model)
    two = replace(found, rows=max(found.rows or 0, 2 * n * sampling.batch_size))  # a batch begins as another ends
    decoder = sampler(model, drawn, two, STRIDE, PREFILLED, elastic=True)
    for rows in in_batches(decoder, ([cohort(batch)] for batch in batches)):
        answers = [answer(row.tokens, ends, processor) for row in rows]
        yield [
            {
                "responses": [one["response"] for one in its],
                "n_tokens": [one["n_tokens"] for one in its],
                "finish_reasons": [one["finish_reason"] for one in its],
            }
            for its in (answers[start : start + n] for start in range(0, len(answers), n))
        ]


def question(one: Asked, processor: ImageProcessor, model: PreTrainedModel) -> Question:
    """What the sampler takes of a question: the inputs of greedy evaluation."""
    return questions_of(prepare([one], processor), model)[0]


def seed_of(batch: Batch, seed: int, run: str) -> int:
    """The random seed of a batch of a run: 63 bits."""
    name = "\0".join([str(seed), run, *(one.id for one in batch)])
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) >> 1
