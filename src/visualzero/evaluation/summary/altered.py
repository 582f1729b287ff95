"""What altered thoughts show of each arm, from what was read in its answers (docs/causes.md)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import nan
from typing import Any

import numpy as np

from visualzero.evaluation.comparing.altered import ABSENT, UNREAD, Altered, Arm, Ints, altered_arms
from visualzero.evaluation.reasoning.altering import KINDS
from visualzero.evaluation.reasoning.cues import DIGEST, NAME

Rows = Sequence[Mapping[str, Any]]  # of causes/reading_altered.py, one for each question
Run = tuple[str, str]  # arm and seed


def altered(
    rows: Mapping[Run, Rows],
    held: Mapping[Run, Mapping[str, int | None]],
    *,
    samples: int,
    titles: Mapping[str, str],
    margin: float,
) -> dict[str, Any]:
    """Every number of the altered thoughts.

    Args:
        rows: by arm and seed ("untrained" for an arm without training), in the order to keep.
        held: by arm and seed, the option that its own response to each question chose, or None.
        samples: answers from each altered thought.
        titles: of each arm.
        margin: effects up to this are called none.

    Raises:
        ValueError: if the rows are not about the same questions in the same order, or have more or fewer answers.
    """
    asked = {tuple(row["id"] for row in mine) for mine in rows.values()}
    if len(asked) != 1:
        raise ValueError("altered thoughts are compared on the same questions")
    arms: dict[str, dict[str, Rows]] = {}
    for (arm, seed), mine in rows.items():
        arms.setdefault(arm, {})[seed] = mine
    made = {
        arm: Arm(
            titles[arm],
            {seed: altered_of(mine, held[arm, seed], samples) for seed, mine in by_seed.items()},
        )
        for arm, by_seed in arms.items()
    }
    found = altered_arms(made, margin)
    return {
        "samples": samples,
        "questions": len(asked.pop()),
        "margin": margin,
        "cues": {"name": NAME, "digest": DIGEST},
        "arms": {
            arm: {
                "thoughts": {seed: sum(bool(row["readings"]) for row in mine) for seed, mine in by_seed.items()},
                "exchanged": dict(sorted(_exchanged(by_seed).items())),
                **found[arm],
            }
            for arm, by_seed in arms.items()
        },
    }


def altered_of(rows: Rows, held: Mapping[str, int | None], samples: int) -> Altered:
    """One run's answers as arrays, in the order of the rows.

    Raises:
        ValueError: if a question has more or fewer answers from a thought than `samples`.
    """

    def answers(kind: str) -> Ints:
        none = [ABSENT] * samples
        read = [row["readings"].get(kind, none) for row in rows]
        if any(len(its) != samples for its in read):
            raise ValueError(f"answers from altered thoughts ({kind}): not {samples} to each")
        return np.array([[UNREAD if one is None else one for one in its] for its in read], dtype=np.int64)

    options = [held[row["id"]] for row in rows]
    return Altered(
        held=np.array([UNREAD if one is None else one for one in options], dtype=np.int64),
        right=np.array([row["answer_index"] for row in rows], dtype=np.int64),
        images=[row["image_id"] for row in rows],
        answers={kind: answers(kind) for kind in KINDS},
        again=np.array([row["again"] or 0 for row in rows], dtype=np.int64),
        entropy=np.array([_entropies(row.get("entropy")) for row in rows]),
    )


def _entropies(entropy: Mapping[str, float] | None) -> tuple[float, float]:
    return (entropy["cue"], entropy["others"]) if entropy else (nan, nan)


def _exchanged(by_seed: Mapping[str, Rows]) -> Counter[str]:
    """How many corrupted thoughts had each kind of word exchanged."""
    return Counter(row["by"] for rows in by_seed.values() for row in rows if row["by"])
