"""Which files of this machine questions are made from, so that a changed one is read again."""

from pathlib import Path

from visualzero.config import Dataset, Local, Mixture, Source


def own_tables(source: Source, key: str) -> list[Path]:
    """The user's own tables that a source reads; none where there are none. `key` is the source's place in the config.

    Raises:
        UserError: if a table that the config names isn't there.
    """
    if isinstance(source, Local):
        from visualzero.data.local import find_table  # loads what reads images, for which few studies' plans need wait

        return [find_table(Path(source.path))]
    if isinstance(source, Dataset):
        from visualzero.data.dataset_files import local_tables  # loads the hub's client too

        return local_tables(source, key)
    if isinstance(source, Mixture):
        return [
            table
            for name, part in source.parts.items()
            for table in own_tables(part.source, f"{key}.parts.{name}.source")
        ]
    return []
