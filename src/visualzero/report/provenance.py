"""Where the numbers come from: time and memory of every job, and the manifests of models and runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visualzero.report.inputs import Seed, read_benchmark, read_json
from visualzero.report.text import clip, duration, memory
from visualzero.wording import NONE, clean, listed

LONGEST = 25  # jobs shown one by one


@dataclass(frozen=True)
class Job:
    """Time of a job, its share of all in percent and of the longest (the bar), and its peak memory."""

    name: str
    time: str
    share: float
    bar: float
    memory: str


@dataclass(frozen=True)
class Timings:
    """Jobs from longest to shortest; `absent` have no benchmark file."""

    jobs: list[Job]
    absent: list[str]
    total: str
    peak: str
    sentence: str


@dataclass(frozen=True)
class Manifests:
    """Facts that all runs share, and for each run those that differ, as (key, value)."""

    shared: list[tuple[str, str]]
    runs: dict[str, list[tuple[str, str]]]
    absent: list[str]


def timings(paths: Mapping[str, Path]) -> Timings | None:
    """Times of all jobs; None if no job has a benchmark file."""
    read = {clean(name): read_benchmark(path) for name, path in paths.items()}
    ran = {name: found for name, found in read.items() if found}
    if not ran:
        return None
    order = sorted(ran, key=lambda name: (-ran[name][0], name))
    total = sum(seconds for seconds, _ in ran.values())
    longest = max(ran[order[0]][0], 1e-9)
    peaks = [peak for _, peak in ran.values() if peak is not None]
    jobs = [
        Job(
            name,
            duration(ran[name][0]),
            100 * ran[name][0] / max(total, 1e-9),
            100 * ran[name][0] / longest,
            memory(ran[name][1]),
        )
        for name in order[:LONGEST]
    ]
    if len(order) > LONGEST:
        rest = sum(ran[name][0] for name in order[LONGEST:])
        jobs.append(Job(f"{len(order) - LONGEST} other jobs", duration(rest), 100 * rest / max(total, 1e-9), 0.0, ""))
    absent = [name for name, found in read.items() if not found]
    return Timings(jobs, absent, duration(total), memory(max(peaks, default=None)), _dominates(jobs, duration(total)))


def _dominates(jobs: list[Job], total: str) -> str:
    """Which jobs take most of the time: as few as make up half of it."""
    named, share = [], 0.0
    for job in jobs:
        named.append(job.name)
        share += job.share
        if share >= 50:
            break
    verb = "takes" if len(named) == 1 else "take"
    return f"{listed(named)} {verb} {share:.0f} % of the {total} of job time."


def manifests(paths: Mapping[str, Path]) -> Manifests:
    """The manifests by name; UserError if one is there and can't be read."""
    facts, absent = {}, []
    for name, path in paths.items():
        if path.is_file():
            facts[name] = dict(_flat(read_json(path, "manifest")))
        else:
            absent.append(name)
    first = next(iter(facts.values()), {})
    shared = {key: value for key, value in first.items() if all(one.get(key) == value for one in facts.values())}
    if len(facts) < 2:
        shared = {}
    runs = {name: [(key, value) for key, value in one.items() if key not in shared] for name, one in facts.items()}
    return Manifests(list(shared.items()), runs, absent)


def run_manifests(runs: Mapping[tuple[str, Seed], Path]) -> Manifests:
    """The manifests of run folders, by arm and seed."""
    named = {arm if seed is None else f"{arm}, seed {seed}": folder for (arm, seed), folder in runs.items()}
    return manifests({name: folder / "manifest.json" for name, folder in named.items()})


def _flat(value: Any, key: str = "") -> list[tuple[str, str]]:
    """A nested value as (dotted key, text)."""
    if isinstance(value, dict):
        return [pair for part, inner in value.items() for pair in _flat(inner, f"{key}.{part}" if key else str(part))]
    if isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        return [pair for i, inner in enumerate(value) for pair in _flat(inner, f"{key}[{i}]")]
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return [(clean(key), clip(clean(text), 160, 40))] if value is not None else [(clean(key), NONE)]
