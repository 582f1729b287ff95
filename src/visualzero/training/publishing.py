"""Outputs that appear whole or not at all, and can be finished from wherever an attempt was ended.

They are written beside their place under another name, the manifest last, then take it. What they are made from, the
last checkpoint included, stays until they have.
"""

import shutil
from pathlib import Path

from visualzero.errors import UserError
from visualzero.manifest import PART, differences, flush, read_manifest
from visualzero.progress import say
from visualzero.training.checkpoints import remove
from visualzero.training.lease import NO_LINKS, idle

MANIFEST = "manifest.json"


class Publication:
    """How the output folder `out` comes from the work folder `work`, whose name is the key of all that it depends on.

    `begun` is where it is written.
    """

    def __init__(self, out: Path, work: Path):
        self.out, self.work = out, work
        self.begun = self._beside(work.name)
        self._replaced = self._beside(f"{work.name}.old")
        self._done = work.with_name(f".{work.name}{PART}")

    @property
    def key(self) -> str:
        """What the manifest has to hold as `key`."""
        return self.work.name

    def finished(self) -> bool:
        """Remove what attempts have left, and finish what one has written to its end; whether all is there then."""
        self._remove_leftovers()
        if self._whole(self.begun):
            self.finish()
            return True
        if self._whole(self.out):
            self._clear()
            say(f"{self.out}: is there already, made from the same: delete {self.out / MANIFEST} to train again")
            return True
        if self._done.is_dir() and not self.work.exists():  # ended while it was cleared, and then the output was lost
            self._done.rename(self.work)
        return False

    def begin(self) -> None:
        """Make room for what is to be written."""
        remove(self.begun)
        self.begun.mkdir(parents=True)

    def finish(self) -> None:
        """Put what is written in its place, and remove the resume state."""
        remove(self._replaced)
        if self.out.exists():
            self.out.rename(self._replaced)
        self.begun.rename(self.out)
        flush([self.out.parent])
        self._clear()

    def _clear(self) -> None:
        remove(self._done)
        if self.work.is_dir():
            self.work.rename(self._done)
        for path in (self._replaced, self._done):
            shutil.rmtree(path, ignore_errors=True)

    def _whole(self, folder: Path) -> bool:
        """Whether this is the output, made from the same, as its manifest says."""
        manifest = folder / MANIFEST
        try:
            if not manifest.is_file() or read_manifest(manifest).get("key") != self.key:
                return False
        except UserError:
            return False
        for name, what in differences(manifest):
            say(f"{folder / name}: {what}: making {self.out} again")
            return False
        return True

    def _remove_leftovers(self) -> None:
        """Remove what attempts at other versions of this output have left, unless one is at work."""
        for path in self.out.parent.glob(f".{self.out.name}.*{PART}"):
            key = path.name.removeprefix(f".{self.out.name}.").removesuffix(PART).removesuffix(".old")
            if key != self.key and idle(self.work.with_name(key)):
                remove(path)
        for path in self.work.parent.glob(f".*{PART}"):
            if path != self._done and idle(path.with_name(path.name[1:].removesuffix(PART))):
                remove(path)

    def _beside(self, key: str) -> Path:
        return self.out.with_name(f".{self.out.name}.{key}{PART}")


def link_or_copy(source: str, target: str) -> None:
    """A file under a second name, or its copy where the file system knows no hard links."""
    try:
        Path(target).hardlink_to(source)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        shutil.copy2(source, target)
