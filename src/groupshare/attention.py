"""Attention over a stream: many prompts and completions in one row of tokens, each prompt there once.

transformers lets a model's masks and its attention be made by functions that are registered under a name. While a
stream is at hand (`streaming`), ours give the decoder's layers a `Rule` for a mask, and compute attention by it: the
linear layers see `[1, T]` tokens without padding, and only attention knows of prompts and completions. Everything else
reaches PyTorch's SDPA as usual. This holds for every family whose decoder asks for its masks in transformers' way.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import accumulate
from types import MethodType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, causal_mask_function, sdpa_mask
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from groupshare.errors import SharingError

NAME = "group_sharing"
KINDS = {"full_attention", "sliding_attention"}  # of layers, that a stream can go through


class StreamAttention(ABC):
    """What attends to what in a stream of T tokens, of which the decoder gives those from `given` on."""

    given = 0
    written = False  # whether it is a token of each row, which is what there are most passes of

    @abstractmethod
    def attend(
        self, layer: "Layer", query: Tensor, key: Tensor, value: Tensor, scale: float, dropout: float = 0.0
    ) -> Tensor:
        """In a decoder layer: query `[1, H, T, D]`, key and value `[1, H_kv, T, D]`, output `[1, T, H, D]`.

        `dropout` is the share of the attention weights that training drops.
        """


@dataclass(eq=False)
class Rule:
    """A stream in the place of a mask, for the layers of one kind, whose masks the model would make by `function`.

    Between prompt and completion all families are causal; within prompts they may not be (Gemma 3's images are not).
    """

    stream: StreamAttention
    function: Any
    vmap: bool
    device: torch.device
    masks: dict[tuple[int, int], Tensor | None] = field(default_factory=dict)

    def of_prompt(self, start: int, length: int) -> Tensor | None:
        """Which of `length` tokens from `start` on see which, `[length, length]`; None where each sees all before."""
        if self.function is causal_mask_function:
            return None
        if (start, length) not in self.masks:
            mask = sdpa_mask(
                *(1, length, length, start, start, self.function),
                allow_is_causal_skip=False,
                use_vmap=self.vmap,
                device=self.device,
            )
            assert mask is not None
            causal = torch.ones(length, length, dtype=torch.bool, device=self.device).tril()
            self.masks[start, length] = None if mask[0, 0].equal(causal) else mask[0, 0]
        return self.masks[start, length]


@dataclass(frozen=True)
class Layer:
    """A decoder layer that computes a stream; a token sees at most `window` tokens, itself among them."""

    index: int
    rule: Rule
    window: int | None


_at_hand: ContextVar[StreamAttention | None] = ContextVar("stream", default=None)


@contextmanager
def streaming(stream: StreamAttention) -> Iterator[None]:
    """Let the models that `install` has seen take what they get without a mask for this stream."""
    token = _at_hand.set(stream)
    try:
        yield
    finally:
        _at_hand.reset(token)


def install(model: PreTrainedModel) -> None:
    """Let the decoder of `model` take streams; without one it goes to SDPA as before.

    Of a stream of groups the decoder gives the completions' hidden states alone: without Triton, TRL's head would score
    the prompts' too. Patches are embedded by one matrix product, which a convolution without overlap is; as a
    convolution it takes several times as long. A model can be installed again.

    Raises:
        SharingError: for a model whose decoder attends otherwise than by SDPA, as its loader asked, or has layers of a
            kind that no stream can go through.
    """
    text = model.config.get_text_config()
    if text._attn_implementation not in (None, "sdpa", NAME):
        raise SharingError(
            f"the model's attention is {text._attn_implementation!r}, and not PyTorch's SDPA, which sharing computes"
            " (load it with attn_implementation='sdpa')"
        )
    if other := set(getattr(text, "layer_types", None) or ()) - KINDS:
        raise SharingError(
            f"{type(model).__name__} has layers of {', '.join(sorted(other))}, which can't share a group's prompt"
        )
    ALL_ATTENTION_FUNCTIONS.register(NAME, _attention)
    ALL_MASK_ATTENTION_FUNCTIONS.register(NAME, _mask)
    parts = {name: getattr(model.config, name) for name in model.config.sub_configs}
    chosen = {name: part._attn_implementation for name, part in parts.items() if part is not None}
    own = {name: NAME for name, part in parts.items() if part is text}
    model.set_attn_implementation(chosen | own if own else NAME)
    decoder = model.get_decoder()
    if _leave_prompts not in decoder._forward_hooks.values():
        decoder.register_forward_hook(_leave_prompts)
    for module in model.modules():
        projection = getattr(module, "proj", None)
        if isinstance(projection, nn.Conv3d) and projection.kernel_size == projection.stride:
            module.forward = MethodType(_embed_patches, module)
        if "forward" not in vars(module) and _is_rms_norm(module):
            module.forward = MethodType(_norm, module)


def _leave_prompts(module: nn.Module, args: Any, output: Any) -> Any:
    stream = _at_hand.get()
    if stream and stream.given:
        output.last_hidden_state = output.last_hidden_state[:, stream.given :]
    return output


def _embed_patches(module: nn.Module, pixels: Tensor) -> Tensor:
    if type(module.proj) is not nn.Conv3d:  # an adapter's, which has weights of its own
        return type(module).forward(module, pixels)
    weight = module.proj.weight.flatten(1)
    return F.linear(pixels.to(weight.dtype).view(-1, weight.shape[1]), weight, module.proj.bias)


def _is_rms_norm(module: nn.Module) -> bool:
    """Whether PyTorch's own function computes what a family's norm does, as Qwen's, which is several launches."""
    weight, epsilon = getattr(module, "weight", None), getattr(module, "variance_epsilon", None)
    if epsilon is None or not isinstance(weight, Tensor) or weight.ndim != 1 or not len(weight):
        return False
    if type(weight.data) is not Tensor:  # sharded, so that it can't be tried, nor is it decoded with
        return False
    probe = torch.linspace(-1, 1, len(weight), dtype=weight.dtype, device=weight.device)
    apart = F.rms_norm(probe, weight.shape, weight, epsilon) - module(probe)
    return bool(apart.abs().max() < 0.02)


def _norm(module: nn.Module, hidden: Tensor) -> Tensor:
    stream = _at_hand.get()
    if stream and stream.written and hidden.is_cuda:
        return F.rms_norm(hidden, module.weight.shape, module.weight, module.variance_epsilon)
    return type(module).forward(module, hidden)


def _mask(*args: Any, **kwargs: Any) -> Any:
    """`sdpa_mask`, or while a stream is at hand the rule by which it attends."""
    stream = _at_hand.get()
    if stream is None:
        return sdpa_mask(*args, **kwargs)
    return Rule(stream, kwargs["mask_function"], kwargs.get("use_vmap", False), kwargs["device"])


def _attention(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Any, scaling: float, **kwargs: Any
) -> tuple[Tensor, None]:
    if isinstance(attention_mask, Rule):
        layer = Layer(module.layer_idx, attention_mask, kwargs.get("sliding_window"))
        return attention_mask.stream.attend(layer, query, key, value, scaling, kwargs.get("dropout", 0.0)), None
    return sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **kwargs)


