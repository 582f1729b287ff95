"""What each job was made from, by fingerprint, so that a change can be told in words later.

Snakemake records the fingerprint of what it ran, which says that something changed but not what. Jobs keep the parts
behind it in `work/<scale>/made_from/<fingerprint>.json`. Nothing depends on these files but words.
"""

import json
from pathlib import Path

from visualzero.fingerprint import Parts, digest
from visualzero.layout import Layout
from visualzero.manifest import write_json

FOLDER = "made_from"


def remember(layout: Layout, parts: Parts) -> None:
    """Keep what a fingerprint is the digest of."""
    path = _path(layout, digest(parts))
    if not path.is_file():
        write_json(path, parts)


def recall(layout: Layout, fingerprint: str) -> Parts | None:
    """The parts behind a fingerprint; None if they were not kept."""
    try:
        parts: Parts = json.loads(_path(layout, fingerprint).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return parts


def _path(layout: Layout, fingerprint: str) -> Path:
    return layout.work(FOLDER, f"{fingerprint}.json")
