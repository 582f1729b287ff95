"""Answers by vLLM: several times as fast on a GPU, where it is installed, and no more than an engine to be checked.

Before the first answer is given, transformers answers 100 of the questions too, and vLLM is refused if it agrees on
less than 95 %. It is handed a batch at a time and makes its own batches of that, so `evaluate.batch_size` should be
some hundreds.
"""

import gc
import itertools
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from transformers import GenerationConfig

from visualzero.config import Evaluate
from visualzero.errors import UserError
from visualzero.evaluation.answering import transformers_engine
from visualzero.evaluation.answering.asking import Answer, Asked, Batch
from visualzero.evaluation.answering.engine_agreement import SAMPLE, require_agreement
from visualzero.models.families import family_in
from visualzero.models.processor import PREPROCESSOR, ImageProcessor
from visualzero.prompts import further_turn

REFERENCE_BATCH = 20  # questions that transformers answers at a time


def answers(
    batches: Iterable[Batch], weights: Path, processor: ImageProcessor, settings: Evaluate
) -> Iterator[list[Answer]]:
    """Greedy answers to each batch, by the checkpoint folder `weights`.

    Raises:
        UserError: if vLLM is not installed, there is no GPU, the model's images are not Qwen's, or its answers differ
            from those of transformers.
    """
    require_vllm()
    if not family_in(weights).any_size:
        raise UserError("evaluate.engine: vllm: this model's images are not Qwen's: set it to transformers")
    batches = iter(batches)
    first: list[Batch] = []
    while sum(map(len, first)) < SAMPLE and (batch := next(batches, None)):
        first.append(batch)
    sample = [one for batch in first for one in batch][:SAMPLE]
    expected = list(_reference(sample, weights, processor, settings))  # before vLLM takes the GPU's memory
    with TemporaryDirectory() as folder:
        complete(weights, processor, Path(folder))
        respond = start(Path(folder), processor, settings)
        given = [respond(batch) for batch in first]
        require_agreement("vllm", sample, [answer for some in given for answer in some][:SAMPLE], expected)
        yield from given
        yield from map(respond, batches)


def require_vllm() -> None:
    """Check that vLLM can run here.

    Raises:
        UserError: if it can't.
    """
    if find_spec("vllm") is None:
        raise UserError("evaluate.engine: vllm is not installed: install it or set evaluate.engine to transformers")
    if not torch.cuda.is_available():
        raise UserError("evaluate.engine: vllm needs a CUDA GPU, and there is none: set it to transformers")


def _reference(sample: list[Asked], weights: Path, processor: ImageProcessor, settings: Evaluate) -> Iterator[Answer]:
    starts = range(0, len(sample), REFERENCE_BATCH)
    batches = [sample[start : start + REFERENCE_BATCH] for start in starts]
    yield from itertools.chain.from_iterable(transformers_engine.answers(batches, weights, processor, settings))
    gc.collect()
    torch.cuda.empty_cache()


def complete(weights: Path, processor: ImageProcessor, folder: Path) -> None:
    """Link a checkpoint into `folder`, with a preprocessor_config.json that sizes images as the config says."""
    for file in weights.resolve().iterdir():
        if file.name != PREPROCESSOR:
            (folder / file.name).symlink_to(file)
    processor.image_processor.save_pretrained(folder)


def start(weights: Path, processor: ImageProcessor, settings: Evaluate) -> Callable[[Batch], list[Answer]]:
    """Start vLLM on a complete checkpoint folder; what is returned answers a batch."""
    from vllm import LLM, SamplingParams

    llm = LLM(
        model=str(weights),
        dtype=settings.dtype,
        seed=0,
        generation_config="vllm",  # not the checkpoint's own sampling defaults
        limit_mm_per_prompt={"image": 1, "video": 0},
    )
    ends = transformers_engine.stop_tokens(GenerationConfig.from_pretrained(weights).eos_token_id, processor)
    sampling = SamplingParams(
        temperature=0.0,
        max_tokens=settings.max_new_tokens,
        stop_token_ids=sorted(ends),
        repetition_penalty=settings.repetition_penalty,
        stop=further_turn(processor.chat_template),
    )

    def respond(batch: Batch) -> list[Answer]:
        outputs = llm.generate([request(one) for one in batch], sampling, use_tqdm=False)
        return [transformers_engine.answer(list(output.outputs[0].token_ids), ends, processor) for output in outputs]

    return respond


def request(asked: Asked) -> dict[str, Any]:
    """A question in vLLM's form.

    Raises:
        UserError: if it has several images, for which the engine isn't started here.
    """
    if asked.more:
        raise UserError(
            f"question {asked.id}: it has {len(asked.images)} images, and vLLM is started for one: set evaluate.engine"
            " to transformers"
        )
    if asked.image is None:
        return {"prompt": asked.prompt}
    return {"prompt": asked.prompt, "multi_modal_data": {"image": asked.picture()}}
