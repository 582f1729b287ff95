"""`visualzero watch`: a picture of all runs, kept up to date until they are finished or the watcher has seen enough."""

import contextlib
import shutil
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from visualzero.config import Study
from visualzero.layout import Layout
from visualzero.watching.picture import line, picture
from visualzero.watching.rollouts import last_rollouts
from visualzero.watching.runs import FINISHED, TRAINING, WatchedRun, watched_runs

# What a terminal understands (ECMA-48 and xterm): another screen without wrapping, and back; from the top; to the end.
ENTER, LEAVE = "\x1b[?1049h\x1b[?7l\x1b[?25l", "\x1b[?25h\x1b[?7h\x1b[?1049l"
TOP, REST_OF_LINE, REST = "\x1b[H", "\x1b[K", "\x1b[J"
WIDE = 160  # characters of a line where there is no terminal


def watch_once(study: Study, layout: Layout) -> None:
    """Print one picture."""
    _print(drawn(study.scale, watched_runs(study, layout)))


def watch(study: Study, layout: Layout, sleep: Callable[[float], None] = time.sleep) -> None:
    """Show the runs until all are finished: in place on a terminal, else a line for each that has got further."""
    if not study.trained_arms():
        watch_once(study, layout)
        return
    shown = Screen(study.scale) if sys.stdout.isatty() else Lines()
    with contextlib.suppress(KeyboardInterrupt), shown:
        while True:
            runs = watched_runs(study, layout)
            shown.show(runs)
            if all(run.state == FINISHED for run in runs):
                return
            sleep(shown.seconds)


class Lines:
    """A log: a line for each run that is another than it was."""

    seconds = 15.0  # between two looks

    def __init__(self) -> None:
        self.said: dict[str, tuple[str, str, int]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        pass

    def show(self, runs: list[WatchedRun]) -> None:
        """Print what is new."""
        for run in runs:
            now = (run.state, run.note, run.step)
            if self.said.get(run.name) != now:
                _print(line(run))
            self.said[run.name] = now


class Screen:
    """A terminal's second screen, drawn anew at each look; the last picture stays when it is left."""

    seconds = 2.0

    def __init__(self, scale: str) -> None:
        self.scale = scale
        self.last = ""

    def __enter__(self) -> Self:
        sys.stdout.write(ENTER)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        sys.stdout.write(LEAVE)
        _print(self.last)

    def show(self, runs: list[WatchedRun]) -> None:
        """Draw as much as there is room for, the runs first."""
        self.last = drawn(self.scale, runs)
        lines = self.last.split("\n")[: shutil.get_terminal_size().lines - 2]
        lines += ["", f"{time.strftime('%H:%M:%S')}; Ctrl-C ends this, and no run"]
        _print(TOP + f"{REST_OF_LINE}\n".join(lines) + REST_OF_LINE + REST, end="")


def drawn(scale: str, runs: list[WatchedRun]) -> str:
    """The picture of runs, as wide as the terminal is."""
    rollouts = {run.name: last_rollouts(run.work) for run in runs if run.work and run.state == TRAINING}
    width = shutil.get_terminal_size((WIDE, 0)).columns if sys.stdout.isatty() else WIDE
    return picture(scale, runs, rollouts, width)


def _print(text: str, end: str = "\n") -> None:
    """Print a text; characters that the terminal can't show become question marks."""
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "replace").decode(encoding), end=end, flush=True)
