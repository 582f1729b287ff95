"""How far scorers agree on the same responses, and what each of them makes of a run."""

from collections.abc import Mapping, Sequence
from operator import eq
from typing import Any

from visualzero.evaluation.comparing.scorers import scorers_of


def agreement(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Compare the scorers whose readings the rows hold.

    Args:
        rows: at least one score row, with answer_index and `readings`, a prediction or None by the scorer's name; all
            have the same scorers, or those that all have are compared.

    Returns:
        n: rows. scorers: accuracy and parse_rate by name, in the order of the readings. same: for each scorer and each
        scorer the share of rows that both read alike; that neither can be read is alike.
    """
    read = {name: [row["readings"][name] for row in rows] for name in scorers_of(rows)}
    right = [row["answer_index"] for row in rows]
    return {
        "n": len(rows),
        "scorers": {
            name: {
                "accuracy": _alike(mine, right),
                "parse_rate": sum(one is not None for one in mine) / len(rows),
            }
            for name, mine in read.items()
        },
        "same": {name: {other: _alike(mine, theirs) for other, theirs in read.items()} for name, mine in read.items()},
    }


def _alike(a: Sequence[int | None], b: Sequence[int | None]) -> float:
    return sum(map(eq, a, b)) / len(a)
