"""Sampled answers, many to a question: its prompt and image are computed once for all of them, as in a GRPO rollout.

Random numbers are drawn anew for each batch, from a seed of its own. So what a batch gets depends on neither the
batches before it, nor an interruption, nor the number of shards.
"""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypedDict

import torch
from transformers import GenerationConfig, PreTrainedModel

from groupshare.attention import install
from groupshare.questions import TYPES, Question, rope_index_of
from groupshare.rollout import sample, settings_of
from visualzero.config import Evaluate, Sampling
from visualzero.evaluation.answering.asking import Asked, Batch
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
    for batch in batches:
        questions = [question(one, processor, model) for one in batch]
        torch.manual_seed(seed_of(batch, sampling.seed, run))
        rows = sample(model, [each for each in questions for _ in range(n)], drawn)
        answers = [answer(tokens, ends, processor) for tokens in rows]
        yield [
            {
                "responses": [one["response"] for one in its],
                "n_tokens": [one["n_tokens"] for one in its],
                "finish_reasons": [one["finish_reason"] for one in its],
            }
            for its in (answers[start : start + n] for start in range(0, len(answers), n))
        ]


def question(one: Asked, processor: ImageProcessor, model: PreTrainedModel) -> Question:
    """What the sampler takes of a question, on the model's device: the inputs of greedy evaluation."""
    inputs = prepare([one], processor)
    made = Question(
        input_ids=inputs["input_ids"][0],
        types={name: value[0] for name, value in inputs.items() if name in TYPES},
        images={name: value for name, value in inputs.items() if name not in (*TYPES, "input_ids", "attention_mask")},
        image_count=len(one.images),
    )
    return made.placed(model.device, rope_index_of(model))


def seed_of(batch: Batch, seed: int, run: str) -> int:
    """The random seed of a batch of a run: 63 bits."""
    name = "\0".join([str(seed), run, *(one.id for one in batch)])
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) >> 1
