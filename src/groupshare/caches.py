"""Keys and values of the rows that are decoded together, in memory that is written in place.

A step decodes one token for each row. How long a row is stands in tensors on the device as well as in lists here, so
that a step asks the device nothing, and has the same shapes until rows come or go.
"""

from abc import abstractmethod
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from groupshare.attention import Layer, StreamAttention, attend_apart

ROOM = 32  # tokens that rows which share prompts get more room for at least, when they need more
BUCKET = 64  # where steps are recorded, attention reaches to a multiple of so many tokens


@dataclass(frozen=True)
class Prefilled:
    """Prompts that have been computed: for each layer and prompt keys and values `[H_kv, P, D]`."""

    lengths: list[int]
    keys: list[list[Tensor]]
    values: list[list[Tensor]]


class Rows(StreamAttention):
    """The rows at hand. `fixed` keeps to shapes and addresses that a recorded step can be replayed with."""

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
        _put(keys, self.places, key)
        _put(values, self.places, value)
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
                self.masks[window] = _own_mask(self.here, window, reach, dtype)
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


def _put(memory: Tensor, places: Tensor, new: Tensor) -> None:
    """Write `[1, H, M, D]` to places of `[rows, H, tokens, D]`, which are counted over all but the last axis."""
    memory.view(-1, memory.shape[-1]).index_copy_(0, places, new[0].transpose(0, 1).flatten(0, 1))


def _own_mask(at: Tensor, window: int | None, reach: int, dtype: torch.dtype) -> Tensor:
    """What hides places after each row's own `at` `[M]`, and those before its window; `[M, 1, 1, reach]`."""
    places = torch.arange(reach, device=at.device)
    hidden = places > at[:, None]
    if window is not None:
        hidden |= places <= at[:, None] - window
    return torch.zeros(hidden.shape, dtype=dtype, device=at.device).masked_fill(hidden, float("-inf"))[:, None, None]


@dataclass
class _Cache:
    """Keys and values `[rows or prompts, H_kv, tokens, D]`."""

    prompt_keys: Tensor
    prompt_values: Tensor
    keys: Tensor
    values: Tensor


