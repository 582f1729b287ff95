"""How a command ends when it can't go on."""

import errno
import sys
from typing import NoReturn

# What safetensors, and torch.save in its several ways, say of a full disk.
FULL = (
    "No space left on device",
    "File too large",
    "file write failed",
    "unexpected pos ",
    "basic_ios::clear: iostream error",
)


def fail(message: str, code: int = 1) -> NoReturn:
    """Say why, and leave."""
    for line in message.splitlines():
        print(f"error: {line}", file=sys.stderr, flush=True)
    sys.exit(code)


def disk_full(error: BaseException | None) -> bool:
    """Whether a full disk, a quota or a limit on file sizes is behind an error; torch and safetensors only say so."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return True
        if any(text in str(error) for text in FULL):
            return True
        error = error.__cause__ or error.__context__
    return False
