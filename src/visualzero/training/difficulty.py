"""Training questions by how hard they are: those that are always or never solved teach nothing, and are left out.

A group whose completions all earn the same has no advantage (arXiv 2503.14476, section 3.2, which samples until none is
left). Here questions are picked before training, by how often they were solved in a table of completions: an arm's
rollouts.parquet, or one of the user's own.
"""

from pathlib import Path

import pandas as pd

from visualzero.config import Difficulty
from visualzero.errors import UserError
from visualzero.training.trajectories import read_completions

SOLVED = ("reward_accuracy", "correct")
"""Columns that say whether a completion is right: of rollouts, and of other tables."""
TRUTH = {"true": 1.0, "false": 0.0}


def of_difficulty(questions: pd.DataFrame, wanted: Difficulty) -> pd.DataFrame:
    """The questions that were solved at a rate from `least` to `most` of `wanted`; those not in its table are left out.

    Raises:
        UserError: if the table can't be used, or no question is left.
    """
    rates = solve_rates(Path(wanted.path))
    kept = questions[questions["id"].map(rates).between(wanted.least, wanted.most)]
    if kept.empty:
        raise UserError(
            f"{wanted.path}: solves none of the {len(questions)} training questions at a rate from {wanted.least:g} to"
            f" {wanted.most:g}: give completions of these questions, or widen difficulty.least and most"
        )
    return kept


def solve_rates(path: Path) -> pd.Series:
    """The share of right completions of each question, by its id, from a table (JSONL, CSV, parquet).

    Raises:
        UserError: if it is of another kind, unreadable, or doesn't say which completions are right.
    """
    table = read_completions(path, "solved questions")
    column = next((name for name in SOLVED if name in table), None)
    if column is None or "id" not in table:
        raise UserError(f"{path}: needs a column id, of a training question, and one of {' and '.join(SOLVED)}: add it")
    said = table[column].map(lambda value: TRUTH.get(str(value).lower(), value))
    right = pd.to_numeric(said, errors="coerce")
    if not right.between(0, 1).all():
        wrong = table.loc[~right.between(0, 1)].iloc[0]
        raise UserError(f"{path}: question {wrong['id']}: {column} is {wrong[column]!r}: write 1 or 0, true or false")
    return right.groupby(table["id"]).mean()
