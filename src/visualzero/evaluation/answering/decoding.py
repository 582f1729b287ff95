"""Greedy decoding of a batch in which nobody waits: a row that has ended leaves the batch, and its cache with it.

`model.generate(do_sample=False)` gives the same tokens, but a row that has ended is computed until the last one has,
and its cache copies the whole past for every token. Here a batch shrinks as its rows end, and a token is written in
place. On a GPU the host waits for the device once in `STRIDE` tokens rather than at every token.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from transformers import Cache, PreTrainedModel
from transformers.cache_utils import DynamicLayer

from groupshare.questions import rope_index_of

STRIDE = 4  # tokens from one look at which rows have ended to the next; what a row writes in between is cut off


@torch.inference_mode()
def greedy(
    model: PreTrainedModel,
    inputs: Mapping[str, torch.Tensor],
    ends: Collection[int],
    max_new_tokens: int,
    repetition_penalty: float = 1.0,
    enough: Callable[[Sequence[int]], bool] | None = None,
) -> list[list[int]]:
    """The most likely next tokens of each row, up to and including the first of `ends`, at most `max_new_tokens`.

    Args:
        model: in evaluation mode, on the device to use.
        inputs: what the processor makes of prompts and images, on the CPU: `input_ids` and `attention_mask` of shape
            (batch, width), padded on the left, and what else the model takes: types of tokens, tensors of images.
        ends: tokens that end a row.
        max_new_tokens: length at which a row is cut off.
        repetition_penalty: what logits of tokens that stand in the row's prompt or answer are divided by (multiplied
            with, below 0), as in CTRL (arXiv 1909.05858). Padding is not part of a prompt; for transformers it is.
        enough: whether a row, with at most `STRIDE` new tokens, need not go on. It is cut off within so many tokens.
    """
    batch, width = inputs["input_ids"].shape
    padded = not bool(inputs["attention_mask"].all())
    positions = _positions(model, inputs)
    inputs = {key: value.to(model.device) for key, value in inputs.items()}
    ids = inputs["input_ids"]
    stops = torch.tensor(sorted(ends), device=model.device)

    # All rows are held by their number in the batch; those that have ended are taken out of everything below `rows`.
    written = ids.new_full((batch, max_new_tokens), min(ends))
    rows = torch.arange(batch, device=model.device)
    ended = torch.zeros(batch, dtype=torch.bool, device=model.device)
    position = (positions.amax(dim=(0, 2)) + 1).to(model.device)
    mask = F.pad(inputs["attention_mask"].bool(), (0, max_new_tokens), value=True)
    text = model.config.get_text_config()
    windows = "sliding_attention" in (getattr(text, "layer_types", None) or ())
    seen = _tokens_of(ids, mask[:, :width], text.vocab_size) if repetition_penalty != 1.0 else None
    cache = Cache(layers=[InPlaceLayer(width + max_new_tokens) for _ in range(text.num_hidden_layers)])

    shared = {"past_key_values": cache, "use_cache": True, "logits_to_keep": 1}
    logits = model(**inputs, position_ids=_as_taken(positions.to(model.device)), **shared).logits[:, -1]
    for step in range(max_new_tokens):
        if seen is not None:
            logits = torch.where(seen, _penalized(logits, repetition_penalty), logits)
        token = logits.argmax(-1)
        written[rows, step] = token
        ended |= torch.isin(token, stops)
        if step + 1 == max_new_tokens:
            break
        if step % STRIDE == 0:
            if enough:
                ended |= torch.tensor([enough(row) for row in written[rows, : step + 1].tolist()], device=ended.device)
            going = (~ended).nonzero()[:, 0]  # the host waits here
            if len(going) == 0:
                break
            if len(going) < len(rows):
                rows, token, ended, position, mask = (x[going] for x in (rows, token, ended, position, mask))
                seen = seen[going] if seen is not None else None
                cache.batch_select_indices(going)
        if seen is not None:
            seen.scatter_(1, token[:, None], True)
        visible = mask[:, : width + step + 1]  # from which a model with windows makes a mask for each kind of layer
        logits = model(
            input_ids=token[:, None],
            attention_mask=(visible if windows else visible[:, None, None]) if padded else None,
            position_ids=_as_taken(position.expand(len(positions), -1)[:, :, None]),
            **shared,
        ).logits[:, -1]
        position = position + 1
    return [_until(row, ends) for row in written.tolist()]


def _positions(model: PreTrainedModel, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Positions `[axes, batch, width]` of the prompts' tokens: the model's own, or their places where it has none."""
    if rope_index := rope_index_of(model):
        positions, _ = rope_index(**{key: value for key, value in inputs.items() if key != "pixel_values"})
        return positions
    return (inputs["attention_mask"].long().cumsum(-1) - 1).clamp(min=0)[None]


def _as_taken(positions: torch.Tensor) -> torch.Tensor:
    """Positions `[axes, ...]` as a model's `position_ids`, without the axis where there is one."""
    return positions if len(positions) > 1 else positions[0]


class InPlaceLayer(DynamicLayer):
    """A layer's keys and values in memory that is taken once, for `length` tokens, and written in place."""

    def __init__(self, length: int) -> None:
        super().__init__()
        self.length, self.filled = length, 0

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        """Take the memory; (batch, heads, length, size of a head)."""
        super().lazy_initialization(key_states, value_states)
        self.keys, self.values = (
            x.new_empty((*x.shape[:2], self.length, x.shape[3])) for x in (key_states, value_states)
        )

    def update(self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        """Append the new tokens' states, and return those of all tokens."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        new = slice(self.filled, self.filled + key_states.shape[2])
        self.keys[:, :, new], self.values[:, :, new] = key_states, value_states
        self.filled = new.stop
        return self.keys[:, :, : new.stop], self.values[:, :, : new.stop]

    def get_seq_length(self) -> int:
        """Tokens so far."""
        return self.filled


def _tokens_of(ids: torch.Tensor, mask: torch.Tensor, vocabulary: int) -> torch.Tensor:
    """Which tokens of the vocabulary each row has, padding aside; (batch, vocabulary)."""
    counts = torch.zeros(len(ids), vocabulary, dtype=torch.int32, device=ids.device)
    return counts.scatter_add_(1, ids, mask.int()) > 0


def _penalized(logits: torch.Tensor, penalty: float) -> torch.Tensor:
    return torch.where(logits < 0, logits * penalty, logits / penalty)


def _until(tokens: list[int], ends: Collection[int]) -> list[int]:
    """The tokens up to and including the first that ends a row."""
    stop = next((k for k, token in enumerate(tokens, 1) if token in ends), None)
    return tokens[:stop]
