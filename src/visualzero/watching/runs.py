"""What each training run of a study is doing, as its files say; good for runs on other machines too."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from visualzero.config import Study
from visualzero.errors import UserError
from visualzero.layout import Layout
from visualzero.report.inputs import read_parquet
from visualzero.training.checkpoints import SEAL, checkpoints, step_of
from visualzero.training.lease import LEASE, silence
from visualzero.training.live import LIVE, LiveLog, read_live
from visualzero.training.publishing import MANIFEST

RECENT = 10  # logged steps that means and estimates are of
SHOWN = ("step", "reward", "completion_length", "loss", "seconds", "alarm")  # columns of the history
FINISHED, TRAINING, STOPPED, WAITING = "finished", "training", "stopped", "not begun"

Row = dict[str, Any]


@dataclass(frozen=True)
class WatchedRun:
    """A run: its name, its state, what that means where it needs words, the rows of its history, and its work folder.

    `steps` are those that it takes in all. `work` is None for a run that is finished or not begun.
    """

    name: str
    state: str
    note: str
    steps: int
    rows: list[Row]
    work: Path | None = None

    @property
    def step(self) -> int:
        """The step that was logged last."""
        return int(self.rows[-1]["step"]) if self.rows else 0

    @property
    def left(self) -> float | None:
        """Seconds that it will train still, if it goes on as in the last steps."""
        each = self.recent("seconds")
        return None if each is None or self.state != TRAINING else each * (self.steps - self.step)

    def recent(self, column: str) -> float | None:
        """Mean of a column over the last logged steps; None if it has none."""
        values = [row[column] for row in self.rows[-RECENT:] if row.get(column) is not None]
        return sum(values) / len(values) if values else None


def watched_runs(study: Study, layout: Layout) -> list[WatchedRun]:
    """The training runs of the study, and any others that are training at this scale now.

    Raises:
        UserError: if a history can't be read.
    """
    planned = {(arm, str(seed)): study.recipe(arm).steps for arm in study.trained_arms() for seed in study.seeds}
    files = sorted(layout.work("runs").glob(f"*/*/*/{LIVE}"))
    others = dict.fromkeys(run for file in files if (run := (file.parts[-4], file.parts[-3])) not in planned)
    unplanned = [_watched(layout, *run, steps=0) for run in others]
    return [
        *(_watched(layout, *run, steps) for run, steps in planned.items()),
        *(run for run in unplanned if run.state == TRAINING),
    ]


def _watched(layout: Layout, arm: str, seed: str, steps: int) -> WatchedRun:
    name, out = f"{arm}/{seed}", layout.run(arm, seed)
    newest = max(layout.work("runs", arm, seed).glob(f"*/{LIVE}"), key=_stamp, default=None)
    live = _live(newest) if newest else None
    quiet = silence(newest.parent) if newest else None
    if live and newest and quiet is not None:
        note = f"not heard of for {quiet / 60:.0f} min" if quiet > 2 * LEASE else _alarm(live.rows)
        return WatchedRun(name, TRAINING, note, live.steps, live.rows, newest.parent)
    if (out / MANIFEST).is_file():
        rows = _finished(out / "history.parquet", *_stamp(out / "history.parquet"))
        return WatchedRun(name, FINISHED, _alarm(rows), rows[-1]["step"] if rows else steps, rows)
    if live and newest:
        return WatchedRun(name, STOPPED, _goes_on(newest.parent), live.steps, live.rows, newest.parent)
    return WatchedRun(name, WAITING, "", steps, [])


def _alarm(rows: list[Row]) -> str:
    alarm = rows[-1].get("alarm") if rows else None
    return f"alarm: {alarm}" if isinstance(alarm, str) else ""


def _goes_on(work: Path) -> str:
    """Where a run that was ended would go on, if its checkpoints are whole."""
    sealed = [step_of(checkpoint) for checkpoint in checkpoints(work) if (checkpoint / SEAL).is_file()]
    return f"goes on after step {sealed[0]}" if sealed else "begins anew"


def _stamp(file: Path) -> tuple[int, int]:
    """When a file was changed, and its size; what was read from it holds until they differ."""
    try:
        about = file.stat()
    except OSError:
        return 0, 0
    return about.st_mtime_ns, about.st_size


def _live(file: Path) -> LiveLog | None:
    try:
        return read_live(file)
    except OSError as error:
        raise UserError(f"{file}: {error.strerror}: watch as a user who may read it") from None


@lru_cache(maxsize=256)
def _finished(file: Path, changed: int, size: int) -> list[Row]:
    """A finished run's history, as far as it is watched."""
    try:
        table = read_parquet(file, ["step"])
    except UserError:
        if not file.exists():  # Snakemake removes what it makes again
            return []
        raise
    return table.select([name for name in SHOWN if name in table.column_names]).to_pylist() if table else []
