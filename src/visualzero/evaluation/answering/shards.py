"""Shards: the parts in which jobs share an evaluation. Shard 2-of-4 answers the second of every four batches."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, TypeVar

from visualzero.errors import UserError

Item = TypeVar("Item")


@dataclass(frozen=True)
class Shard:
    """Part `number`, from 1, of `count`."""

    number: int = 1
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> Self:
        """The shard that `text` names, as Snakemake writes it.

        Raises:
            UserError: if it is not N-of-M with N from 1 to M.
        """
        match = re.fullmatch(r"([1-9]\d*)-of-([1-9]\d*)", text)
        if not match or int(match[1]) > int(match[2]):
            raise UserError(f"--shard {text}: not a shard: write for example 2-of-4, the second of four")
        return cls(int(match[1]), int(match[2]))

    def of(self, items: Sequence[Item]) -> Sequence[Item]:
        """This shard's part of all items."""
        return items[self.number - 1 :: self.count]

    def __str__(self) -> str:
        return f"{self.number}-of-{self.count}"


WHOLE = Shard()


def shards(count: int) -> list[Shard]:
    """All of them."""
    return [Shard(number, count) for number in range(1, count + 1)]
