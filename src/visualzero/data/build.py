"""The data stage: one source of the study becomes one Question table and its manifest."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from visualzero.config import SAT, CVBench, Local, Source, ToySpace
from visualzero.data.question import write_questions
from visualzero.errors import UserError
from visualzero.manifest import write_manifest
from visualzero.progress import say


def build_questions(source: Source, out: Path, fingerprint: str) -> None:
    """Write `out` (parquet) and, last, its manifest beside it (`.json`)."""
    n = write_questions(rows_of(source), out)
    write_manifest(out.with_suffix(".json"), [out], fingerprint, source=source.model_dump(), rows=n)
    say(f"{out}: {n} questions")


def rows_of(source: Source) -> Iterable[dict[str, Any]]:
    """Rows of the Question table from any source."""
    if isinstance(source, ToySpace):
        from visualzero.data.toyspace.questions import toyspace_rows

        return toyspace_rows(source.split, source.n, source.seed)
    if isinstance(source, Local):
        from visualzero.data.local import read_local

        images = Path(source.images) if source.images else None
        return read_local(Path(source.path), images, source.seed, source.shuffle_choices)
    if isinstance(source, SAT | CVBench):
        raise UserError(f"data: source '{source.kind}': can't be downloaded by this version: use toyspace or local")
    raise TypeError(source)
