"""What a benchmark's summary says beyond the score: control questions, thoughts, and how far scorers agree."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from visualzero.report.inputs import Control, Reasoning, ScorerAgreement, Summary
from visualzero.report.tables import Arm

CONTROLS = {
    "no_image": "without the image",
    "shuffled_image": "with another question's image",
    "swapped_options": "with the options in another order",
}


@dataclass(frozen=True)
class ControlRow:
    """An arm's run asked one kind of control questions."""

    arm: Arm
    seed: str
    asked: str
    control: Control


@dataclass(frozen=True)
class ReasoningRow:
    """What the thoughts of an arm's run are like."""

    arm: Arm
    seed: str
    found: Reasoning


@dataclass(frozen=True)
class Analyses:
    """All three for one benchmark; empty or None where nothing was run."""

    controls: list[ControlRow]
    reasoning: list[ReasoningRow]
    scorers: ScorerAgreement | None


def analyses(summary: Summary, arms: Iterable[Arm], benchmark: str) -> Analyses:
    """The analyses of one benchmark, arms in their order."""
    arms = list(arms)
    return Analyses(
        list(_controls(summary, arms, benchmark)),
        [
            ReasoningRow(arm, _seed(seed), found)
            for arm in arms
            for seed, found in summary.reasoning.get(benchmark, {}).get(arm.name, {}).items()
            if found.thoughts.missing is not None and found.thoughts.missing < 1
        ],
        summary.scorer_agreement.get(benchmark),
    )


def _controls(summary: Summary, arms: Iterable[Arm], benchmark: str) -> Iterator[ControlRow]:
    for arm in arms:
        for seed, asked in summary.controls.get(benchmark, {}).get(arm.name, {}).items():
            for name, control in asked.items():
                yield ControlRow(arm, _seed(seed), CONTROLS.get(name, name), control)


def _seed(name: str) -> str:
    """A trained run's seed; an untrained arm has none to show."""
    return name if name.isdecimal() else ""
