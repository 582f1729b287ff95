"""The data stage: one source of the study becomes one Question table and its manifest."""

from importlib import import_module
from pathlib import Path

from visualzero.config import Dataset, Hub, Local, Mixture, Source, ToySpace
from visualzero.config.sources import Options
from visualzero.data.checks import checked
from visualzero.data.question import write_questions
from visualzero.data.reading import Reading
from visualzero.manifest import write_manifest
from visualzero.progress import say


def build_questions(source: Source, out: Path, fingerprint: str, key: str, options: Options = "lettered") -> None:
    """Write `out` (parquet) and, last, its manifest beside it (`.json`).

    `key` is the source's place in the config, `options` how prompts will list the options of its questions.

    Raises:
        UserError: if a row can't be used; neither file is written then.
    """
    reading = open_source(source, key, options)
    n = write_questions(reading.rows if reading.checked else checked(reading.rows, key), out, reading.extended)
    write_manifest(out.with_suffix(".json"), [out], fingerprint, source=source.model_dump(), rows=n, **reading.facts())
    say(f"{out}: {n} questions")
    for reason, count in sorted(reading.left_out.items()):
        say(f"{out}: left out {count} rows of the source: {reason}")


def open_source(source: Source, key: str, options: Options = "lettered") -> Reading:
    """Any source, opened; what has to be downloaded is downloaded here."""
    if isinstance(source, ToySpace):
        from visualzero.data.toyspace.questions import toyspace_rows

        return Reading(toyspace_rows(source.split, source.n, source.seed))
    if isinstance(source, Local):
        from visualzero.data.local import read_local

        images = Path(source.images) if source.images else None
        rows = read_local(Path(source.path), images, source.seed, source.shuffle_choices, options=options)
        return Reading(rows, checked=True)
    if isinstance(source, Hub | Dataset | Mixture):
        # Named by its kind rather than imported, so that no data set's fingerprint depends on the others' readers.
        reader = import_module(f"visualzero.data.{source.kind}")
        more = (options,) if isinstance(source, Dataset | Mixture) else ()
        reading: Reading = reader.open_source(source, key, *more)
        return reading
    raise TypeError(source)
