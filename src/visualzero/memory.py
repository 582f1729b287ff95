"""Keep the memory of large tensors once they are freed.

glibc gives it back to the system, which hands it out again cleared, page by page: an eighth of the time in which the
tiny models learn. Tensors of more than 32 MiB go back all the same, so trainings with larger ones gain nothing.
"""

import ctypes

# mallopt's names for them (malloc.h), and bytes: as much as it takes.
TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD = (-1, 2**31 - 1), (-2, 2**28), (-3, 2**25)


def keep_freed_memory() -> None:
    """From now on, in this process; does nothing where the C library isn't glibc."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for name, size in (TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD):
            mallopt(name, size)
