"""Whether two sets of score rows are about the same questions: ids, and what else both say of them."""

from collections.abc import Mapping
from typing import Any

from visualzero.errors import UserError
from visualzero.evaluation.comparing.scored import Scored

FACTS = {"question": "question", "choices": "choices", "answer_index": "right answer"}


def require_same_questions(a: Scored, b: Scored) -> None:
    """Check that each id is on both sides, with the same question, choices and right answer where both say.

    Raises:
        UserError: if not.
    """
    rows_a, rows_b = ({row["id"]: row for row in side.rows} for side in (a, b))
    if not rows_a and not rows_b:
        raise UserError(f"{a.name} and {b.name}: no rows: score some responses first")
    for side, other, only in ((a, b, rows_a.keys() - rows_b.keys()), (b, a, rows_b.keys() - rows_a.keys())):
        if only:
            raise UserError(
                f"{side.name} and {other.name}: not the same questions: {len(only)} only in {side.name}, such as"
                f" '{min(only)}': compare responses to one benchmark"
            )
    for key, what in FACTS.items():
        differ = [name for name, row in rows_a.items() if _differs(row, rows_b[name], key)]
        if differ:
            raise UserError(
                f"{a.name} and {b.name}: not the same questions: {len(differ)} have another {what}, such as"
                f" '{differ[0]}': compare responses to one version of the benchmark"
            )


def _differs(a: Mapping[str, Any], b: Mapping[str, Any], key: str) -> bool:
    """Whether both rows say something of a question, and not the same."""
    mine, its = a.get(key), b.get(key)
    return mine is not None and its is not None and mine != its
