"""Ways to damage a file, from a random number generator; each returns what it did, in a word."""

import os
import random
import time
from collections.abc import Callable
from pathlib import Path

TWO_DAYS = 2 * 24 * 3600.0


def truncated(path: Path, chance: random.Random) -> None:
    """Cut off after a random number of bytes."""
    os.truncate(path, chance.randrange(path.stat().st_size) if path.stat().st_size else 0)


def emptied(path: Path, chance: random.Random) -> None:
    """Of no length."""
    os.truncate(path, 0)


def flipped(path: Path, chance: random.Random) -> None:
    """One bit of one byte is another."""
    content = bytearray(path.read_bytes())
    if content:
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


def deleted(path: Path, chance: random.Random) -> None:
    """Gone."""
    path.unlink()


def overwritten(path: Path, chance: random.Random) -> None:
    """Another content that is valid where it is JSON."""
    path.write_bytes(b"{}\n" if path.suffix in {".json", ".jsonl"} else chance.randbytes(64))


def zeroed(path: Path, chance: random.Random) -> None:
    """As long as before, and zeros from somewhere on: what a crash of the machine leaves."""
    content = path.read_bytes()
    kept = chance.randrange(len(content) + 1)
    path.write_bytes(content[:kept] + bytes(len(content) - kept))


def future_dated(path: Path, chance: random.Random) -> None:
    """From the day after tomorrow."""
    then = time.time() + TWO_DAYS
    os.utime(path, (then, then))


def kept_times(damage: Callable[[Path, random.Random], None]) -> Callable[[Path, random.Random], None]:
    """The same damage, with the file's times as before: what a failing disk does."""

    def damaged(path: Path, chance: random.Random) -> None:
        times = path.stat()
        damage(path, chance)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))

    damaged.__name__ = f"{damage.__name__} unseen"
    return damaged


DAMAGES = (truncated, emptied, flipped, deleted, overwritten, zeroed, future_dated)
UNSEEN = (kept_times(flipped), kept_times(zeroed))
