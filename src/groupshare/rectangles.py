"""Completions of a group as a rectangle, for attention that takes rows of one width."""

from typing import Any

import torch
from torch import Tensor


class Rectangle:
    """Ragged completions, one after the other, and the same as rows of one width."""

    def __init__(self, lengths: list[int], device: torch.device):
        self.rows, self.width, self.tokens = len(lengths), max(lengths), sum(lengths)
        inside = torch.arange(self.width) < torch.tensor(lengths)[:, None]
        self.inside = inside.flatten().to(device)
        self.place = self.inside.nonzero().squeeze(1)  # [tokens]: where in the rectangle a token stands
        self.token = (self.inside.cumsum(0) - 1).clamp(min=0)  # [rows * width]: which token stands there; padding: any

    @property
    def full(self) -> bool:
        """Whether there is no padding."""
        return self.tokens == self.rows * self.width

    def pad(self, x: Tensor) -> Tensor:
        """`[1, H, tokens, D]` as `[rows, H, width, D]`; what stands in the padding is finite and means nothing."""
        x = x[0].transpose(0, 1)
        if not self.full:
            x = _Pad.apply(x, self)
        return x.unflatten(0, (self.rows, self.width)).transpose(1, 2)

    def unpad(self, x: Tensor) -> Tensor:
        """`[rows, width, H, D]` as `[1, tokens, H, D]`."""
        x = x.flatten(0, 1)
        return (x if self.full else _Unpad.apply(x, self))[None]


class _Pad(torch.autograd.Function):
    """Both directions read rows by index; autograd's own way back would add them one at a time."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, rectangle: Rectangle) -> Tensor:
        ctx.rectangle = rectangle
        return x.index_select(0, rectangle.token)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient.index_select(0, ctx.rectangle.place), None


class _Unpad(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, rectangle: Rectangle) -> Tensor:
        ctx.rectangle = rectangle
        return x.index_select(0, rectangle.place)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        padding = ~ctx.rectangle.inside
        return gradient.index_select(0, ctx.rectangle.token).masked_fill_(padding[:, None, None], 0), None
