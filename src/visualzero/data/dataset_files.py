"""The files of a data set: of the hub, fetched when they are read, or of a folder of this machine; both with digests.

Only parquet, JSON Lines and JSON are read, and images: nothing of a data set is ever run or unpickled.
"""

import fnmatch
import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from visualzero.config import Dataset
from visualzero.data.image_files import LARGEST
from visualzero.downloads import Download
from visualzero.errors import UserError
from visualzero.hub import Repo, fetch, files_of
from visualzero.manifest import sha256

READ = (".parquet", ".jsonl", ".json")


@dataclass
class Files:
    """The files that `source` names; `key` is its place in the config. `read` records those that were read."""

    source: Dataset
    key: str
    read: dict[str, Download] = field(default_factory=dict)

    def tables(self) -> Iterator[tuple[str, Path]]:
        """Name and path of each table, in the config's order; one of the hub is fetched when its turn comes.

        Raises:
            UserError: if a pattern fits no file, a file is of another kind, or its digest is not the one that is given.
        """
        for name in self.names():
            yield name, self._fetched([name])[name]

    def names(self) -> list[str]:
        """The tables' names; nothing is fetched."""
        return table_names(self.source, self.key, self._all())

    def images(self, table: str, names: Sequence[str]) -> dict[str, Path]:
        """Paths of the image files that rows of `table` name, by these names, which lead from the table's folder.

        Raises:
            UserError: if one is missing or too large.
        """
        folder = posixpath.dirname(table)
        wanted = {name: posixpath.normpath(posixpath.join(folder, name)) for name in dict.fromkeys(names)}
        found = self._fetched(sorted(set(wanted.values()))) if wanted else {}
        for name, file in wanted.items():
            if found[file].stat().st_size > LARGEST:
                raise UserError(f"{self.key}: image '{name}' has more than {LARGEST >> 20} MiB: make it smaller")
        return {name: found[file] for name, file in wanted.items()}

    def _all(self) -> list[str]:
        if self.source.repo:
            return files_of(self._repo(), self.source.files)
        root = Path(str(self.source.path))
        if root.is_file():
            return [root.name]
        if not root.is_dir():
            raise UserError(f"{self.key}.path: {root}: no such file or folder: correct the path")
        return sorted(file.relative_to(root).as_posix() for file in root.rglob("*") if file.is_file())

    def _fetched(self, names: Sequence[str]) -> dict[str, Path]:
        if self.source.repo:
            got = fetch(self._repo(), names)
        else:
            root = Path(str(self.source.path))
            folder = root.parent if root.is_file() else root
            got = {name: self._checked(name, folder / name) for name in names}
        self.read |= got
        return {name: file.path for name, file in got.items()}

    def _checked(self, name: str, path: Path) -> Download:
        if not path.is_file():
            raise UserError(f"{self.key}: {path}: no such file: correct its path in the table, or put it there")
        found = sha256(path)
        if found != self.source.sha256.get(name, found):
            raise UserError(f"{self.key}.sha256: {path}: has the sha256 {found}, not the one that is given")
        return Download(path, found)

    def _repo(self) -> Repo:
        source = self.source
        return Repo("dataset", str(source.repo), source.revision, source.sha256, self.key)


def table_names(source: Dataset, key: str, names: Sequence[str]) -> list[str]:
    """The tables among the files `names`, in the order of the config's patterns, each once.

    Raises:
        UserError: if a pattern fits none, there is more than one and none is named, or one is of another kind.
    """
    if not source.files:
        tables = [name for name in names if name.endswith(READ)]
        if len(tables) != 1:
            found = ", ".join(tables[:3]) or "none"
            raise UserError(f"{key}.files: {source.name} has {len(tables)} tables ({found}): name those to read")
        return tables
    named: dict[str, None] = {}
    for pattern in source.files:
        fitting = sorted(fnmatch.filter(names, pattern))
        if not fitting:
            some = ", ".join(name for name in names if name.endswith(READ))[:200] or "no table"
            raise UserError(f"{key}.files: {source.name} has no file '{pattern}' (has {some}): correct the pattern")
        named |= dict.fromkeys(fitting)
    if other := next((name for name in named if not name.endswith(READ)), None):
        raise UserError(f"{key}.files: '{other}' is none of {', '.join(READ)}, and nothing else is read: leave it out")
    return list(named)


def local_tables(source: Dataset, key: str) -> list[Path]:
    """The tables of a data set of this machine; none if it is the hub's.

    Raises:
        UserError: as `Files`.
    """
    if source.path is None:
        return []
    root = Path(source.path)
    return [root if root.is_file() else root / name for name in Files(source, key).names()]
