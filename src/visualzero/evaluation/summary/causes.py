"""What explains the scores, where the config asks for it: samples, altered thoughts, split, blind scores, a verdict.

Reads what the stages of `causes/` have left; docs/causes.md says what each number is.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from visualzero.config import Study
from visualzero.evaluation.comparing.letters import letters
from visualzero.evaluation.comparing.verdict import verdicts
from visualzero.evaluation.reading.score import verified_rows
from visualzero.evaluation.statistics import ScoreRows
from visualzero.evaluation.summary.altered import altered
from visualzero.evaluation.summary.blind import blind
from visualzero.evaluation.summary.sampled import sampled
from visualzero.evaluation.summary.split import Observed, splits
from visualzero.layout import Layout, seeds_of

Scores = Mapping[tuple[str, int | str, str], ScoreRows]
"""Score rows by arm, seed and benchmark."""


def causes(study: Study, layout: Layout, questions: Mapping[str, pd.DataFrame], scores: Scores) -> dict[str, Any]:
    """The part `causes` of the summary, by kind; empty where nothing was asked for."""
    asked = study.causes
    found: dict[str, Any] = {
        "sampling": _sampled(study, layout) if study.sampled_arms() else None,
        "interventions": _altered(study, layout, scores) if study.intervened_arms() else None,
        "split": _splits(study, layout, scores) if asked.split else None,
        "blind": _blind(study, questions, scores) if asked.blind else None,
    }
    if not any(found.values()):
        return {}
    found["letters"] = _letters(study, layout, questions, scores)
    pairs = [(pair.a, pair.b) for pair in study.comparisons if {pair.a, pair.b} <= study.arms.keys()]
    found["verdict"] = verdicts(found, pairs, _titles(study))
    return {name: one for name, one in found.items() if one}


def _sampled(study: Study, layout: Layout) -> dict[str, Any]:
    """What the samples show, and how they were drawn."""
    benchmark = study.sampled_benchmark
    runs = [(arm, seed) for arm in study.sampled_arms() for seed in seeds_of(study, arm)]
    found = sampled(
        {(arm, str(seed)): verified_rows(layout.sample_scores(arm, seed, benchmark)) for arm, seed in runs},
        scorer=study.evaluate.scorer,
        titles=_titles(study),
        comparisons=[(pair.a, pair.b) for pair in study.comparisons],
    )
    drawn = study.sampling.model_dump(include={"temperature", "top_p", "seed"})
    return {"benchmark": benchmark, **drawn, **found}


def _altered(study: Study, layout: Layout, scores: Scores) -> dict[str, Any]:
    """What altered thoughts show, and how the answers from them were drawn."""
    benchmark, asked = study.intervened_benchmark, study.interventions
    runs = [(arm, seed) for arm in study.intervened_arms() for seed in seeds_of(study, arm)]
    found = altered(
        {(arm, str(seed)): verified_rows(layout.intervention_scores(arm, seed, benchmark)) for arm, seed in runs},
        {
            (arm, str(seed)): {row["id"]: row["prediction"] for row in scores[arm, seed, benchmark]}
            for arm, seed in runs
        },
        samples=asked.samples,
        titles=_titles(study),
        margin=asked.margin,
    )
    return {"benchmark": benchmark, **asked.model_dump(include={"temperature", "top_p", "seed"}), **found}


def _splits(study: Study, layout: Layout, scores: Scores) -> list[dict[str, Any]]:
    """What the planned gains are made of, on the benchmark whose thoughts are altered."""
    benchmark = study.intervened_benchmark
    tested = {}
    for arm, spec in study.arms.items():
        seeds = seeds_of(study, arm)
        blinded, thinks = arm in study.controls.no_image, arm in study.intervened_arms()
        tested[arm] = Observed(
            spec.title,
            {str(seed): scores[arm, seed, benchmark] for seed in seeds},
            {str(seed): verified_rows(layout.scores(arm, seed, benchmark, "no_image")) for seed in seeds}
            if blinded
            else None,
            {str(seed): verified_rows(layout.intervention_scores(arm, seed, benchmark)) for seed in seeds}
            if thinks
            else None,
        )
    return splits(tested, [(pair.a, pair.b) for pair in study.comparisons])


def _blind(study: Study, questions: Mapping[str, pd.DataFrame], scores: Scores) -> dict[str, Any] | None:
    """Which questions can be answered from their texts, on the benchmark whose thoughts are altered."""
    benchmark = study.intervened_benchmark
    found = blind(
        questions[benchmark].to_dict("records"),
        {arm: {str(seed): scores[arm, seed, benchmark] for seed in seeds_of(study, arm)} for arm in study.arms},
    )
    return found and {"benchmark": benchmark, **found}


def _letters(
    study: Study, layout: Layout, questions: Mapping[str, pd.DataFrame], scores: Scores
) -> dict[str, dict[str, Any]]:
    """By arm that is asked with its options moved on: whether it goes by letters, in its first seed."""
    benchmark = study.intervened_benchmark
    choices = dict(zip(questions[benchmark]["id"], map(list, questions[benchmark]["choices"]), strict=True))
    found = {}
    for arm in study.controls.swapped_options:
        if arm in study.arms:
            seed = seeds_of(study, arm)[0]
            swapped = verified_rows(layout.scores(arm, seed, benchmark, "swapped_options"))
            made = letters(study.arms[arm].title, scores[arm, seed, benchmark], swapped, choices)
            found[arm] = {"seed": str(seed), **made}
    return found


def _titles(study: Study) -> dict[str, str]:
    return {name: arm.title for name, arm in study.arms.items()}
