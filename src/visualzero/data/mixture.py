"""A mixture: questions of several sources in one table, in shares by their weights."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from visualzero.config.sources import Mixture, Options
from visualzero.data.build import open_source as open_part
from visualzero.data.checks import checked
from visualzero.data.question import CHOICE
from visualzero.data.reading import Reading
from visualzero.downloads import Download
from visualzero.errors import UserError


def open_source(source: Mixture, key: str, options: Options) -> Reading:
    """Open every part for reading."""
    keys = {name: f"{key}.parts.{name}.source" for name in source.parts}
    parts = {name: open_part(part.source, keys[name], options) for name, part in source.parts.items()}
    rows = {name: iter(one.rows if one.checked else checked(one.rows, keys[name])) for name, one in parts.items()}
    downloads: dict[str, Download] = {}
    left_out: Counter[str] = Counter()

    def mixed() -> Iterator[dict[str, Any]]:
        for name, row in drawn(rows, source, key):
            # Parts don't know of each other's names; some kinds say nothing of kinds of answers and further images.
            names = {"id": f"{name}-{row['id']}", "image_id": f"{name}-{row['image_id']}"}
            yield {"answer_kind": CHOICE, "more_images": [], **row, **names}
        for name, one in parts.items():
            downloads.update({f"{name}: {file}": download for file, download in one.downloads.items()})
            left_out.update({f"{name}: {reason}": count for reason, count in one.left_out.items()})

    return Reading(mixed(), downloads, left_out, checked=True, extended=True)


def drawn(
    rows: Mapping[str, Iterator[dict[str, Any]]], source: Mixture, key: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    """`n` rows with their parts' names: of any first k rows each part has its share of k, to within a row or so.

    Each row comes from the part that is owed most (smooth weighted round robin), so that nothing is random.

    Raises:
        UserError: if a part has fewer rows than its share.
    """
    weights = {name: part.weight for name, part in source.parts.items()}
    owed, taken = dict.fromkeys(weights, 0.0), Counter[str]()
    for _ in range(source.n):
        for name, weight in weights.items():
            owed[name] += weight
        name = max(owed, key=lambda one: owed[one])
        owed[name] -= sum(weights.values())
        row = next(rows[name], None)
        if row is None:
            raise UserError(
                f"{key}.parts.{name}: has {taken[name]} questions, and its share of n {source.n} is more: lower n, or"
                " its weight"
            )
        taken[name] += 1
        yield name, row
