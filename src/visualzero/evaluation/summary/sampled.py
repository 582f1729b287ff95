"""What sampled answers show: each arm's pass@k and majority@k, under every scorer, beside what guessing would give.

An answer counts as right by the reading of the study's scorer; docs/causes.md says what each number is.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from visualzero.evaluation.comparing.sampled import Sampled, sampled_comparisons
from visualzero.evaluation.statistics.crossed import crossed
from visualzero.evaluation.statistics.majority import majority_at_k
from visualzero.evaluation.statistics.pass_at_k import guessed_pass_at_k, pass_at_k
from visualzero.evaluation.statistics.sampled_mean import sampled_mean
from visualzero.evaluation.statistics.shares import Floats, Interval, fraction_interval

Rows = Sequence[Mapping[str, Any]]  # of causes/reading.py, one for each question


def sampled(
    rows: Mapping[tuple[str, str], Rows],
    *,
    scorer: str,
    titles: Mapping[str, str],
    comparisons: Sequence[tuple[str, str]],
) -> dict[str, Any]:
    """Every number of the samples, which all have as many answers to the same questions.

    Args:
        rows: by arm and seed ("untrained" for an arm without training), in the order to keep.
        scorer: whose reading counts; the others stand beside it.
        titles: of each arm.
        comparisons: planned pairs (a, b) of arms; those of which both are sampled are compared.

    Raises:
        ValueError: if the rows are not about the same questions in the same order, or some have more answers.
    """
    first = next(iter(rows.values()))
    samples = _samples(rows)
    images = [row["image_id"] for row in first]
    arms: dict[str, dict[str, Rows]] = {}
    for (arm, seed), mine in rows.items():
        arms.setdefault(arm, {})[seed] = mine
    made = {arm: Sampled(titles[arm], _right(by_seed, scorer), images, samples) for arm, by_seed in arms.items()}
    guessing = guessed_pass_at_k([row["n_choices"] for row in first], samples)
    others = {
        name: {arm: Sampled(titles[arm], _right(by_seed, name), images, samples) for arm, by_seed in arms.items()}
        for name in first[0]["readings"]
    }
    return {
        "scorer": scorer,
        "samples": samples,
        "questions": len(first),
        "images": len(set(images)),
        "guessing": guessing.tolist(),
        "arms": {
            arm: {
                "seeds": {seed: _run(mine, scorer, samples) for seed, mine in by_seed.items()},
                "over_seeds": _over_seeds(by_seed, scorer, samples) if len(by_seed) > 1 else None,
                "scorers": {
                    name: {"pass": _powers(its[arm].passed.mean(axis=(0, 1))), "read": _read(by_seed, name)}
                    for name, its in others.items()
                },
            }
            for arm, by_seed in arms.items()
        },
        "comparisons": sampled_comparisons(
            made, others, comparisons, [row["id"] for row in first], float(guessing[-1])
        ),
    }


def _samples(rows: Mapping[tuple[str, str], Rows]) -> int:
    """Answers to each question."""
    asked = {tuple(row["id"] for row in mine) for mine in rows.values()}
    counts = {len(row["n_tokens"]) for mine in rows.values() for row in mine}
    if len(asked) != 1 or len(counts) != 1:
        raise ValueError("samples are compared on the same questions, as many to each")
    return counts.pop()


def _right(by_seed: Mapping[str, Rows], scorer: str) -> dict[str, list[int]]:
    """Right answers to each question, under each seed."""
    return {
        seed: [row["readings"][scorer].count(row["answer_index"]) for row in rows] for seed, rows in by_seed.items()
    }


def _read(by_seed: Mapping[str, Rows], scorer: str) -> float:
    """Share of answers that a scorer reads as one option."""
    return float(
        np.mean([one is not None for rows in by_seed.values() for row in rows for one in row["readings"][scorer]])
    )


def _run(rows: Rows, scorer: str, samples: int) -> dict[str, Any]:
    """One run: accuracy with what its error is made of, and both curves for k = 1, ..., `samples`."""
    right, images = _right({"": rows}, scorer)[""], [row["image_id"] for row in rows]
    tokens = [n for row in rows for n in row["n_tokens"]]
    return {
        **asdict(sampled_mean(right, samples, images)),
        "read": _read({"": rows}, scorer),
        "truncated": float(np.mean([one == "length" for row in rows for one in row["finish_reasons"]])),
        **_reflecting(rows, samples, images),
        "tokens": float(np.mean(tokens)),
        **_curves(pass_at_k(right, samples)[None], _majority(rows, scorer)[None], images),
    }


def _reflecting(rows: Rows, samples: int, images: Sequence[str]) -> dict[str, Any]:
    """Share of answers whose thought reconsiders, with its interval; of an untrained arm, that is before any step."""
    shares = [row["reflecting"] / samples for row in rows]
    return {"reflecting": float(np.mean(shares)), "reflecting_interval": fraction_interval(shares, images)}


def _over_seeds(by_seed: Mapping[str, Rows], scorer: str, samples: int) -> dict[str, Any]:
    """The same curves as means over seeds, with intervals over seeds and questions."""
    passed = np.stack([pass_at_k(right, samples) for right in _right(by_seed, scorer).values()])
    votes = np.stack([_majority(rows, scorer) for rows in by_seed.values()])
    images = [row["image_id"] for row in next(iter(by_seed.values()))]
    return {"accuracy": float(passed[:, :, 0].mean()), **_curves(passed, votes, images)}


def _curves(passed: Floats, votes: Floats, images: Sequence[str]) -> dict[str, Any]:
    """Means of seeds x questions x numbers of samples, each number with its interval."""

    def interval(values: Floats) -> Interval:
        low, high = fraction_interval(values.mean(axis=0), images)
        if len(values) == 1:
            return low, high
        both = crossed(values, images, (0.0, 1.0)).interval  # whose spread is too small near 0 and 1
        return min(low, both[0]), max(high, both[1])

    found: dict[str, Any] = {}
    for name, curve in (("pass", passed), ("majority", votes)):
        found[name] = curve.mean(axis=(0, 1)).tolist()
        found[f"{name}_intervals"] = [interval(curve[:, :, k]) for k in range(curve.shape[2])]
    return found


def _majority(rows: Rows, scorer: str) -> Floats:
    """Majority@k of each question for k = 1, ..., samples."""
    found = []
    for row in rows:
        votes = Counter(row["readings"][scorer])
        unread, right = votes.pop(None, 0), votes.pop(row["answer_index"], 0)
        found.append(majority_at_k(right, tuple(sorted(votes.values())), unread))
    return np.array(found)


def _powers(curve: Floats) -> dict[str, float]:
    """A curve's values at powers of two, and at its end."""
    places = sorted({*(1 << power for power in range(len(curve).bit_length())), len(curve)})
    return {str(k): float(curve[k - 1]) for k in places}
