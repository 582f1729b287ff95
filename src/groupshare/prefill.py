"""Prompts, each computed once before its rows are decoded.

Where the update that follows goes by the same weights, it goes by the same keys and values: a question that asks for it
keeps them with their graph, through which the gradients of its completions reach prompt and image.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from groupshare.attention import Prompts, streaming
from groupshare.caches import Prefilled
from groupshare.questions import Question, as_rope_takes, joined
from groupshare.towers import images_seen

CROWDED = 0.4  # of a GPU's memory: from there on nothing is kept


def kept_within(questions: Sequence[Question], tokens: int) -> list[Question]:
    """The same questions; as many of the first as have at most `tokens` tokens in all ask to be kept."""
    left = accumulate(len(question.input_ids) for question in questions)
    return [replace(q, kept=[] if so_far <= tokens else None) for q, so_far in zip(questions, left, strict=True)]


@torch.no_grad()
def prefill(model: PreTrainedModel, prompts: Sequence[Question], together: int) -> tuple[Tensor, Prefilled]:
    """Logits `[N, V]` after each of N prompts, and their keys and values; a pass has at most `together` tokens.

    A prompt that is longer has a pass to itself.
    """
    passes: list[list[Question]] = []
    left = 0
    for question in prompts:
        if len(question.input_ids) > left:
            passes.append([])
            left = together
        passes[-1].append(question)
        left -= len(question.input_ids)
    logits, streams = [], []
    for some in passes:
        made, stream = _pass(model, some)
        logits.append(made)
        streams.append(stream)
    layers = range(len(streams[0].keys))
    keys, values = (
        [[x[0] for stream in sides for x in stream[layer]] for layer in layers]
        for sides in ([stream.keys for stream in streams], [stream.values for stream in streams])
    )
    return torch.cat(logits), Prefilled([len(question.input_ids) for question in prompts], keys, values)


def _pass(model: PreTrainedModel, questions: Sequence[Question]) -> tuple[Tensor, Prompts]:
    """Prompts side by side in one stream."""
    device = model.device
    lengths = [len(question.input_ids) for question in questions]
    stream = Prompts(lengths)
    keep: Any = 1 if len(lengths) == 1 else torch.tensor(lengths, device=device).cumsum(0) - 1
    types: dict[str, Tensor] = {}
    for name in questions[0].types:
        types[name] = torch.cat([question.types[name] for question in questions])[None].to(device)
    images = joined([question.images for question in questions])
    keep_graph = len(questions) == 1 and questions[0].kept is not None and _has_room(device)
    positions = torch.cat([question.positions for question in questions], dim=1)
    with torch.set_grad_enabled(keep_graph), streaming(stream), images_seen(model, questions):
        output = model(
            input_ids=torch.cat([question.input_ids for question in questions])[None].to(device),
            position_ids=as_rope_takes(positions.to(device)),
            use_cache=False,
            logits_to_keep=keep,
            **types,
            **{name: value.to(device) for name, value in images.items()},
        )
    if keep_graph:
        kept = questions[0].kept
        assert kept is not None
        kept[:] = [(keys[0], values[0]) for keys, values in zip(stream.keys, stream.values, strict=True)]
        stream.keys, stream.values = (
            [tuple(x.detach() for x in layer) for layer in side] for side in (stream.keys, stream.values)
        )
    return output.logits[0].detach(), stream


def _has_room(device: torch.device) -> bool:
    if device.type != "cuda":
        return True
    return torch.cuda.memory_allocated(device) < CROWDED * torch.cuda.get_device_properties(device).total_memory
