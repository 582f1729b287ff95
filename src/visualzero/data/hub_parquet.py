"""Reading parquet files of the hub a piece at a time, whatever the size of their row groups."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from visualzero.errors import UserError

ROWS = 256  # at a time
BUFFER = 1 << 20  # bytes; without it the reader takes in whole column chunks, which may be the whole file


def read_batches(
    path: Path, columns: Sequence[str], name: str, fix: str = "pin another revision"
) -> Iterator[pa.RecordBatch]:
    """The columns of a file in batches of up to 256 rows, in the file's order.

    Batches are also what makes nested binary columns (SAT's `list<binary>`) readable: of a row group with over 2 GB of
    them pyarrow says "Nested data conversions not implemented for chunked array outputs" (apache/arrow#21526).

    Raises:
        UserError: if a column is missing; `name` says which file of the hub it is, `fix` what helps.
    """
    with pq.ParquetFile(path, buffer_size=BUFFER, pre_buffer=False) as file:
        for column in columns:
            if column not in file.schema_arrow.names:
                raise UserError(f"{name}: has no column '{column}' (has {', '.join(file.schema_arrow.names)}): {fix}")
        yield from file.iter_batches(ROWS, columns=list(columns), use_threads=False)
