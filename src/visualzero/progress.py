"""One line a while about long work: what, how far, how fast, how long still."""

import sys
import time


class Progress:
    """Says how far a job is, at first and then every `every` seconds at most, with an estimate of the time left.

    Lines go to standard error and begin with `visualzero:`, so that the workflow can show them and keep the rest of a
    job's output in its log.
    """

    def __init__(self, what: str, total: int, unit: str = "step", every: float = 15.0):
        self.what, self.total, self.unit, self.every = what, total, unit, every
        self.begun = self.said = time.monotonic()
        self.start: int | None = None

    def update(self, done: int, note: str = "") -> None:
        """Report that `done` of the total are done; `note` says something about the latest."""
        now = time.monotonic()
        first = self.start is None
        if self.start is None:
            self.start = done - 1
        if not first and done < self.total and now - self.said < self.every:
            return
        self.said = now
        each = (now - self.begun) / max(1, done - self.start)
        left = each * (self.total - done)
        parts = [f"{self.unit} {done}/{self.total}", note, f"{each:.2g} s/{self.unit}", f"{duration(left)} left"]
        say(f"{self.what}: {', '.join(part for part in parts if part)}")


def say(message: str) -> None:
    """A line for the person who waits."""
    print(f"visualzero: {message}", file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """A time in words, as exact as an estimate is."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
