"""Every number of the study in one dict, `summary.json`: arms, baselines, and the planned comparisons.

Pure and deterministic: the same scores give the same bytes. Floats are rounded to six digits; the order of keys is that
of the config, tasks come in the order of the questions.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from visualzero.errors import UserError
from visualzero.evaluation.comparing.planned import Pair, comparisons_over_seeds
from visualzero.evaluation.comparing.planned import comparisons as comparisons_of
from visualzero.evaluation.comparing.transfers import transfers
from visualzero.evaluation.statistics import ScoreRows
from visualzero.evaluation.summary.baselines import baselines
from visualzero.evaluation.summary.cell import ScoredBenchmark, cell
from visualzero.evaluation.summary.scorers import accuracies, over_seeds

DIGITS = 6
P_DIGITS = 4  # significant ones, since a small p-value is not 0
ARM_KEYS = ("title", "recipe", "init", "prompt", "trained")
Scores = Mapping[tuple[str, int | None, str], ScoreRows]


def summarize(
    scores: Scores,
    *,
    scale: str,
    scorer: str,
    arms: Mapping[str, Mapping[str, Any]],
    seeds: Sequence[int],
    benchmarks: Mapping[str, ScoredBenchmark],
    margin: float,
    comparisons: Sequence[tuple[str, str]] = (),
) -> dict[str, Any]:
    """The content of summary.json.

    Args:
        scores: score rows by (arm, seed, benchmark); the seed is None for an arm that isn't trained, whose one
            evaluation is listed under every seed. What is missing is left out.
        scale: name of the scale.
        scorer: name of the scorer that made the scores.
        arms: title, recipe, init, prompt and trained of each arm, in the order to keep.
        seeds: the seeds of the trained arms.
        benchmarks: by name, in the order to keep.
        margin: the difference up to which arms are called equal.
        comparisons: pairs (a, b) of arms; the difference is that of a minus b, for every seed that both have.

    Raises:
        UserError: if scores aren't about the benchmark's questions, or a source of an official score has none.
    """
    _check(scores, benchmarks)
    scores = {key: _in_order(rows, benchmarks[key[2]]) for key, rows in scores.items()}

    def key(arm: str, seed: int, name: str) -> tuple[str, int | None, str]:
        return arm, seed if arms[arm]["trained"] else None, name

    def pair(a: str, b: str, name: str) -> Pair:
        keys = {seed: (key(a, seed, name), key(b, seed, name)) for seed in seeds}
        rows = {seed: (scores[mine], scores[its]) for seed, (mine, its) in keys.items() if {mine, its} <= scores.keys()}
        trained = arms[a]["trained"] or arms[b]["trained"]
        return Pair(a, b, arms[a]["title"], arms[b]["title"], trained, rows)

    made = {one: cell(rows, benchmarks[one[2]]) for one, rows in scores.items()}
    by_seed = {
        arm: {
            str(seed): {name: made[key(arm, seed, name)] for name in benchmarks if key(arm, seed, name) in made}
            for seed in seeds
            if any(key(arm, seed, name) in made for name in benchmarks)
        }
        for arm in arms
    }
    by_arm = {
        name: {
            arm: {str(seed): scores[its] for seed in seeds if (its := key(arm, seed, name)) in scores} for arm in arms
        }
        for name in benchmarks
    }
    pairs = {name: [pair(a, b, name) for a, b in comparisons] for name in benchmarks}
    halves = {name: (benchmark.sources_2d, benchmark.sources_3d) for name, benchmark in benchmarks.items()}
    first, *others = benchmarks
    summary = {
        "scale": scale,
        "scorer": scorer,
        "margin": margin,
        "arms": {
            arm: {
                **{key: facts[key] for key in ARM_KEYS},
                "seeds": by_seed[arm],
                "over_seeds": {
                    name: over_seeds(by_arm[name][arm], halves[name])
                    for name in benchmarks
                    if facts["trained"] and len(by_arm[name][arm]) > 1
                },
            }
            for arm, facts in arms.items()
        },
        "baselines": {
            name: baselines(benchmark.questions, benchmark.sources_2d, benchmark.sources_3d)
            for name, benchmark in benchmarks.items()
        },
        "accuracies": {
            name: {
                arm: found
                for arm, rows in by_arm[name].items()
                if (found := accuracies(rows if arms[arm]["trained"] else dict(list(rows.items())[:1])))
            }
            for name in benchmarks
        },
        "comparisons": {name: comparisons_of(pairs[name], seeds, margin, halves[name]) for name in benchmarks},
        "comparisons_over_seeds": {
            name: comparisons_over_seeds(pairs[name], margin, halves[name]) for name in benchmarks
        },
        "transfers": {name: transfers(pairs[name], pairs[first], name, first) for name in others},
    }
    figures: dict[str, Any] = rounded(summary)
    return figures


def summary_text(summary: Mapping[str, Any]) -> str:
    """The JSON text of a summary."""
    return json.dumps(summary, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _in_order(rows: ScoreRows, benchmark: ScoredBenchmark) -> ScoreRows:
    """Rows in the order of the questions, so that those of all arms and seeds stand beside each other."""
    by_id = {row["id"]: row for row in rows}
    return [by_id[name] for name in benchmark.questions["id"]]


def _check(scores: Scores, benchmarks: Mapping[str, ScoredBenchmark]) -> None:
    for (arm, seed, name), rows in scores.items():
        ids = benchmarks[name].questions["id"]
        if {row["id"] for row in rows} != set(ids) or len(rows) != len(ids):
            where = f"scores of {arm}, seed {seed}, on {name}" if seed is not None else f"scores of {arm} on {name}"
            raise UserError(f"{where}: they are not about the benchmark's questions: run the evaluate stage again")
    for name, benchmark in benchmarks.items():
        known = dict.fromkeys(benchmark.questions["source"])
        for source in (*benchmark.sources_2d, *benchmark.sources_3d):
            if source not in known:
                raise UserError(
                    f"data.benchmarks.{name}: no question has source '{source}': choose from {', '.join(known)}"
                )


def rounded(value: Any, key: str = "") -> Any:
    """`value` with its floats rounded: to six digits; p-values, with keys that start with `p_`, to four significant."""
    if isinstance(value, float):
        if key.startswith("p_"):
            return float(f"{value:.{P_DIGITS}g}")
        return round(value, DIGITS) + 0.0  # no -0.0
    if isinstance(value, Mapping):
        return {name: rounded(inner, name) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(inner) for inner in value]
    return value
