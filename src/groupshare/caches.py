"""Keys and values of the rows that are decoded together, in memory that is written in place.

A step decodes one token for each row. How long a row is stands in tensors on the device as well as in lists here, so
that a step asks the device nothing, and has the same shapes until rows come or go.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import torch
from torch import Tensor
from torch.nn import functional as F

from groupshare.attention import Layer, StreamAttention

BUCKET = 256  # where steps are recorded, attention reaches to a multiple of so many tokens: to record takes a while


@dataclass(frozen=True)
class Prefilled:
    """Prompts that have been computed: for each layer and prompt keys and values `[H_kv, P, D]`."""

    lengths: list[int]
    keys: list[list[Tensor]]
    values: list[list[Tensor]]


class Rows(StreamAttention):
    """The rows at hand. `fixed` keeps to shapes and addresses that a recorded step can be replayed with."""

    written = True

    def __init__(self, new: int, fixed: bool = False):
        self.new = new  # tokens that a row gets at most
        self.fixed = fixed
        self.made = 0  # how often memory was taken: what was recorded before is of no use
        self.at: Tensor = torch.empty(0)  # [rows]: where each row's next token goes
        self.masks: dict[int | None, Tensor | None] = {}  # of the step at hand, by window

    @abstractmethod
    def reseat(self, gone: set[int], prompts: Prefilled | None, owners: Sequence[int]) -> list[int]:
        """Let the rows `gone` leave, and let a row come for each of `owners`, which are numbers of its prompt.

        Returns, for each row that is there now, its number among those that were there followed by those that come.
        """

    def make_room(self) -> None:
        """Before each step, recorded or not."""

    @abstractmethod
    def begin(self) -> None:
        """At the start of a step: make what all of its layers use."""

    def end(self) -> None:
        """At the end of a step: each row's next token goes one place on."""
        self.at += 1

    @abstractmethod
    def count(self) -> None:
        """After each step, recorded or not: each row has a token more."""

    @property
    @abstractmethod
    def reach(self) -> int:
        """Tokens that attention of the step at hand reaches over."""

    def _placed(self, at: Sequence[int], device: torch.device) -> None:
        """Put where rows stand into memory that stays where it is as long as it is large enough."""
        if len(self.at) < len(at) or self.at.device != device:
            self.at = torch.zeros(len(at), dtype=torch.long, device=device)
            self.made += 1
        self.at[: len(at)] = torch.tensor(at, device=device)


