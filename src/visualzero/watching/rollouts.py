"""What GRPO has sampled last: the tables of completions that a trainer at work leaves, one per logged step."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from visualzero.errors import UserError
from visualzero.report.inputs import read_parquet
from visualzero.training.checkpoints import LOGGED
from visualzero.training.rollouts import text_of

FACTS = ("step", "id", "advantage", "prompt", "completion")
TRIED = 3  # tables; the newest may be half written


@dataclass(frozen=True)
class Rollout:
    """A completion of a training question: what each reward term paid, its advantage, and its text."""

    step: int
    id: str
    terms: dict[str, float]
    advantage: float
    text: str


def last_rollouts(work: Path) -> list[Rollout]:
    """The completions of the newest step whose table is whole, the best of their groups first; SFT has none."""
    for file in sorted((work / LOGGED).glob("completions_*.parquet"), reverse=True)[:TRIED]:
        with contextlib.suppress(UserError):
            if table := read_parquet(file, FACTS):
                return sorted(_rollouts(table), key=lambda one: -one.advantage)
    return []


def _rollouts(table: pa.Table) -> list[Rollout]:
    terms = [name for name in table.column_names if name not in FACTS]
    return [
        Rollout(
            row["step"], row["id"], {term: row[term] for term in terms}, row["advantage"], text_of(row["completion"])
        )
        for row in table.to_pylist()
    ]
