"""A model goes on from altered thoughts: to whoever draws samples, each is a question with a longer prompt."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypedDict

from visualzero.causes.drawing import Samples, Window
from visualzero.causes.thoughts import Altered
from visualzero.evaluation.answering.asking import Batch, portions

Draw = Callable[[Iterable[Window]], Iterator[list[Samples]]]
"""Many answers to each question of each window, one window after another."""


class Continued(TypedDict):
    """Of one question by kind: the `prefix` that was gone on from, what was exchanged in it (`by`), and `Samples`."""

    altered: dict[str, dict[str, Any]]


def go_on(batches: Iterable[Batch], altered: Altered, draw: Draw, size: int) -> Iterator[list[Continued]]:
    """What a model writes from the altered thoughts of each question of each batch; those of `size` share a seed."""
    given = list(batches)
    asked = ([_from(some, altered) for some in portions(batch, size)] for batch in given)
    for batch, drawn in zip(given, draw(asked), strict=True):
        samples = iter(drawn)
        yield [
            {
                "altered": {
                    kind: {"prefix": prefix.text, "by": prefix.by, **next(samples)}
                    for kind, prefix in altered[one.id].items()
                }
            }
            for one in batch
        ]


def _from(batch: Batch, altered: Altered) -> Batch:
    """Questions with each of what has been said; with ids of their own, which the random numbers hang on."""
    return [
        one._replace(id=f"{one.id}\n{kind}", prompt=one.prompt + prefix.text)
        for one in batch
        for kind, prefix in altered[one.id].items()
    ]
