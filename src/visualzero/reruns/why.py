"""`visualzero why`: what would run, and for which change, in words and as data.

The plan is Snakemake's own; the words come from the parts of the fingerprints that it compares.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from visualzero import jobs
from visualzero.config import Study
from visualzero.fingerprint import Parts
from visualzero.layout import Layout
from visualzero.reruns.causes import UNKNOWN, changes
from visualzero.reruns.ledger import recall
from visualzero.reruns.plan import Planned

KINDS = {"train_sft": "training", "train_grpo": "training", "predict": "evaluation", "score": "scoring"}
NOTHING = "nothing: everything is up to date"


def why(study: Study, layout: Layout, planned: Iterable[Planned]) -> dict[str, Any]:
    """The changes of a plan, and its jobs, as JSON values.

    `changes` are those that no other change brings about: `what` (stage/name), `causes`, and `jobs` by kind, in which a
    job counts for every change that it follows from. `jobs` are all that would run, with their wildcards and outputs.
    """
    planned = list(planned)
    groups: dict[tuple[str, tuple[str, ...]], list[Planned]] = {}
    for job in planned:
        if job.reasons and not job.after_others:
            groups.setdefault((_what(study, job), tuple(_causes(study, layout, job))), []).append(job)
    return {
        "changes": [
            {"what": what, "causes": list(causes), "jobs": _counts(made)} for (what, causes), made in groups.items()
        ],
        "jobs": [
            {"rule": job.rule, "wildcards": job.wildcards, "output": list(job.output), "reasons": sorted(job.reasons)}
            for job in planned
        ],
    }


def why_text(found: dict[str, Any]) -> str:
    """One line for each change: `grpo/base-grpo: reward term format changed; 1 training, 2 evaluations, report`."""
    lines = [
        f"{change['what']}: {', '.join(change['causes'])}; {_counted(change['jobs'])}" for change in found["changes"]
    ]
    return "\n".join([*lines, f"in all: {_counted(_all(found['jobs']))}"]) if lines else NOTHING


def _what(study: Study, job: Planned) -> str:
    """Stage and name of what a job makes."""
    match job.rule:
        case "questions":
            return f"data/{job.wildcards['name']}"
        case "initial_model":
            return f"models/{job.wildcards['init']}"
        case "train_sft" | "train_grpo":
            return f"{study.arm(job.wildcards['arm']).recipe}/{job.wildcards['arm']}"
        case "predict" | "gather" | "score" | "sample" | "gather_samples" | "read_samples":
            return f"evaluate/{job.wildcards['arm']}"
        case "intervene" | "gather_interventions" | "read_interventions":
            return f"evaluate/{job.wildcards['arm']}"
        case "summarize":
            return "evaluate"
        case "page":
            return "report"
    return job.rule


def _parts(study: Study, job: Planned) -> Parts | None:
    """What a job is made from now."""
    arm, seed = job.wildcards.get("arm", ""), job.wildcards.get("seed", "")
    control = job.wildcards.get("control", "").removeprefix(".") or None
    of: dict[str, Callable[[], Parts]] = {
        "questions": lambda: jobs.data_parts(study, job.wildcards["name"]),
        "initial_model": lambda: jobs.model_parts(study, job.wildcards["init"]),
        "train_sft": lambda: jobs.run_parts(study, arm, int(seed)),
        "train_grpo": lambda: jobs.run_parts(study, arm, int(seed)),
        "predict": lambda: jobs.predict_parts(study, arm, job.wildcards["benchmark"], control),
        "gather": lambda: jobs.predict_parts(study, arm, job.wildcards["benchmark"], control),
        "score": lambda: jobs.score_parts(study, arm),
        "sample": lambda: jobs.sample_parts(study, arm),
        "gather_samples": lambda: jobs.sample_parts(study, arm),
        "read_samples": lambda: jobs.sample_scores_parts(study, arm),
        "intervene": lambda: jobs.intervention_parts(study, arm),
        "gather_interventions": lambda: jobs.intervention_parts(study, arm),
        "read_interventions": lambda: jobs.intervention_scores_parts(study, arm),
        "summarize": lambda: jobs.summary_parts(study),
        "page": lambda: jobs.report_parts(study),
    }
    return of[job.rule]() if job.rule in of else None


def _causes(study: Study, layout: Layout, job: Planned) -> list[str]:
    """Why a job would run, in words; a change that is known exactly says all."""
    found: list[str] = []
    for kind, said in job.reasons.items():
        if kind == "params":
            now = _parts(study, job)
            kept = [recall(layout, old.strip("'")) for old in said]
            before = next((parts for parts in kept if parts), None)
            found += changes(before, now) if now else [UNKNOWN]
        elif kind == "missing":
            found.append("not there" if len(said) == len(job.output) else f"{said[0]} is not there")
        elif kind == "cut off":
            found.append("was cut off")
        elif kind == "input":
            found.append(f"{', '.join(said)} changed")
        elif "params" not in job.reasons:
            found.append(f"{said[0]} changed")
    return found


def _counts(made: list[Planned]) -> dict[str, int]:
    """Jobs of each kind among these and what follows from them."""
    every = {job.output: job for one in made for job in (one, *one.follows)}
    return dict(Counter(_kind(job.rule) for job in every.values()))


def _all(jobs: list[dict[str, Any]]) -> dict[str, int]:
    return dict(Counter(_kind(job["rule"]) for job in jobs))


def _kind(rule: str) -> str:
    return {"questions": "table", "initial_model": "model", "page": "report", "summarize": "summary"}.get(
        rule, KINDS.get(rule, rule)
    )


def _counted(counts: dict[str, int]) -> str:
    """Counts in words; scorings go without saying where there are evaluations, the summary where there is a report."""
    quiet = {"scoring"} if counts.get("evaluation") else set()
    quiet |= {"summary"} if counts.get("report") else set()
    order = [kind for kind in ("table", "model", "training", "evaluation", "scoring") if counts.get(kind)]
    said = [f"{counts[kind]} {kind}{'s' if counts[kind] > 1 else ''}" for kind in order if kind not in quiet]
    return ", ".join([*said, *(kind for kind in ("summary", "report") if counts.get(kind) and kind not in quiet)])
