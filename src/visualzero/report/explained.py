"""The page's sections on what explains the differences: the verdict, altered thoughts, what gains are made of."""

from collections.abc import Sequence
from dataclasses import dataclass

from visualzero.report.causes_summary import (
    AlteredArm,
    AlteredContrast,
    AlteredKind,
    Blind,
    EyesShare,
    Interventions,
    Letters,
    Split,
    SplitPart,
    Verdict,
)
from visualzero.report.summary import Summary
from visualzero.report.tables import Arm

KINDS = {
    "kept": "its own thought",
    "emptied": "no thought",
    "foreign": "another question's thought",
    "corrupted": "what it states exchanged",
    "free": "cut before the cue, free to go on",
    "cued": "cut after the cue",
    "stopped": "cut before the cue, closed",
}
CONTRASTS = {
    "emptied": "no thought, against its own",
    "foreign": "another question's, against its own",
    "corrupted": "exchanged, against its own",
    "stopped": "closed before the cue, against its own",
    "cue": "cue forced, against free",
}
PARTS = ("form", "prior", "sight", "thought")


@dataclass(frozen=True)
class AlteredRow:
    """An arm in the tables of altered thoughts, with a cell for each of `KINDS` and of `CONTRASTS`."""

    arm: Arm
    found: AlteredArm
    kinds: list[AlteredKind | None]
    contrasts: list[AlteredContrast | None]


@dataclass(frozen=True)
class Thoughts:
    """Altered thoughts; `absent` are arms whose thoughts were left alone."""

    facts: Interventions
    rows: list[AlteredRow]
    kinds: list[str]
    contrasts: list[str]
    absent: list[Arm]


@dataclass(frozen=True)
class SplitRow:
    """A planned difference that is split, with a cell for each of `PARTS`."""

    a: str
    b: str
    found: Split
    parts: list[SplitPart | None]


@dataclass(frozen=True)
class EyesRow:
    """An arm's accuracy on questions that need eyes, and on the others."""

    arm: Arm
    eyes: EyesShare | None
    rest: EyesShare | None


@dataclass(frozen=True)
class Gains:
    """What gains are made of: split pairs, those that can't be, blind scores and letters."""

    splits: list[SplitRow]
    lacking: list[str]
    blind: Blind | None
    eyes: list[EyesRow]
    letters: list[tuple[Arm, Letters]]


@dataclass(frozen=True)
class Explained:
    """All three sections; None or empty where they were not run."""

    verdicts: list[Verdict]
    thoughts: Thoughts | None
    gains: Gains | None


def explained(summary: Summary, arms: Sequence[Arm]) -> Explained:
    """The sections, arms in their order."""
    causes = summary.causes
    return Explained(causes.verdict, _thoughts(causes.interventions, arms), _gains(summary, arms))


def _thoughts(facts: Interventions | None, arms: Sequence[Arm]) -> Thoughts | None:
    if facts is None:
        return None
    asked = [(arm, facts.arms[arm.name]) for arm in arms if arm.name in facts.arms]
    return Thoughts(
        facts=facts,
        rows=[
            AlteredRow(
                arm, found, [found.kinds.get(kind) for kind in KINDS], [found.contrasts.get(c) for c in CONTRASTS]
            )
            for arm, found in asked
        ],
        kinds=list(KINDS.values()),
        contrasts=list(CONTRASTS.values()),
        absent=[arm for arm in arms if arm.name not in facts.arms],
    )


def _gains(summary: Summary, arms: Sequence[Arm]) -> Gains | None:
    causes = summary.causes
    if not (causes.split or causes.blind or causes.letters):
        return None
    titles = {arm.name: arm.title for arm in arms}
    blind = causes.blind
    return Gains(
        splits=[
            SplitRow(titles.get(one.a, one.a), titles.get(one.b, one.b), one, [one.parts.get(part) for part in PARTS])
            for one in causes.split
            if one.parts
        ],
        lacking=[one.claim for one in causes.split if not one.parts],
        blind=blind,
        eyes=[
            EyesRow(arm, blind.arms[arm.name].get("eyes"), blind.arms[arm.name].get("rest"))
            for arm in arms
            if blind and arm.name in blind.arms
        ],
        letters=[(arm, causes.letters[arm.name]) for arm in arms if arm.name in causes.letters],
    )
