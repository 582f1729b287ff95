"""What a source gives to the data stage: its rows, and what the manifest says about where they come from."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from visualzero.downloads import Download


@dataclass(frozen=True)
class Reading:
    """A source that is opened for reading.

    `rows` are rows of the Question table, made as they are drawn. `left_out` counts, by the reason, what the source
    holds and can't be used; it is complete once the last row has been drawn. `checked` says that the rows were looked
    at already, which a reader does that tells them by their place in a file. `extended` says that they have the columns
    `answer_kind` and `more_images`.
    """

    rows: Iterable[dict[str, Any]]
    downloads: Mapping[str, Download] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    checked: bool = False
    extended: bool = False

    def facts(self) -> dict[str, dict[str, Any]]:
        """What the manifest records: the digest of each file that was downloaded, and what was left out."""
        facts: dict[str, dict[str, Any]] = {
            "downloads": {name: file.sha256 for name, file in self.downloads.items()},
            "left_out": dict(sorted(self.left_out.items())),
        }
        return {name: fact for name, fact in facts.items() if fact}
