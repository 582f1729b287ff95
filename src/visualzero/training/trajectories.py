"""Trajectories for a cold start: completions that think first, picked from rollouts or from a table of the user's own.

The paper's later version fine-tunes on a small curated set before GRPO and does not say what curated means. Here it is
rejection sampling: a completion is kept if its answer is right and its form is the wanted one, the last for each
question, whoever wrote it.
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from visualzero.data.question import kind_of
from visualzero.errors import UserError
from visualzero.prompts.special_tokens import special_tokens_in
from visualzero.rewards import score_completion

READERS = {
    ".parquet": pd.read_parquet,
    ".jsonl": lambda path: pd.read_json(path, lines=True, dtype=False),
    ".csv": lambda path: pd.read_csv(path, dtype=str, keep_default_na=False),
}
WANTED = {"accuracy": 1.0, "format": 1.0}


def read_trajectories(path: Path) -> pd.DataFrame:
    """The columns id (of a training question) and completion of a table, or of a run's rollouts.parquet.

    Raises:
        UserError: if it is of another kind, unreadable, or lacks a column.
    """
    table = read_completions(path, "trajectories")
    for column in ("id", "completion"):
        if column not in table:
            raise UserError(f"{path}: column '{column}' is missing: trajectories need id and completion")
    return table[["id", "completion"]]


def read_completions(path: Path, what: str) -> pd.DataFrame:
    """A table (JSONL, CSV, parquet) of completions; `what` it is read for is told in errors.

    Raises:
        UserError: if it is of another kind, or unreadable.
    """
    reader = READERS.get(path.suffix)
    if reader is None:
        raise UserError(f"{path}: {what} are read from {', '.join(READERS)}: convert the table")
    try:
        return reader(path)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: can't be read ({str(error).partition(chr(10))[0]}): make it again") from None


def curate(
    trajectories: pd.DataFrame, questions: pd.DataFrame, prefix: str, where: str, special: Sequence[str] = ()
) -> pd.DataFrame:
    """The questions that have a right and well-formed completion, with it as the column `completion`.

    `prefix` is what the prompt has already written of every completion; a completion may repeat it. Of several for a
    question the last is taken. `special` are the tokenizer's special tokens.

    Raises:
        UserError: if there is none, or one spells a special token; `where` names the table.
    """
    rows = {row.id: row for row in questions.itertuples()}
    kept: dict[str, str] = {}
    for trajectory in trajectories.itertuples():
        row, text = rows.get(trajectory.id), trajectory.completion.removeprefix(prefix)
        if row is None:
            continue
        scores = score_completion(
            WANTED,
            prefix + text,
            choices=list(row.choices),
            answer_index=row.answer_index,
            n_tokens=0,
            answer_kind=kind_of(row),
        )
        if scores == WANTED:
            kept[trajectory.id] = text
    if not kept:
        raise UserError(f"{where}: no right and well-formed completion for any training question: give others")
    for id_, text in kept.items():
        if found := special_tokens_in(text, special):
            raise UserError(
                f"{where}: question {id_}: its completion spells {found[0]}, which the model reads as a token of its"
                " own: write it otherwise, or leave it out"
            )
    chosen = questions[questions["id"].isin(kept)]
    return chosen.assign(completion=chosen["id"].map(kept))
