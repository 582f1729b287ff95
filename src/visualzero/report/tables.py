"""The arms of the study and the table of their scores on one benchmark."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from visualzero.report.inputs import Seed
from visualzero.report.summary import Baseline, Cell, Summary, TaskScore, Tokens
from visualzero.report.text import seed_order
from visualzero.wording import NONE, clean, exists, listed

BASELINES = {
    "chance": "Chance",
    "constant_letter": "Best constant letter",
    "constant_letter_loo": "Best constant letter, leave-one-out",
    "constant_value": "Best constant value",
    "constant_value_loo": "Best constant value, leave-one-out",
}


@dataclass(frozen=True)
class Arm:
    """An arm as the page shows it; `seeds` are those of its runs, none if it is not trained."""

    name: str
    title: str
    recipe: str
    init: str
    prompt: str
    reward: str
    trained: bool
    seeds: list[str]
    paper: float | None  # micro accuracy of the paper, in percent
    color: int


@dataclass(frozen=True)
class Row:
    """A line of the table. `kind` is arm, seed or baseline; `cell` is None where nothing was run."""

    kind: str
    title: str
    arm: Arm | None
    seed: str
    cell: Cell | None
    note: str = ""


@dataclass(frozen=True)
class ArmTable:
    """All rows of a benchmark, its tasks in order, and chance by task."""

    benchmark: str
    tasks: list[str]
    rows: list[Row]
    chance: Baseline = field(default_factory=Baseline)


def study_arms(summary: Summary, arms: Mapping[str, Mapping[str, Any]], seeds: Iterable[tuple[str, Seed]]) -> list[Arm]:
    """The arms of the config, then those that only the summary has; `seeds` are (arm, seed) of known runs."""
    known: dict[str, set[str]] = {}
    for name, seed in seeds:
        if seed is not None:
            known.setdefault(name, set()).add(str(seed))
    made = []
    for color, name in enumerate(dict.fromkeys([*arms, *summary.arms])):
        config, scored = arms.get(name, {}), summary.arms.get(name)
        facts = {**(scored.model_dump(include={"title", "recipe", "init", "prompt"}) if scored else {}), **config}
        recipe = str(facts.get("recipe") or NONE)
        trained = scored.trained if scored else recipe != "none"
        ran = sorted({*(scored.seeds if scored else ()), *known.get(name, ())}, key=seed_order)
        micro = (facts.get("paper") or {}).get("micro")
        made.append(
            Arm(
                name=name,
                title=clean(str(facts.get("title") or name)),
                recipe=recipe,
                init=str(facts.get("init") or NONE),
                prompt=str(facts.get("prompt") or NONE),
                reward=str(facts.get("reward") or NONE),
                trained=trained,
                seeds=ran if trained else [],
                paper=None if micro is None else float(micro),
                color=color % 8,
            )
        )
    return made


def cells(summary: Summary, arm: Arm, benchmark: str) -> dict[str, Cell]:
    """The arm's scores by seed; an arm that is not trained has one, under the seed ""."""
    scored = summary.arms.get(arm.name)
    ran = {seed: one.get(benchmark) for seed, one in scored.seeds.items()} if scored else {}
    found = {seed: cell for seed in sorted(ran, key=seed_order) if (cell := ran[seed])}
    return found if arm.trained else dict(zip([""], found.values(), strict=False))


def arm_table(summary: Summary, arms: Iterable[Arm], benchmark: str) -> ArmTable:
    """The table of one benchmark: each arm, its seeds if they are several, and the baselines."""
    rows: list[Row] = []
    tasks: dict[str, None] = {}
    for arm in arms:
        ran = cells(summary, arm, benchmark)
        tasks |= dict.fromkeys(task for cell in ran.values() for task in cell.tasks)
        if len(arm.seeds) > 1 and ran:
            count = f"{len(ran)}" if len(ran) == len(arm.seeds) else f"{len(ran)} of {len(arm.seeds)}"
            rows.append(Row("arm", arm.title, arm, "mean", mean_cell(list(ran.values())), f"mean of {count} seeds"))
            rows += [Row("seed", f"seed {seed}", arm, seed, ran.get(seed)) for seed in arm.seeds]
        else:
            seed = next(iter(ran), arm.seeds[0] if len(arm.seeds) == 1 else "")
            note = f"seed {seed}" if seed else ("greedy, one evaluation" if ran else "")
            rows.append(Row("arm", arm.title, arm, seed, next(iter(ran.values()), None), note))
    known = summary.baselines.get(benchmark, {})
    for key, title in BASELINES.items():
        baseline = known.get(key)
        if baseline:
            tasks |= dict.fromkeys(baseline.tasks)
        rows.append(Row("baseline", title, None, "", _as_cell(baseline), _constant(baseline)))
    return ArmTable(benchmark, list(tasks), rows, known.get("chance", Baseline()))


def mean_cell(ran: list[Cell]) -> Cell:
    """The mean over seeds, without intervals: those belong to one run each."""

    def mean(get: Callable[[Cell], float | None]) -> float | None:
        values = [value for cell in ran if (value := get(cell)) is not None and exists(value)]
        return fmean(values) if values else None

    tasks = {}
    for task in dict.fromkeys(task for cell in ran for task in cell.tasks):
        scores = [cell.tasks[task] for cell in ran if task in cell.tasks]
        tasks[task] = TaskScore(accuracy=fmean(score.accuracy for score in scores), n=scores[0].n)
    return Cell(
        micro=fmean(cell.micro for cell in ran),
        official=mean(lambda cell: cell.official),
        tasks=tasks,
        parse_rate=mean(lambda cell: cell.parse_rate),
        format_rate=mean(lambda cell: cell.format_rate),
        truncated_rate=mean(lambda cell: cell.truncated_rate),
        accuracy_given_parsed=mean(lambda cell: cell.accuracy_given_parsed),
        chance_adjusted=mean(lambda cell: cell.chance_adjusted),
        n=ran[0].n,
        response_tokens=Tokens(
            mean=mean(lambda cell: cell.response_tokens.mean),
            median=mean(lambda cell: cell.response_tokens.median),
            p95=mean(lambda cell: cell.response_tokens.p95),
        ),
    )


def _as_cell(baseline: Baseline | None) -> Cell | None:
    if baseline is None or baseline.micro is None:
        return None
    tasks = {task: TaskScore(accuracy=value) for task, value in baseline.tasks.items() if value is not None}
    return Cell(micro=baseline.micro, official=baseline.official, tasks=tasks)


def _constant(baseline: Baseline | None) -> str:
    answers = baseline.answer.items() if baseline else ()
    return ", ".join(f"{clean(task)}: {clean(answer)}" for task, answer in answers if answer is not None)


def seeds_of(arms: Iterable[Arm]) -> str:
    """The seeds of the trained arms, as a list in words."""
    return listed(sorted({seed for arm in arms for seed in arm.seeds}, key=seed_order))
