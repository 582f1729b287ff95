"""What a benchmark's summary says beyond the score: letters, control questions, thoughts, and how far scorers agree."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from visualzero.report.summary import Control, Reasoning, ScorerAgreement, Summary
from visualzero.report.tables import Arm, cells

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
class LetterShare:
    """Of the questions with so many options: `recall` where the letter is right, and how often it is `chosen`."""

    recall: float | None
    chosen: float


@dataclass(frozen=True)
class LettersRow:
    """An arm's run and its letters on the questions with so many options; `unread` is the share without a choice."""

    arm: Arm
    seed: str
    options: str
    n: int
    letters: list[LetterShare]
    unread: float


@dataclass(frozen=True)
class ReasoningRow:
    """What the thoughts of an arm's run are like."""

    arm: Arm
    seed: str
    found: Reasoning


@dataclass(frozen=True)
class Analyses:
    """All of them for one benchmark; empty or None where nothing was run."""

    letters: list[LettersRow]
    controls: list[ControlRow]
    reasoning: list[ReasoningRow]
    scorers: ScorerAgreement | None


def analyses(summary: Summary, arms: Iterable[Arm], benchmark: str) -> Analyses:
    """The analyses of one benchmark, arms in their order."""
    arms = list(arms)
    return Analyses(
        list(_letters(summary, arms, benchmark)),
        list(_controls(summary, arms, benchmark)),
        [
            ReasoningRow(arm, _seed(seed), found)
            for arm in arms
            for seed, found in summary.reasoning.get(benchmark, {}).get(arm.name, {}).items()
            if found.thoughts.missing is not None and found.thoughts.missing < 1
        ],
        summary.scorer_agreement.get(benchmark),
    )


def _letters(summary: Summary, arms: Iterable[Arm], benchmark: str) -> Iterator[LettersRow]:
    for arm in arms:
        for seed, cell in cells(summary, arm, benchmark).items():
            for options, letters in cell.letters.items():
                n = sum(letter.n for letter in letters.values())
                shares = [LetterShare(letters[key].recall, letters[key].predicted / n) for key in sorted(letters)]
                yield LettersRow(arm, seed, options, n, shares, 1 - sum(share.chosen for share in shares))


def _controls(summary: Summary, arms: Iterable[Arm], benchmark: str) -> Iterator[ControlRow]:
    for arm in arms:
        for seed, asked in summary.controls.get(benchmark, {}).get(arm.name, {}).items():
            for name, control in asked.items():
                yield ControlRow(arm, _seed(seed), CONTROLS.get(name, name), control)


def _seed(name: str) -> str:
    """A trained run's seed; an untrained arm has none to show."""
    return name if name.isdecimal() else ""
