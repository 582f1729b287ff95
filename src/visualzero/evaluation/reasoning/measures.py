"""Small measures over samples; each is None where there is nothing to measure."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

from visualzero.evaluation.reasoning.thoughts import Sample


def share(flags: Collection[bool]) -> float | None:
    """The share of flags that are set."""
    return sum(flags) / len(flags) if flags else None


def spread(values: Sequence[int]) -> dict[str, Any]:
    """Number, mean, median and 95th percentile (linear between ranks)."""
    if not values:
        return {"n": 0, "mean": None, "median": None, "p95": None}
    return {
        "n": len(values),
        "mean": float(np.mean(values)),
        "median": float(np.median(values)),
        "p95": float(np.percentile(values, 95)),
    }


def by_outcome(samples: Sequence[Sample], measure: Callable[[Sequence[Sample]], Any]) -> dict[str, Any]:
    """A measure of all samples, of those that are scored correct, and of the others."""
    return {
        "all": measure(samples),
        "correct": measure([sample for sample in samples if sample.correct]),
        "incorrect": measure([sample for sample in samples if not sample.correct]),
    }
