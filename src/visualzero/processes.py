"""Which machine this is and which of its processes live, as far as one can see it: for locks and temporary files."""

import hashlib
import os
from functools import lru_cache
from pathlib import Path


@lru_cache
def machine() -> str:
    """Names this machine since its start, and the part of its processes that can be seen; empty if that's unknown."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip() + os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def machine_key() -> str:
    """Eight hex digits of `machine`."""
    return hashlib.sha256(machine().encode()).hexdigest()[:8]


def begun(pid: int) -> str | None:
    """When a process began, in ticks since the machine's start; None if there is none, or only its remains."""
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return None
    return None if state == "Z" else rest[18]
