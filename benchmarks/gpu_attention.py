"""Attention of one layer of Qwen2-VL-2B over groups in a stream, by three kernels: forward and backward."""

from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention.flex_attention import create_block_mask, flex_attention
from transformers.masking_utils import causal_mask_function

from groupshare.attention import Layer, Rule
from groupshare.groups import Groups

HEADS, KV_HEADS, SIZE = 12, 2, 128
GROUPS, REPEATS = 2, 15


def attention(device: str, prompts: list[int], new: int) -> Iterator[dict[str, Any]]:
    """Milliseconds, MiB above the inputs, and the error against float64, for each kernel and length of prompt."""
    for prompt in prompts:
        lengths = [[new // 2, new, new * 3 // 2, new] * 2] * GROUPS  # eight completions each, not of one length
        dtype = torch.bfloat16 if device == "cuda" else torch.float32
        inputs = _inputs([prompt] * GROUPS, lengths, dtype, device)
        exact = _run(
            _by_groups(prompt, lengths, device, masks=True), [x.detach().double().requires_grad_() for x in inputs]
        )
        for name, way in {
            "sdpa with a mask": _by_groups(prompt, lengths, device, masks=True),
            "two kernels merged": _by_groups(prompt, lengths, device, masks=False),
            "flex attention": _by_flex(prompt, lengths, device),
        }.items():
            try:
                yield {"kernel": name, "prompt": prompt, **_measured(way, inputs, exact, device)}
            except Exception as error:  # a kernel that isn't there is a finding, and no reason to end
                yield {"kernel": name, "prompt": prompt, "failed": str(error).strip().partition("\n")[0][:200]}


def _inputs(prompts: list[int], lengths: list[list[int]], dtype: torch.dtype, device: str) -> list[Tensor]:
    draw = torch.Generator(device).manual_seed(0)
    tokens = sum(prompts) + sum(map(sum, lengths))
    return [
        torch.randn(1, tokens, heads, SIZE, device=device, generator=draw).to(dtype).requires_grad_()
        for heads in (HEADS, KV_HEADS, KV_HEADS)
    ]


def _by_groups(prompt: int, lengths: list[list[int]], device: str, masks: bool) -> Callable[..., Tensor]:
    """As the package does; with `masks` as it does where its two kernels can't be had."""
    groups = Groups([prompt] * GROUPS, lengths, torch.device(device))
    if masks:
        groups.kernels = dict.fromkeys((torch.bfloat16, torch.float32, torch.float64), None)
    layer = Layer(0, Rule(groups, causal_mask_function, False, torch.device(device)), None)

    def way(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        return groups.attend(layer, *(x.transpose(1, 2) for x in (query, key, value)), SIZE**-0.5)

    return way


def _by_flex(prompt: int, lengths: list[list[int]], device: str) -> Callable[..., Tensor]:
    """FlexAttention over the whole stream, compiled, with a mask that says for each token where it belongs."""
    given = prompt * GROUPS
    flat = [length for group in lengths for length in group]
    group_of = torch.cat(
        [torch.arange(GROUPS).repeat_interleave(prompt), *(torch.full((sum(its),), i) for i, its in enumerate(lengths))]
    )
    row_of = torch.cat([torch.full((given,), -1), torch.arange(len(flat)).repeat_interleave(torch.tensor(flat))])
    group_of, row_of = group_of.to(device), row_of.to(device)

    def seen(batch: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        same = (group_of[query] == group_of[key]) & (query >= key)
        return same & ((row_of[key] < 0) | (row_of[key] == row_of[query]))

    tokens = len(group_of)
    mask = create_block_mask(seen, None, None, tokens, tokens, device=device)
    compiled = torch.compile(flex_attention, dynamic=False) if device == "cuda" else flex_attention

    def way(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        query, key, value = (x.transpose(1, 2) for x in (query, key, value))
        out: Tensor = compiled(query, key, value, block_mask=mask, enable_gqa=True, scale=SIZE**-0.5)
        return out.transpose(1, 2)

    return way


def _run(way: Callable[..., Tensor], inputs: list[Tensor]) -> list[Tensor]:
    """The output and the gradients of a sum that weighs it."""
    out = way(*inputs)
    weights = torch.linspace(-1, 1, out.numel(), device=out.device, dtype=torch.float32).view_as(out).to(out.dtype)
    return [out.detach(), *torch.autograd.grad(out, inputs, weights)]


def _measured(way: Callable[..., Tensor], inputs: list[Tensor], exact: list[Tensor], device: str) -> dict[str, Any]:
    found = _run(way, inputs)
    apart = [float((a.double() - b).norm() / b.norm()) for a, b in zip(found, exact, strict=True)]
    del found
    figure = {"error": apart[0], "gradient_error": max(apart[1:])}
    if device != "cuda":
        return figure
    held = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    _run(way, inputs)
    peak = (torch.cuda.max_memory_allocated() - held) / 2**20
    times = []
    for _ in range(REPEATS):
        begun, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begun.record()
        _run(way, inputs)
        ended.record()
        torch.cuda.synchronize()
        times.append(begun.elapsed_time(ended))
    return {"ms": median(times), "peak_mib": peak, **figure}
