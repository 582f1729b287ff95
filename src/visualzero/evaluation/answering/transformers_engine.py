"""Answers by transformers: images are decoded and preprocessed by other threads while the model writes."""

import copy
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import torch

from groupshare.attention import install
from groupshare.cohorts import Cohort, Room
from groupshare.questions import Question
from visualzero.config import Evaluate
from visualzero.evaluation.answering.asking import Answer, Batch, portions
from visualzero.evaluation.answering.at_once import AtOnce, fitting
from visualzero.evaluation.answering.decoding import STRIDE, greedy_decoder, written
from visualzero.evaluation.answering.preparing import questions_of
from visualzero.evaluation.answering.turns import Text, cut, has_begun
from visualzero.models.loading import load_model
from visualzero.models.processor import ImageProcessor
from visualzero.prompts import further_turn

PREPARED = 32  # questions that are prepared together
AHEAD = 2  # times so many that each thread prepares before the model asks for them


def answers(
    batches: Iterable[Batch], weights: Path, processor: ImageProcessor, settings: Evaluate, rows: Path | None = None
) -> Iterator[list[Answer]]:
    """Greedy answers to each batch, by the checkpoint folder `weights`, on the GPU if there is one.

    As many questions are answered at a time as `settings.batch_size` says, all of one batch: what a batch gets depends
    on no other. How many they are is kept in the file `rows`.
    """
    torch.set_num_threads(settings.threads)
    torch.use_deterministic_algorithms(True, warn_only=torch.cuda.is_available())
    model = load_model(weights, settings.dtype).to("cuda" if torch.cuda.is_available() else "cpu")
    ends = stop_tokens(model.generation_config.eos_token_id, processor)
    turn = further_turn(processor.chat_template)
    enough = (lambda row: has_begun(row, text_by(processor), turn, STRIDE)) if turn else None
    workers = max(1, settings.threads // 2)  # that prepare images beside the model
    copies: SimpleQueue[ImageProcessor] = SimpleQueue()
    for _ in range(workers):
        copies.put(copy.deepcopy(processor))  # threads can't share a tokenizer
    install(model)
    most, at_once = settings.max_new_tokens, AtOnce(rows)

    def cohorts(batch: Batch) -> Iterator[Cohort]:
        for some in _ahead(prepared, portions(batch, PREPARED), workers):
            yield from (Cohort.of([question]) for question in some)

    def prepared(some: Batch) -> list[Question]:
        own = copies.get()
        try:
            return questions_of(some, own, model)
        finally:
            copies.put(own)

    def decode(batch: Batch, at_a_time: int) -> list[list[int]]:
        decoder = greedy_decoder(model, ends, most, settings.repetition_penalty, enough, Room(at_a_time))
        return written(decoder, cohorts(batch))

    def choose(batch: Batch) -> int:
        return fitting(settings.batch_size, model, lambda: next(cohorts(batch[:1])), most)

    for batch in batches:
        given = at_once.decode(partial(decode, batch), len(batch), partial(choose, batch))
        yield [answer(tokens, ends, processor) for tokens in given]


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


def _ahead(function: Callable[[Batch], Any], batches: Iterable[Batch], workers: int) -> Iterator[Any]:
    """`function` of each batch in turn, computed by background threads, at most AHEAD batches early for each."""
    with ThreadPoolExecutor(workers) as background:
        waiting: deque[Future[Any]] = deque()
        for batch in batches:
            waiting.append(background.submit(function, batch))
            if len(waiting) > AHEAD * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
