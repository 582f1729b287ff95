"""Completions attend to their prompt and to themselves by a kernel each, and the two are put together exactly.

Softmax over two sets of keys is the mean of the softmax over each, weighted by their sums of exponentials. So the
tokens of a group read their prompt without a mask and without a copy of its keys for each completion, and each
completion reads itself under a causal mask that no memory holds. Backward each kernel gets the output and the
log-sum-exp of both, and so gives its part of the gradient (as ring attention does, arXiv 2310.01889).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Protocol

import torch
from torch import Tensor

aten = torch.ops.aten
HALF = {torch.float16, torch.bfloat16}
Three = tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class Attended:
    """The output `[Q, H, D]`, the scores' log-sum-exp `[H, Q]`, and what else a kernel's backward pass needs."""

    out: Tensor
    sums: Tensor
    state: tuple[Tensor, ...] = ()


class Kernel(Protocol):
    """Attention of queries `[Q, H, D]` to keys and values `[K, H_kv, D]`, sequence by sequence."""

    def forward(self, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Attended:
        """The output and what belongs to it."""

    def backward(self, gradient: Tensor, inputs: Three, whole: Attended, scale: float) -> Three:
        """Gradients of query, key and value; these keys may be a part of those that `whole` tells of."""


class Flash:
    """FlashAttention over sequences side by side, on a GPU and in half precision."""

    def __init__(self, queries: Sequence[int], keys: Sequence[int], causal: bool, device: torch.device):
        self.ends = tuple(
            torch.tensor([0, *accumulate(lengths)], dtype=torch.int32, device=device) for lengths in (queries, keys)
        )
        self.most, self.causal = (max(queries), max(keys)), causal

    def forward(self, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Attended:
        """See `Kernel`."""
        inputs = (query, key, value, *self.ends, *self.most, 0.0, self.causal, False)
        out, sums, seed, offset, _ = aten._flash_attention_forward(*inputs, scale=scale)
        return Attended(out, sums, (seed, offset))

    def differentiable(self, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        """The output alone, with autograd's own way back."""
        inputs = (query, key, value, *self.ends, *self.most, 0.0, self.causal, False)
        out: Tensor = aten._flash_attention_forward(*inputs, scale=scale)[0]
        return out

    def backward(self, gradient: Tensor, inputs: Three, whole: Attended, scale: float) -> Three:
        """See `Kernel`."""
        rest = (whole.out, whole.sums, *self.ends, *self.most, 0.0, self.causal, *whole.state)
        found: Three = aten._flash_attention_backward(gradient, *inputs, *rest, scale=scale)
        return found


class OnCpu:
    """PyTorch's kernel for a CPU, one sequence after the other."""

    def __init__(self, queries: Sequence[int], keys: Sequence[int], causal: bool):
        self.queries, self.keys, self.causal = list(queries), list(keys), causal

    def forward(self, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Attended:
        """See `Kernel`."""
        flash = aten._scaled_dot_product_flash_attention_for_cpu
        parts = [flash(*part, is_causal=self.causal, scale=scale) for part in self._parts(query, key, value)]
        outs, sums = zip(*parts, strict=True)
        return Attended(torch.cat([_as_tokens(out) for out in outs]), torch.cat(sums, dim=2)[0])

    def backward(self, gradient: Tensor, inputs: Three, whole: Attended, scale: float) -> Three:
        """See `Kernel`."""
        flash = aten._scaled_dot_product_flash_attention_for_cpu_backward
        gradients, outs = (map(_as_heads, x.split(self.queries)) for x in (gradient, whole.out))
        parts = zip(gradients, self._parts(*inputs), outs, whole.sums[None].split(self.queries, dim=2), strict=True)
        found = [flash(of_out, *part, out, sums, 0.0, self.causal, scale=scale) for of_out, part, out, sums in parts]
        query, key, value = (torch.cat([_as_tokens(x) for x in side]) for side in zip(*found, strict=True))
        heads = inputs[1].shape[1]
        return query, key.unflatten(1, (heads, -1)).sum(2), value.unflatten(1, (heads, -1)).sum(2)

    def _parts(self, query: Tensor, key: Tensor, value: Tensor) -> Iterator[Three]:
        repeats = query.shape[1] // key.shape[1]
        keys, values = (x.repeat_interleave(repeats, dim=1).split(self.keys) for x in (key, value))
        for q, k, v in zip(query.split(self.queries), keys, values, strict=True):
            yield _as_heads(q), _as_heads(k), _as_heads(v)


def _as_heads(x: Tensor) -> Tensor:
    """`[T, H, D]` as `[1, H, T, D]`."""
    return x.transpose(0, 1)[None]


def _as_tokens(x: Tensor) -> Tensor:
    """`[1, H, T, D]` as `[T, H, D]`."""
    return x[0].transpose(0, 1)


@dataclass(frozen=True)
class Kernels:
    """By which completions attend to their prompts and to themselves, and prompts to themselves if all in one pass."""

    to_prompts: Kernel
    to_themselves: Kernel
    prompts: Flash | None = None


def kernels_for(like: Tensor, prompts: Sequence[int], groups: Sequence[int], rows: Sequence[int]) -> Kernels | None:
    """Kernels for tensors such as `like`, of prompts, groups of completions and completions of so many tokens.

    None where there are none that tell the log-sum-exp of their scores.
    """
    if like.device.type == "cpu":
        return Kernels(OnCpu(groups, prompts, False), OnCpu(rows, rows, True))
    if like.device.type == "cuda" and like.dtype in HALF and like.shape[-1] % 8 == 0 and like.shape[-1] <= 256:
        own, asked = (Flash(lengths, lengths, True, like.device) for lengths in (rows, prompts))
        return Kernels(Flash(groups, prompts, False, like.device), own, asked)
    return None


class Merged(torch.autograd.Function):
    """Attention of completions, all tokens side by side, to their prompts and to themselves."""

    @staticmethod
    def forward(
        ctx: Any,
        query: Tensor,
        prompt_key: Tensor,
        prompt_value: Tensor,
        key: Tensor,
        value: Tensor,
        kernels: Kernels,
        scale: float,
    ) -> Tensor:
        """The output `[Q, H, D]` of query `[Q, H, D]`, the prompts' keys and values and the completions' own."""
        prompt = kernels.to_prompts.forward(query, prompt_key, prompt_value, scale)
        own = kernels.to_themselves.forward(query, key, value, scale)
        weight = (prompt.sums - own.sums).sigmoid().t()[..., None]
        out = own.out.to(weight.dtype).lerp(prompt.out.to(weight.dtype), weight).to(query.dtype)
        ctx.kernels, ctx.scale, ctx.states = kernels, scale, (prompt.state, own.state)
        ctx.save_for_backward(query, prompt_key, prompt_value, key, value, out, prompt.sums.logaddexp(own.sums))
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of what `forward` got."""
        query, prompt_key, prompt_value, key, value, out, sums = ctx.saved_tensors
        prompt, own = (Attended(out, sums, state) for state in ctx.states)
        gradient, kernels, scale = gradient.contiguous(), ctx.kernels, ctx.scale
        first, *of_prompts = kernels.to_prompts.backward(gradient, (query, prompt_key, prompt_value), prompt, scale)
        second, *of_own = kernels.to_themselves.backward(gradient, (query, key, value), own, scale)
        return first + second, *of_prompts, *of_own, None, None
