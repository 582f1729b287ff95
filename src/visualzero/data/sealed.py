"""Parquet files that know the digest of their own pages.

A flipped bit in a page is other text or another picture, or a size of gigabytes that pyarrow sets aside before it
notices (parquet's own checksums of pages leave out the pages' headers). So the digest of everything before the footer
stands in the footer, and is compared before a page is read.
"""

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

SEAL = b"visualzero.sha256"
TAIL = 8  # bytes: the footer's length, then the magic
BUFFER = 1 << 20  # bytes; without it the reader takes in whole columns of the file


@contextmanager
def sealed_writer(path: Path, schema: pa.Schema, **options: Any) -> Iterator[pq.ParquetWriter]:
    """A writer of parquet whose file is sealed when it is left without an error; each table is a row group."""
    with _Digesting(io.FileIO(path, "wb")) as file, pq.ParquetWriter(file, schema, **options) as writer:
        yield writer
        writer.add_key_value_metadata({SEAL: file.digest.hexdigest()})


def open_sealed(path: Path) -> pq.ParquetFile:
    """The file, checked and opened to be read in little memory.

    Raises:
        OSError: if there is none, it is damaged, or it was never sealed.
        pa.ArrowException: if its footer is damaged.
    """
    metadata = pq.read_metadata(path).metadata or {}
    if SEAL not in metadata:
        raise OSError("it lacks the digest of its pages")
    with path.open("rb") as file:
        end = file.seek(-TAIL, io.SEEK_END)
        footer = int.from_bytes(file.read(4), "little")
        file.seek(0)
        if _digest(file, end - footer) != metadata[SEAL].decode("ascii", "replace"):
            raise OSError("its pages don't have the digest that they were written with")
    return pq.ParquetFile(path, buffer_size=BUFFER, pre_buffer=False)


def _digest(file: io.BufferedReader, size: int) -> str:
    """The digest of the next `size` bytes."""
    digest = hashlib.sha256()
    while size > 0 and (piece := file.read(min(size, BUFFER))):
        digest.update(piece)
        size -= len(piece)
    return digest.hexdigest()


class _Digesting(io.BufferedWriter):
    """A file that digests what is written to it."""

    def __init__(self, raw: io.FileIO):
        super().__init__(raw)
        self.digest = hashlib.sha256()

    def write(self, data: Any) -> int:
        """Write and digest."""
        self.digest.update(data)
        return super().write(data)
