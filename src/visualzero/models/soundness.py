"""Whether a checkpoint's files are whole and its weights are numbers: read from the files, some megabytes at a time.

No torch and no safetensors are needed, as the models stage has neither. The format is a length (8 bytes), a JSON header
with each tensor's dtype and place, and the tensors' bytes (https://huggingface.co/docs/safetensors).
"""

import json
import os
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from visualzero.errors import UserError

CHUNK = 1 << 23  # values at a time
# A floating-point value is infinite or NaN exactly if all bits of its exponent are set. By dtype: the unsigned integer
# of its size, and those bits. float8_e4m3fn has no infinity, and its NaN has the bits of its fraction set, too.
EXPONENTS: dict[str, tuple[type[np.unsignedinteger[Any]], int]] = {
    "F64": (np.uint64, 0x7FF0_0000_0000_0000),
    "F32": (np.uint32, 0x7F80_0000),
    "F16": (np.uint16, 0x7C00),
    "BF16": (np.uint16, 0x7F80),
    "F8_E5M2": (np.uint8, 0x7C),
    "F8_E4M3": (np.uint8, 0x7F),
}


def check_weights(file: Path, where: str, fix: str) -> None:
    """Check a safetensors file: it is whole, and every weight in it is finite. `where` and `fix` go into errors.

    Raises:
        UserError: if it isn't, naming the tensor.
    """
    with file.open("rb") as stream:
        tensors, start = _header(stream, file, where, fix)
        for name, tensor in sorted(tensors.items(), key=lambda item: item[1]["data_offsets"]):
            first, end = tensor["data_offsets"]
            stream.seek(start + first)
            if not _finite(stream, tensor["dtype"], end - first):
                raise UserError(
                    f"{where}: {file.name}: tensor '{name}' is not finite (it holds NaN or infinity): {fix}"
                )


def sound(folder: Path) -> bool:
    """Whether all safetensors files of a folder are whole and finite, and there is one."""
    files = sorted(folder.glob("*.safetensors"))
    try:
        for file in files:
            check_weights(file, "", "")
    except (UserError, OSError):
        return False
    return bool(files)


def read_json(file: Path, where: str, fix: str) -> dict[str, Any]:
    """The mapping in a JSON file of a checkpoint.

    Raises:
        UserError: if it holds none.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:  # of its encoding, too
        raise UserError(f"{where}: {file.name}: not JSON ({str(error).partition(': ')[0]}): {fix}") from None
    if not isinstance(content, dict):
        raise UserError(f"{where}: {file.name}: not a JSON object: {fix}")
    return content


def _header(stream: BinaryIO, file: Path, where: str, fix: str) -> tuple[dict[str, Any], int]:
    """Each tensor's dtype, shape and place by its name, and where the places count from."""
    size = os.fstat(stream.fileno()).st_size
    length = int.from_bytes(stream.read(8), "little")
    try:
        if size < 8 + length:
            raise ValueError
        tensors = json.loads(stream.read(length))
        tensors.pop("__metadata__", None)
        ends = [tensor["data_offsets"][1] for tensor in tensors.values()]
    except (ValueError, AttributeError, LookupError, TypeError):
        raise UserError(f"{where}: {file.name}: truncated, or not safetensors ({size} bytes): {fix}") from None
    if (whole := 8 + length + max(ends, default=0)) != size:
        raise UserError(f"{where}: {file.name}: truncated: {size} bytes of {whole}: {fix}")
    return tensors, 8 + length


def _finite(stream: BinaryIO, dtype: str, size: int) -> bool:
    """Whether the next `size` bytes hold finite values; integers are."""
    if dtype not in EXPONENTS:
        return True
    kind, bits = EXPONENTS[dtype]
    left = size // np.dtype(kind).itemsize
    while left:
        values = np.fromfile(stream, kind, min(left, CHUNK))
        left -= len(values)
        values &= kind(bits)
        if len(values) and values.max() == bits:
            return False
        if not len(values):
            break
    return True