class Lines(Rows):
    """A line of memory for each row: its prompt, then what it has written. A row that comes takes an old one's line."""

    def __init__(self, rows: int, new: int, fixed: bool = False):
        super().__init__(new, fixed)
        self.rows = rows  # that there may be
        self.filled: list[int] = []  # tokens in each line
        self.reached = 0  # of the step at hand
        self.layers: list[tuple[Tensor, Tensor]] = []  # keys and values [rows, H_kv, tokens, D]

    def reseat(self, gone: set[int], prompts: Prefilled | None, owners: Sequence[int]) -> list[int]:
        """See `Rows`."""
        before = len(self.filled)
        order = refilled(before, gone, len(owners))
        if prompts:
            self._take(prompts)
        if not order:
            self.filled = []
            return order
        device = self.layers[0][0].device
        if moved := [(place, row) for place, row in enumerate(order) if row < before and row != place]:
            into, rows = (torch.tensor(side, device=device) for side in zip(*moved, strict=True))
            for memory in chain.from_iterable(self.layers):
                memory[into] = memory[rows]
        lengths = [self.filled[row] if row < before else 0 for row in order]
        for place, row in enumerate(order):
            if prompts and row >= before:
                owner = owners[row - before]
                lengths[place] = length = prompts.lengths[owner]
                for (keys, values), new_keys, new_values in zip(self.layers, prompts.keys, prompts.values, strict=True):
                    keys[place, :, :length], values[place, :, :length] = new_keys[owner], new_values[owner]
        self.filled = lengths
        self._placed(lengths, device)
        return order

    def _take(self, prompts: Prefilled) -> None:
        """Take memory for the longest prompt and what its row may write. Zeros: what is masked must be finite."""
        tokens = max(prompts.lengths) + self.new
        if not self.layers:
            self.made += 1
            for keys, values in zip(prompts.keys, prompts.values, strict=True):
                heads, _, size = keys[0].shape
                keys_here, values_here = (x[0].new_zeros(self.rows, heads, tokens, size) for x in (keys, values))
                self.layers.append((keys_here, values_here))
        elif (lacking := tokens - self.layers[0][0].shape[2]) > 0:
            self.made += 1
            self.layers = [
                (F.pad(keys, (0, 0, 0, lacking)), F.pad(values, (0, 0, 0, lacking))) for keys, values in self.layers
            ]

    @property
    def reach(self) -> int:
        """See `Rows`."""
        reach, most = max(self.filled) + 1, self.layers[0][0].shape[2]
        return min(-(-reach // BUCKET) * BUCKET if self.fixed else reach, most)

    def begin(self) -> None:
        """See `Rows`. A row that has ended and is still there goes on in the last place of its line."""
        _, heads, tokens, _ = self.layers[0][0].shape
        self.reached = self.reach
        self.here = self.at[: len(self.filled)].clamp(max=tokens - 1)
        lines = torch.arange(len(self.filled) * heads, device=self.here.device) * tokens
        self.places = (lines.view(-1, heads) + self.here[:, None]).flatten()
        self.masks.clear()

    def count(self) -> None:
        """See `Rows`."""
        self.filled = [tokens + 1 for tokens in self.filled]

    def attend(
        self, layer: Layer, query: Tensor, key: Tensor, value: Tensor, scale: float, dropout: float = 0.0
    ) -> Tensor:
        """See `StreamAttention`; here T is the number of rows M, and nothing is dropped."""
        query, key = query.to(value.dtype), key.to(value.dtype)  # under autocast, M-RoPE leaves float32
        keys, values = self.layers[layer.index]
        rows, heads, reach = key.shape[2], key.shape[1], self.reached
        put(keys, self.places, key)
        put(values, self.places, value)
        queries = query[0].transpose(0, 1).unflatten(1, (heads, -1))  # [M, H_kv, H / H_kv, D]
        mask = self._seen(layer.window, reach, value.dtype)
        out = F.scaled_dot_product_attention(
            queries, keys[:rows, :, :reach], values[:rows, :, :reach], attn_mask=mask, scale=scale
        )
        return out.reshape(1, rows, -1, query.shape[-1])

    def _seen(self, window: int | None, reach: int, dtype: torch.dtype) -> Tensor | None:
        """What is added to scores `[M, 1, 1, reach]`: made once for all layers of a token."""
        if window not in self.masks:
            self.masks[window] = None
            if self.fixed or window is not None or len(set(self.filled)) > 1:
                self.masks[window] = own_mask(self.here, window, reach, dtype)
        return self.masks[window]


def refilled(rows: int, gone: set[int], come: int) -> list[int]:
    """Who sits where if those that come (numbered from `rows` on) take the seats of those that are gone.

    What is left free then is closed by rows from the end, so that few have to move.

    >>> refilled(5, {0, 1, 4}, 1)
    [5, 3, 2]
    >>> refilled(2, {0}, 3)
    [2, 1, 3, 4]
    """
    order, free = list(range(rows)), sorted(gone)
    taken = min(len(free), come)
    for seat, row in zip(free[:taken], range(rows, rows + taken), strict=True):
        order[seat] = row
    order += range(rows + taken, rows + come)
    free = free[taken:]
    stay = len(order) - len(free)
    movers = [seat for seat in range(stay, len(order)) if seat not in free]
    for seat, mover in zip((seat for seat in free if seat < stay), movers, strict=True):
        order[seat] = order[mover]
    return order[:stay]


def put(memory: Tensor, places: Tensor, new: Tensor) -> None:
    """Write `[1, H, M, D]` to places of `[rows, H, tokens, D]`, which are counted over all but the last axis."""
    memory.view(-1, memory.shape[-1]).index_copy_(0, places, new[0].transpose(0, 1).flatten(0, 1))


def own_mask(at: Tensor, window: int | None, reach: int, dtype: torch.dtype) -> Tensor:
    """What hides places after each row's own `at` `[M]`, and those before its window; `[M, 1, 1, reach]`."""
    places = torch.arange(reach, device=at.device)
    hidden = places > at[:, None]
    if window is not None:
        hidden |= places <= at[:, None] - window
    return as_scores(hidden, dtype)[:, None, None]


def as_scores(hidden: Tensor, dtype: torch.dtype) -> Tensor:
    """What is added to scores `[..., K]` to hide some; a row begins at a multiple of 8, as kernels on GPUs ask for."""
    keys = hidden.shape[-1]
    room = torch.zeros(*hidden.shape[:-1], -(-keys // 8) * 8, dtype=dtype, device=hidden.device)
    return room[..., :keys].masked_fill_(hidden, float("-inf"))
