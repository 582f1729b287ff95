"""The image files beside a user's table."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from visualzero.data.checks import image_problem
from visualzero.errors import UserError

LARGEST = 256 << 20  # bytes of a file


@dataclass
class ImageFiles:
    """The files that rows name by their paths in `folder`.

    Each is looked at once, and has to be the same when its bytes are taken.
    """

    folder: Path
    problems: dict[str, str | None] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)

    def problem(self, image: str) -> str | None:
        """Why an image can't be used, and the fix; None if it can."""
        if image not in self.problems:
            self.problems[image] = self._look(image)
        return self.problems[image]

    def content(self, image: str) -> bytes:
        """The bytes of an image that was looked at."""
        try:
            content = (self.folder / image).read_bytes()
        except OSError:
            content = b""
        if hashlib.sha256(content).hexdigest() != self.digests[image]:
            raise UserError(
                f"image '{image}' has changed since it was checked: leave {self.folder} alone, and run again"
            )
        return content

    def _look(self, image: str) -> str | None:
        file = self.folder / image
        try:
            if not file.is_file():
                return f"image '{image}' is not in {self.folder}: correct the path, or set `images` to the right folder"
            if file.stat().st_size > LARGEST:
                return (
                    f"image '{image}' has {file.stat().st_size >> 20} MiB, more than {LARGEST >> 20}: make it smaller"
                )
            content = file.read_bytes()
        except OSError as error:
            return f"image '{image}' can't be read ({error.strerror}): correct the path, or the file's permissions"
        self.digests[image] = hashlib.sha256(content).hexdigest()
        return image_problem(content, f"image '{image}'")
