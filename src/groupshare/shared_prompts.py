"""Keys and values of rows that share prompts: a prompt's are there once for its group."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from groupshare.attention import Layer, attend_apart
from groupshare.caches import BUCKET, Prefilled, Rows, as_scores, own_mask, put

ROOM = 32  # tokens that rows get more room for at least, when they need more


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
        self.uneven = min(self.prompts) < self.layers[0].prompt_keys.shape[2]  # longer ones may have left
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
                more = min(max(BUCKET if self.fixed else ROOM, oldest), self.new - oldest)
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
        put(cache.keys, self.places, key)
        put(cache.values, self.places, value)
        reach = min(self.reach, cache.keys.shape[2])
        if layer.window not in self.own_masks:
            self.own_masks[layer.window] = own_mask(self.here, layer.window, reach, query.dtype)
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
                self.whole = as_scores(hidden, dtype)[:, None, None]
            return self.whole
        if window not in self.masks:
            hidden = hidden[:, None] | (places <= self._first_seen(window)[..., None])  # [N, S, P]
            self.masks[window] = as_scores(hidden.repeat_interleave(repeats, dim=1), dtype)[:, None]
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
