"""Files and folders that belong together are put in their place together."""

import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from visualzero.errors import UserError


def write_together(out: Path, files: Iterable[tuple[str, bytes]], folder: str) -> None:
    """Write `files` into a folder beside `out` and move them there; the last one, the page, is moved last.

    A file's name may lie in `folder`, which takes the place of the one that is there; without such a file there is none
    afterwards. What else is in `out` stays.

    Raises:
        UserError: if they can't be written; also, with nothing written, whatever `files` raises on the way.
    """
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
        try:
            fresh.chmod(0o755)  # mkdtemp's 0700 would follow the folder to its place
            parts: dict[str, None] = {}
            for name, content in files:
                (fresh / name).parent.mkdir(exist_ok=True)
                (fresh / name).write_bytes(content)
                parts[Path(name).parts[0]] = None
            if not out.exists():
                fresh.rename(out)
                return
            if (out / folder).is_dir():
                (out / folder).rename(fresh / f"{folder}.before")
            for part in parts:
                os.replace(fresh / part, out / part)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    except OSError as error:
        raise UserError(f"report: {out}: {error}: make the folder writable or choose another") from error
