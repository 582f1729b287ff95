"""The gather step: the shards' responses in one file, in the questions' order, as if one job had written them."""

from collections.abc import Sequence
from pathlib import Path

from visualzero.config import Study
from visualzero.data.question import read_questions
from visualzero.errors import UserError
from visualzero.evaluation.answering.shards import shards
from visualzero.evaluation.reading.score import read_rows
from visualzero.evaluation.rows import write_rows
from visualzero.layout import Layout


def gather_arm(
    study: Study, layout: Layout, arm: str, seed: int | str, benchmark: str, control: str | None = None
) -> None:
    """Write an arm's predictions from its `evaluate.shards` shards.

    Raises:
        UserError: if a shard is missing, or a question has no response in any of them.
    """
    parts = [layout.shard(arm, seed, benchmark, control, shard) for shard in shards(study.evaluate.shards)]
    ids = read_questions(layout.questions(benchmark), images=False)["id"].tolist()
    gather(parts, ids, layout.predictions(arm, seed, benchmark, control))


def gather(parts: Sequence[Path], ids: Sequence[str], out: Path) -> None:
    """Write the rows of `parts` to `out`, in the order of their `ids`.

    Raises:
        UserError: if a part is missing, or an id has no row in any of them.
    """
    rows = {row["id"]: row for part in parts for row in read_rows(part)}
    if lacking := [name for name in ids if name not in rows]:
        raise UserError(
            f"{parts[0].parent}: {len(lacking)} of {len(ids)} questions have no response, such as '{lacking[0]}':"
            " the shards are of another evaluation; delete the folder and run `snakemake evaluate`"
        )
    write_rows([rows[name] for name in ids], out)
