"""The courses of all arms, for the figure that has them on common axes: means over seeds and their bands."""

from collections.abc import Iterable, Iterator
from functools import reduce

import numpy as np

from visualzero.report.curves import Course
from visualzero.report.figures import POINTS, Floats, Panel, mean_band
from visualzero.report.sample_set import Json


def traces(courses: Iterable[Course]) -> Json:
    """`quantities` with a title and, for each, the traces by arm.

    A trace has `seeds`, `steps`, the `mean` over its seeds at these and, from three seeds on, the interval's `low` and
    `high`. Values are running means, as in the panels, with four digits.
    """
    found: dict[str, Json] = {}
    for course in sorted(courses, key=lambda course: -len(course.panels)):  # that with most gives the order
        for key, panel in course.panels.items():
            quantity = found.setdefault(key, {"title": panel.title, "arms": {}})
            quantity["arms"][course.arm.name] = _trace(panel)
    return {"quantities": list(found.values())}


def by_arm(found: Json) -> Iterator[Json]:
    """Each trace of those, with its `quantity` and `arm`."""
    for quantity in found["quantities"]:
        for arm, trace in quantity["arms"].items():
            yield {"quantity": quantity["title"], "arm": arm, **trace}


def _trace(panel: Panel) -> Json:
    runs = [(line.steps, line.course) for line in panel.lines]
    shared = reduce(np.intersect1d, [steps for steps, _ in runs])
    shared = shared[np.unique(np.linspace(0, len(shared) - 1, min(len(shared), POINTS)).round().astype(int))]
    mean = np.mean([values[np.searchsorted(steps, shared)] for steps, values in runs], axis=0)
    trace = {"seeds": len(runs), "steps": [int(step) for step in shared], "mean": _short(mean)}
    band = mean_band(runs)
    return trace | ({"low": _short(band[1]), "high": _short(band[2])} if band else {})


def _short(values: Floats) -> list[float]:
    return [float(f"{value:.4g}") for value in values]
