"""Groups in a stream: all prompts, each there once, then all completions; or completions alone, of prompts before."""

from itertools import accumulate

import torch
from torch import Tensor

from groupshare.attention import Layer, StreamAttention, attend
from groupshare.merging import Kernels, Merged, kernels_for
from groupshare.rectangles import Rectangle


class Groups(StreamAttention):
    """All prompts, then all completions, group after group. A completion attends to its prompt and to itself.

    By two kernels that are put together (merging.py). Where these can't be had, so under a window, with dropout, or on
    a GPU in float32, by one under a mask: a group's completions as a rectangle that is padded on the right to the
    longest. Padding is later than every real token, so the causal mask hides it.
    """

    def __init__(self, prompts: list[int], completions: list[list[int]], device: torch.device):
        self.prompts, self.completions = prompts, completions
        self.starts = [0, *accumulate(prompts[:-1])]
        self.tokens = [sum(lengths) for lengths in completions]
        self.given = sum(prompts)
        self.device = device
        self.kernels: dict[torch.dtype, Kernels | None] = {}
        self.rectangles: list[Rectangle] = []
        self.masks: dict[int | None, list[Tensor]] = {}  # by window

    def attend(
        self, layer: Layer, query: Tensor, key: Tensor, value: Tensor, scale: float, dropout: float = 0.0
    ) -> Tensor:
        """See `StreamAttention`."""
        query, key = query.to(value.dtype), key.to(value.dtype)  # under autocast, M-RoPE leaves float32
        prompts = [x[:, :, : self.given] for x in (query, key, value)]
        own = [x[:, :, self.given :] for x in (query, key, value)]
        kernels = None if layer.window or dropout else self._kernels(value)
        out = self._of_prompts(layer, prompts, scale, dropout, kernels)
        out += self._of_completions(layer.window, prompts[1:], own, scale, dropout, kernels)
        return torch.cat(out, dim=1)

    def _kernels(self, value: Tensor) -> Kernels | None:
        if value.dtype not in self.kernels:
            rows = [length for lengths in self.completions for length in lengths]
            self.kernels[value.dtype] = kernels_for(value, self.prompts, self.tokens, rows)
        return self.kernels[value.dtype]

    def _of_prompts(
        self, layer: Layer, inputs: list[Tensor], scale: float, dropout: float, kernels: Kernels | None
    ) -> list[Tensor]:
        """Of each prompt, or of all, what its tokens get from one another `[1, P, H, D]`."""
        masks = list(map(layer.rule.of_prompt, self.starts, self.prompts))
        if kernels and kernels.prompts and not any(mask is not None for mask in masks):
            query, key, value = (x[0].transpose(0, 1) for x in inputs)
            return [kernels.prompts.differentiable(query, key, value, scale)[None]]
        parts = zip(*(x.split(self.prompts, dim=2) for x in inputs), masks, strict=True)
        return [attend(q, k, v, scale, mask, dropout) for q, k, v, mask in parts]

    def _of_completions(
        self,
        window: int | None,
        prompts: list[Tensor],
        own: list[Tensor],
        scale: float,
        dropout: float,
        kernels: Kernels | None,
    ) -> list[Tensor]:
        """Of each group's completions, or of all, what their tokens get from prompts' keys and values and theirs."""
        if not kernels:
            return self._under_masks(window, prompts, own, scale, dropout)
        tokens = [x[0].transpose(0, 1) for x in (own[0], *prompts, *own[1:])]
        return [Merged.apply(*tokens, kernels, scale)[None]]

    def _under_masks(
        self, window: int | None, prompts: list[Tensor], own: list[Tensor], scale: float, dropout: float
    ) -> list[Tensor]:
        """What each group's completions get `[1, T, H, D]`."""
        if not self.rectangles:
            self.rectangles = [Rectangle(lengths, self.device) for lengths in self.completions]
        keys, values = (x.split(self.prompts, dim=2) for x in prompts)
        parts = zip(self.rectangles, *(x.split(self.tokens, dim=2) for x in own), keys, values, strict=True)
        out = []
        for (group, *completions, prompt_key, prompt_value), mask in zip(parts, self._masks(window), strict=True):
            query, key, value = map(group.pad, completions)
            key, value = (
                torch.cat([prompt.expand(group.rows, -1, -1, -1), x], dim=2)
                for prompt, x in ((prompt_key, key), (prompt_value, value))
            )
            out.append(group.unpad(attend(query, key, value, scale, mask, dropout)))
        return out

    def _masks(self, window: int | None) -> list[Tensor]:
        """For each group, what a completion's tokens see of the prompt and of themselves: `[width, prompt + width]`."""
        if window not in self.masks:
            self.masks[window] = []
            for prompt, group in zip(self.prompts, self.rectangles, strict=True):
                mask = torch.ones(group.width, prompt + group.width, dtype=torch.bool, device=self.device).tril(prompt)
                self.masks[window].append(mask if window is None else mask.triu(prompt - window + 1))
        return self.masks[window]


class Continued(Groups):
    """The completions of groups alone: `kept` has keys and values `[1, H_kv, P, D]` of each prompt, by layer.

    A prompt's last token is there too, but begins each of its completions; so it isn't attended to in the prompt.
    """

    def __init__(self, groups: Groups, kept: list[list[tuple[Tensor, Tensor]]]):
        super().__init__(groups.prompts, groups.completions, groups.device)
        self.kept = kept
        self.given = 0

    def attend(
        self, layer: Layer, query: Tensor, key: Tensor, value: Tensor, scale: float, dropout: float = 0.0
    ) -> Tensor:
        """See `StreamAttention`."""
        own = [query.to(value.dtype), key.to(value.dtype), value]
        before = [prompt[layer.index] for prompt in self.kept]
        prompts = [
            torch.cat([both[side][:, :, :length] for both, length in zip(before, self.prompts, strict=True)], dim=2)
            for side in (0, 1)
        ]
        kernels = None if layer.window or dropout else self._kernels(value)
        return torch.cat(self._of_completions(layer.window, prompts, own, scale, dropout, kernels), dim=1)
