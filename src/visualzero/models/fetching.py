"""The models stage: an initial checkpoint, checked and laid beside the other results."""

import shutil
from pathlib import Path

from visualzero.config import ModelSource
from visualzero.errors import UserError
from visualzero.manifest import read_manifest, verify, write_manifest
from visualzero.progress import say

WANTED = ("*.safetensors", "*.json", "*.txt", "*.jinja")


def fetch_model(source: ModelSource, out: Path, fingerprint: str) -> None:
    """Copy a checkpoint to the folder `out` and write `manifest.json` beside it, last.

    A folder's own manifest, where it has one, is verified first. Only safetensors and plain text files are taken.
    """
    if source.path is None:
        raise UserError(f"models: {source.repo}: this version takes models from a folder only: give models.*.path")
    folder = Path(source.path)
    if not (folder / "config.json").is_file() or not list(folder.glob("*.safetensors")):
        raise UserError(f"{folder}: no checkpoint (config.json and *.safetensors): correct models.*.path")
    checksum = folder / "manifest.json"
    if checksum.is_file():
        verify(checksum)
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    for pattern in WANTED:
        for file in sorted(folder.glob(pattern)):
            if file != checksum:
                shutil.copyfile(file, out / file.name)
    origin = read_manifest(checksum)["fingerprint"] if checksum.is_file() else None
    write_manifest(
        out.parent / "manifest.json", sorted(out.iterdir()), fingerprint, source=source.model_dump(), origin=origin
    )
    say(f"{out}: copied from {folder}")