def attend(
    query: Tensor, key: Tensor, value: Tensor, scale: float, mask: Tensor | None = None, dropout: float = 0.0
) -> Tensor:
    """SDPA of query `[B, H, Q, D]` on key and value `[B, H_kv, K, D]`: causal unless `mask` (true: attends) is given.

    The output is `[B, Q, H, D]`. Under a mask `[Q, K]` the queries that share a head of keys stand in one row of
    H / H_kv times Q, so that keys and values are not repeated.
    """
    heads, length = query.shape[1:3]
    repeats = heads // key.shape[1]
    if mask is None:
        key, value = (x.repeat_interleave(repeats, dim=1) for x in (key, value))
        out = F.scaled_dot_product_attention(query, key, value, is_causal=True, scale=scale, dropout_p=dropout)
        return out.transpose(1, 2)
    query = query.unflatten(1, (-1, repeats)).flatten(2, 3)
    mask = mask.repeat(repeats, 1)
    out = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=scale, dropout_p=dropout)
    return out.unflatten(2, (repeats, length)).flatten(1, 2).transpose(1, 2)


def attend_apart(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Attention of query `[B, H, Q, D]`, already scaled, to a part of its keys `[B, H, K, D]`; no gradients.

    Gives the output `[B, H, Q, D]` and, to put parts together, the scores' log-sum-exp `[B, H, Q]`. `mask`
    `[B, 1, 1 or Q, K]` is added to the scores.
    """
    if query.device.type == "cpu":
        flash = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
        return flash(query, key, value, attn_mask=mask, scale=1.0)
    if query.device.type == "cuda" and query.shape[-1] % 8 == 0:
        scores = None if mask is None else mask.expand(*query.shape[:3], -1)
        efficient = torch.ops.aten._scaled_dot_product_efficient_attention
        out, sums, *_ = efficient(query, key, value, scores, True, scale=1.0)
        return out, sums[..., : query.shape[2]]
    return attend_apart_step_by_step(query, key, value, mask)


def attend_apart_step_by_step(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The same on any device; scores are kept in float32 at least."""
    scores = (query @ key.transpose(2, 3)).to(torch.promote_types(query.dtype, torch.float32))
    if mask is not None:
        scores += mask
    return scores.softmax(-1).to(value.dtype) @ value, scores.logsumexp(-1)


class Prompts(StreamAttention):
    """Prompts side by side. Keeps the keys and values of each layer, for completions to come."""

    def __init__(self, lengths: list[int]):
        self.lengths = lengths
        self.starts = [0, *accumulate(lengths[:-1])]
        self.keys: list[tuple[Tensor, ...]] = []  # per layer and prompt: [1, H_kv, P, D]
        self.values: list[tuple[Tensor, ...]] = []

    def attend(
        self, layer: Layer, query: Tensor, key: Tensor, value: Tensor, scale: float, dropout: float = 0.0
    ) -> Tensor:
        """See `StreamAttention`; a rollout drops nothing."""
        queries, keys, values = (x.to(value.dtype).split(self.lengths, dim=2) for x in (query, key, value))
        self.keys.append(keys)
        self.values.append(values)
        masks = map(layer.rule.of_prompt, self.starts, self.lengths)
        parts = zip(queries, keys, values, masks, strict=True)
        return torch.cat([attend(q, k, v, scale, mask) for q, k, v, mask in parts], dim=1)
