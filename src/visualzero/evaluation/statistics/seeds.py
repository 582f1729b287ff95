"""What several seeds of a run say together about the difference of two arms."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from visualzero.evaluation.statistics.crossed import Crossed, crossed
from visualzero.evaluation.statistics.paired import ScoreRows, differences
from visualzero.evaluation.statistics.power import detectable_again, spread_of
from visualzero.evaluation.statistics.shares import Floats, Interval


@dataclass(frozen=True)
class SeedsDifference:
    """Accuracy of a minus that of b, as a mean over seeds with each seed's own value.

    `interval` and `p_value` are one test over seeds and questions (`crossed.py`). `seed_error` and `question_error` are
    the two parts of the standard `error`, whose squares add up. `mde` is the true difference that such a study finds
    with 80 % power, by the spread of these seeds. `spread` is what `visualzero power` plans with.
    """

    difference: float
    values: tuple[float, ...]
    error: float
    interval: Interval
    p_value: float
    mde: float | None
    seed_error: float
    question_error: float
    spread: dict[str, float]
    n: int
    n_images: int


def seeds_difference(pairs: Sequence[tuple[ScoreRows, ScoreRows]]) -> SeedsDifference:
    """Compare two arms over at least two seeds; `pairs` are the score rows of a and b under each seed.

    Raises:
        ValueError: if the rows aren't all about the same questions, each once.
    """
    values = by_seed([differences(a, b) for a, b in pairs])
    return of_crossed(crossed(values, [row["image_id"] for row in pairs[0][0]], (-1.0, 1.0)), values.shape[1])


def by_seed(each: Sequence[dict[str, int]]) -> Floats:
    """Values by question of each seed as an array, seeds x questions, in the order of the first.

    Raises:
        ValueError: if the seeds' questions differ.
    """
    if any(values.keys() != each[0].keys() for values in each):
        raise ValueError("seeds are compared on the same questions")
    return np.array([[values[name] for name in each[0]] for values in each], dtype=np.float64)


def of_crossed(found: Crossed, n: int) -> SeedsDifference:
    """What `crossed` found of differences on `n` questions."""
    spread = spread_of(found, n)
    return SeedsDifference(
        difference=found.mean,
        values=found.values,
        error=found.error,
        interval=found.interval,
        p_value=found.p_value,
        mde=detectable_again(found),
        seed_error=found.seed_variance**0.5,
        question_error=found.question_variance**0.5,
        spread={"seeds": spread.seeds, "shared": spread.shared, "single": spread.single},
        n=n,
        n_images=found.clusters,
    )
