"""Sight first: the vision tower learns to say which objects are where before any text is read.

A reader that is thrown away afterwards asks the tower's tokens about each of the names that an object can have: is
there one, and in which tenths of the ground does it stand? From captions alone, through the language model, the same
takes several times as many images.
"""

import random
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from visualzero.data.toyspace.scene import Scene
from visualzero.models.tiny.places import DIGITS, NAMES, across, away
from visualzero.models.tiny.pools import GRID, IMAGE_TOKENS, Pool, patchify

NOBODY = -100  # the place of a name that no object has


class Sight(nn.Module):
    """A Qwen2-VL vision tower, and a reader of its tokens that attends once for each name.

    The reader isn't told which token is which part of the image: neither is the language model, so each token has to
    say itself where it is.
    """

    def __init__(self, tower: nn.Module, width: int, heads: int = 6) -> None:
        super().__init__()
        self.tower = tower
        self.names = nn.Parameter(torch.randn(len(NAMES), width) * 0.5)
        self.norm = nn.RMSNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.told = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, 1 + 2 * DIGITS))

    def forward(self, pixel_values: Tensor) -> Tensor:
        """Logits of presence, digit across and digit away for each name, [images, names, 1 + 2 x 10]."""
        n = len(pixel_values) // GRID**2
        grid = torch.tensor([[1, GRID, GRID]] * n)
        tokens = self.tower(pixel_values, grid_thw=grid).pooler_output.view(n, IMAGE_TOKENS, -1)
        asked = self.names.expand(n, -1, -1)
        tokens = self.norm(tokens)
        found, _ = self.attention(asked, tokens, tokens, need_weights=False)
        return self.told(found)


def places_of(scenes: list[Scene]) -> Tensor:
    """For each scene and name the digits across and away of the object so called, or `NOBODY`; [scenes, names, 2]."""
    places = torch.full((len(scenes), len(NAMES), 2), NOBODY)
    for row, scene in enumerate(scenes):
        for thing in scene:
            places[row, NAMES.index(thing.name)] = torch.tensor([across(thing), away(thing)])
    return places


def sight_loss(logits: Tensor, places: Tensor) -> Tensor:
    """Presence of every name, and both digits of those that are there."""
    there = (places[..., 0] != NOBODY).float()
    present = binary_cross_entropy_with_logits(logits[..., 0], there)
    digits = (
        cross_entropy(logits[..., 1 + k * DIGITS : 1 + (k + 1) * DIGITS].flatten(0, 1), places[..., k].flatten())
        for k in range(2)
    )
    return 4 * present + sum(digits)


@torch.no_grad()
def sight_measures(logits: Tensor, places: Tensor) -> str:
    """Share of present names that are found, of absent ones that are seen all the same, and of right digits."""
    there = places[..., 0] != NOBODY
    found = logits[..., 0] > 0
    digits = torch.stack([logits[..., 1 + k * DIGITS : 1 + (k + 1) * DIGITS].argmax(-1) for k in range(2)], -1)
    right = (digits == places)[there].float().mean(0)
    return (
        f"found {found[there].float().mean():.1%}, imagined {found[~there].float().mean():.2%}, "
        f"digits {right[0]:.1%} and {right[1]:.1%}"
    )


def sight_batches(pool: Pool, batch: int, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless pixel values and places."""
    rng = random.Random(f"sight/{seed}")
    while True:
        order = rng.sample(range(len(pool.asked)), len(pool.asked))
        for start in range(0, len(order) - batch + 1, batch):
            rows = order[start : start + batch]
            yield patchify(pool.images[rows]), places_of([pool.asked[i].scene for i in rows])
