"""A model goes on from altered thoughts: to whoever draws samples, each is a question with a longer prompt."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypedDict

from visualzero.causes.drawing import Samples
from visualzero.causes.thoughts import Altered
from visualzero.evaluation.answering.asking import Asked, Batch

Draw = Callable[[Iterable[Batch]], Iterator[list[Samples]]]
"""Many answers to each question of each batch, one batch after another."""


class Continued(TypedDict):
    """Of one question by kind: the `prefix` that was gone on from, what was exchanged in it (`by`), and `Samples`."""

    altered: dict[str, dict[str, Any]]


def go_on(batches: Iterable[Batch], altered: Altered, draw: Draw) -> Iterator[list[Continued]]:
    """What a model writes from the altered thoughts of each question of each batch."""
    given = list(batches)
    asked = ([_from(one, kind, altered) for one in batch for kind in altered[one.id]] for batch in given)
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


def _from(one: Asked, kind: str, altered: Altered) -> Asked:
    """The question with what has been said; with an id of its own, which the random numbers hang on."""
    return one._replace(id=f"{one.id}\n{kind}", prompt=one.prompt + altered[one.id][kind].text)