class SharedPrompts(Rows):
    """Rows whose prompt is there once for their group; each row keeps what it has written.

    The rows of a group read their prompt's keys and values as one matrix product, each row reads its own completion,
    and the two are merged with their log-sum-exps.
    """

    def __init__(self, new: int, fixed: bool = False):
        super().__init__(new, fixed)
        self.prompts: list[int] = []  # tokens of each prompt
        self.owners: list[int] = []  # each row's prompt
        self.ages: list[int] = []  # tokens that each row has written into its cache
        self.layers: list[_Cache] = []

    def reseat(self, gone: set[int], prompts: Prefilled | None, owners: Sequence[int]) -> list[int]:
        """See `Rows`; rows keep their order, with those of a group together."""
        before = len(self.ages)
        stay = [row for row in range(before) if row not in gone]
        if len(stay) < before:
            self._keep(stay)
        if prompts:
            self._come(prompts, owners)
        if self.ages:
            self._seat()
        self.made += 1
        return [*stay, *range(before, before + len(owners))]

    def _keep(self, stay: list[int]) -> None:
        """Go on with these rows, and with the prompts that they need."""
        used = sorted({self.owners[row] for row in stay})
        device = self.layers[0].keys.device
        rows, lines = torch.tensor(stay, dtype=torch.long, device=device), torch.tensor(used, device=device)
        for layer in self.layers:
            layer.keys, layer.values = layer.keys[rows], layer.values[rows]
            if used and len(used) < len(self.prompts):
                layer.prompt_keys, layer.prompt_values = layer.prompt_keys[lines], layer.prompt_values[lines]
        self.owners = [used.index(self.owners[row]) for row in stay]
        self.ages = [self.ages[row] for row in stay]
        self.prompts = [self.prompts[line] for line in used]
        if not used:
            self.layers = []

    def _come(self, prompts: Prefilled, owners: Sequence[int]) -> None:
        first = not self.layers
        for index, sides in enumerate(zip(prompts.keys, prompts.values, strict=True)):
            keys, values = (
                pad_sequence([x.transpose(0, 1) for x in side], batch_first=True).transpose(1, 2).contiguous()
                for side in sides
            )
            if first:
                empty = keys.new_empty(len(owners), keys.shape[1], 0, keys.shape[3])
                self.layers.append(_Cache(keys, values, empty, empty))
                continue
            layer = self.layers[index]
            layer.prompt_keys, layer.prompt_values = (
                _under(layer.prompt_keys, keys),
                _under(layer.prompt_values, values),
            )
            room = layer.keys.new_zeros(len(owners), *layer.keys.shape[1:])
            layer.keys, layer.values = torch.cat([layer.keys, room]), torch.cat([layer.values, room])
        self.owners += [len(self.prompts) + owner for owner in owners]
        self.prompts += prompts.lengths
        self.ages += [0] * len(owners)

    def _seat(self) -> None:
        """Seats in a table with a line per prompt, as long as the largest group, so that a line is one product."""
        sizes = Counter(self.owners)
        first = {owner: row for row, owner in reversed(list(enumerate(self.owners)))}
        self.width = max(sizes.values())
        device = self.layers[0].keys.device
        self.seat_of_row = torch.tensor(
            [owner * self.width + row - first[owner] for row, owner in enumerate(self.owners)], device=device
        )
        self.row_of_seat = torch.tensor(  # [N * S]; an empty one: any of the line
            [
                first[line] + min(seat, sizes[line] - 1)
                for line in range(len(self.prompts))
                for seat in range(self.width)
            ],
            device=device,
        )
        self.lengths = torch.tensor(self.prompts, device=device)
        self.uneven = len(set(self.prompts)) > 1
        self.whole: Tensor | None = None  # the mask without a window
        self._placed(self.ages, device)

    @property
    def reach(self) -> int:
        """See `Rows`."""
        return self.layers[0].keys.shape[2] if self.fixed else max(self.ages) + 1

    def make_room(self) -> None:
        """See `Rows`."""
        oldest = max(self.ages)
        if self.layers[0].keys.shape[2] <= oldest < self.new:
            self.made += 1
            for layer in self.layers:
                more = min(max(ROOM, oldest), self.new - oldest)
                room = layer.keys.new_zeros(*layer.keys.shape[:2], more, layer.keys.shape[3])
                layer.keys, layer.values = (torch.cat([x, room], dim=2) for x in (layer.keys, layer.values))

    def begin(self) -> None:
        """See `Rows`."""
        self.masks.clear()
        self.own_masks: dict[int | None, Tensor] = {}
        self.alike = not self.fixed and len(set(self.ages)) == 1
        _, heads, tokens, _ = self.layers[0].keys.shape
        self.here = self.at[: len(self.ages)].clamp(max=tokens - 1)
        if not self.alike:
            lines = torch.arange(len(self.ages) * heads, device=self.here.device) * tokens
            self.places = (lines.view(-1, heads) + self.here[:, None]).flatten()

    def count(self) -> None:
        """See `Rows`."""
        self.ages = [age + 1 for age in self.ages]

    def attend(
        self, layer: Layer, query: Tensor, key: Tensor, value: Tensor, scale: float, dropout: float = 0.0
    ) -> Tensor:
        """See `StreamAttention`; here T is the number of rows M, and nothing is dropped."""
        query, key = query.to(value.dtype), key.to(value.dtype)  # under autocast, M-RoPE leaves float32
        cache = self.layers[layer.index]
        rows, kv_heads = key.shape[2], key.shape[1]
        query = query[0].transpose(0, 1).unflatten(1, (kv_heads, -1)) * scale  # [M, H_kv, H / H_kv, D]
        own_out, own_sum = self._own(layer, cache, query, key, value)

        seated = query[self.row_of_seat].unflatten(0, (len(self.prompts), -1)).transpose(1, 2)  # [N, H_kv, S, rep, D]
        shape = seated.shape[2:4]
        mask = self._seen(layer.window, shape[1], query.dtype)
        shared = attend_apart(seated.flatten(2, 3), cache.prompt_keys, cache.prompt_values, mask)
        shared_out, shared_sum = (x.unflatten(2, shape).transpose(1, 2).flatten(0, 1)[self.seat_of_row] for x in shared)
        weight = (shared_sum - own_sum).sigmoid()[..., None]
        if layer.window is not None:  # a prompt may have left the window as a whole
            gone = self._past(layer.window)[:, None, None, None]
            weight, shared_out = weight.masked_fill(gone, 0), shared_out.masked_fill(gone, 0)
        merged = own_out.to(weight.dtype).lerp(shared_out.to(weight.dtype), weight)
        return merged.to(value.dtype).reshape(1, rows, -1, query.shape[-1])

    def _own(self, layer: Layer, cache: _Cache, query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Attention of each row to what it has written, this token among it."""
        if self.alike:
            age = min(self.ages[0], cache.keys.shape[2] - 1)
            cache.keys[:, :, age], cache.values[:, :, age] = key[0].transpose(0, 1), value[0].transpose(0, 1)
            so_far = slice(max(0, age + 1 - (layer.window or age + 1)), age + 1)
            return attend_apart(query, cache.keys[:, :, so_far], cache.values[:, :, so_far])
        _put(cache.keys, self.places, key)
        _put(cache.values, self.places, value)
        reach = min(self.reach, cache.keys.shape[2])
        if layer.window not in self.own_masks:
            self.own_masks[layer.window] = _own_mask(self.here, layer.window, reach, query.dtype)
        mask = self.own_masks[layer.window]
        return attend_apart(query, cache.keys[:, :, :reach], cache.values[:, :, :reach], mask)

    def _seen(self, window: int | None, repeats: int, dtype: torch.dtype) -> Tensor | None:
        """What is added to scores so that only a prompt's tokens within the window are seen; None: all are.

        `[N, 1, 1, P]`, until rows come or go; with a window `[N, 1, S * repeats, P]`, for a step.
        """
        if window is None and not self.uneven:
            return None
        places = torch.arange(self.layers[0].prompt_keys.shape[2], device=self.lengths.device)
        hidden = places >= self.lengths[:, None]
        if window is None:
            if self.whole is None:
                zeros = torch.zeros(hidden.shape, dtype=dtype, device=hidden.device)
                self.whole = zeros.masked_fill(hidden, float("-inf"))[:, None, None]
            return self.whole
        if window not in self.masks:
            hidden = hidden[:, None] | (places <= self._first_seen(window)[..., None])  # [N, S, P]
            zeros = torch.zeros(hidden.shape, dtype=dtype, device=hidden.device).masked_fill(hidden, float("-inf"))
            self.masks[window] = zeros.repeat_interleave(repeats, dim=1)[:, None]
        return self.masks[window]

    def _first_seen(self, window: int) -> Tensor:
        """The last place of a prompt that its window has left, for each seat `[N, S]`."""
        ages = self.here[self.row_of_seat].view(len(self.prompts), -1)
        return self.lengths[:, None] + ages - window

    def _past(self, window: int) -> Tensor:
        """Whether a row's window has left its prompt `[M]`."""
        gone = self._first_seen(window) >= self.lengths[:, None] - 1
        return gone.flatten()[self.seat_of_row]


def _under(above: Tensor, below: Tensor) -> Tensor:
    """Prompts' keys or values `[N, H, P, D]` of two tables in one, filled up with zeros to one length."""
    length = max(above.shape[2], below.shape[2])
    return torch.cat([F.pad(x, (0, 0, 0, length - x.shape[2])) for x in (above, below)])
