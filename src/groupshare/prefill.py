"""Prompts, each computed once before its rows are decoded."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from groupshare.attention import Prompts, streaming
from groupshare.caches import Prefilled
from groupshare.questions import Question, as_rope_takes, joined
from groupshare.towers import images_seen


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
    positions = torch.cat([question.positions for question in questions], dim=1)
    with streaming(stream), images_seen(model, questions):
        output = model(
            input_ids=torch.cat([question.input_ids for question in questions])[None].to(device),
            position_ids=as_rope_takes(positions.to(device)),
            use_cache=False,
            logits_to_keep=keep,
            **types,
            **{name: value.to(device) for name, value in images.items()},
        )
    return output.logits[0], stream
