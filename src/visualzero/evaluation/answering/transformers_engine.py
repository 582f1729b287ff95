"""Answers by transformers: images are decoded and preprocessed in the background while the model writes."""

import copy
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch

from visualzero.config import Evaluate
from visualzero.evaluation.answering.asking import Answer, Batch
from visualzero.evaluation.answering.decoding import STRIDE, greedy
from visualzero.evaluation.answering.turns import Text, cut, has_begun
from visualzero.models.loading import load_model
from visualzero.models.processor import ImageProcessor
from visualzero.prompts import further_turn

AHEAD = 2  # batches that are prepared before the model asks for them


def answers(
    batches: Iterable[Batch], weights: Path, processor: ImageProcessor, settings: Evaluate
) -> Iterator[list[Answer]]:
    """Greedy answers to each batch, by the checkpoint folder `weights`, on the GPU if there is one."""
    torch.set_num_threads(settings.threads)
    torch.use_deterministic_algorithms(True, warn_only=torch.cuda.is_available())
    model = load_model(weights, settings.dtype).to("cuda" if torch.cuda.is_available() else "cpu")
    ends = stop_tokens(model.generation_config.eos_token_id, processor)
    turn = further_turn(processor.chat_template)
    enough = (lambda row: has_begun(row, text_by(processor), turn, STRIDE)) if turn else None
    own = copy.deepcopy(processor)  # the background's: threads can't share a tokenizer
    for inputs in _ahead(lambda batch: prepare(batch, own), batches):
        rows = greedy(model, inputs, ends, settings.max_new_tokens, settings.repetition_penalty, enough)
        yield [answer(tokens, ends, processor) for tokens in rows]


def prepare(batch: Batch, processor: ImageProcessor) -> dict[str, torch.Tensor]:
    """The model's inputs: prompts padded on the left, images preprocessed."""
    assert processor.tokenizer.padding_side == "left", "batched generation needs padding on the left"
    images = [one.pictures() for one in batch]
    text = [one.prompt for one in batch]
    return dict(
        processor(
            images=images if any(images) else None,
            text=text,
            padding=True,
            return_tensors="pt",
            add_special_tokens=False,
        )
    )


def answer(tokens: list[int], ends: set[int], processor: ImageProcessor) -> Answer:
    """What a row of tokens says, up to a further turn of the user's where the processor's prompts have turns."""
    stopped = tokens[-1] in ends
    said, n, cut_off = cut(
        tokens[:-1] if stopped else tokens, text_by(processor), further_turn(processor.chat_template)
    )
    return {"response": said, "n_tokens": n, "finish_reason": "stop" if stopped or cut_off else "length"}


def text_by(processor: ImageProcessor) -> Text:
    """What tokens say by a processor's tokenizer, without its special tokens."""
    return lambda tokens: processor.tokenizer.decode(tokens, skip_special_tokens=True)


def stop_tokens(eos: int | list[int] | None, processor: ImageProcessor) -> set[int]:
    """The tokens that end a response: those of the checkpoint's generation config (`eos`) and the tokenizer's."""
    return {processor.tokenizer.eos_token_id, *(eos if isinstance(eos, list) else [eos])} - {None}


def _ahead(function: Callable[[Batch], Any], batches: Iterable[Batch]) -> Iterator[Any]:
    """`function` of each batch in turn, computed by one background thread, at most AHEAD batches early."""
    with ThreadPoolExecutor(max_workers=1) as background:
        waiting: deque[Future[Any]] = deque()
        for batch in batches:
            waiting.append(background.submit(function, batch))
            if len(waiting) > AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
