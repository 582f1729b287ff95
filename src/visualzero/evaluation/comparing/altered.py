"""What altered thoughts show of an arm: does the thought decide its answer, and does reconsidering help?

Answers drawn from an altered thought are set against answers drawn from the same thought left as it is (`kept`), and
those after a forced cue against those of a model that goes on freely (`free`), question by question. So what drawing at
random changes by itself counts for neither.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from visualzero.evaluation.comparing.altered_claims import cue_claim, entropy_claim, seed_claim, thought_claim
from visualzero.evaluation.comparing.altered_verdicts import cue_effect, cue_verdict, thought_verdict
from visualzero.evaluation.comparing.sampled import Told, told
from visualzero.evaluation.statistics.shares import Floats, clustered_error, fraction_interval, t_quantile
from visualzero.evaluation.statistics.significance import holm

Ints = npt.NDArray[np.int64]
ABSENT, UNREAD = -2, -1  # in place of an option: not asked of this question; no option was read
FEWEST = 20  # images of which something is said
CONTRASTS = {
    "emptied": ("emptied", "kept"),
    "foreign": ("foreign", "kept"),
    "corrupted": ("corrupted", "kept"),
    "stopped": ("stopped", "kept"),
    "cue": ("cued", "free"),
}
DECIDING = ("emptied", "foreign", "corrupted")


@dataclass(frozen=True)
class Altered:
    """Answers of one run from altered thoughts, Q questions with n answers each; options are numbers from 0.

    `held` [Q] is what its own response chose, `right` [Q] what is right, `answers[kind]` [Q, n]; `again` [Q] is how
    many of the free continuations wrote a cue themselves. `entropy` [Q, 2] is that of the next token
    where the cue begins and, on average, elsewhere; not a number where there is no cue, None where it wasn't measured.
    """

    held: Ints
    right: Ints
    images: Sequence[str]
    answers: Mapping[str, Ints]
    again: Ints
    entropy: Floats | None = None

    def asked(self, kind: str) -> npt.NDArray[np.bool_]:
        """Of which questions there are answers of this kind; [Q]."""
        found: npt.NDArray[np.bool_] = self.answers[kind][:, 0] != ABSENT
        return found

    def changed(self, kind: str) -> Floats:
        """Share of each question's answers that are another option than its own response chose; [Q]."""
        answers = self.answers[kind]
        return _share((answers >= 0) & (answers != self.held[:, None]))

    def accuracy(self, kind: str) -> Floats:
        """Share of each question's answers that are right; [Q]."""
        return _share(self.answers[kind] == self.right[:, None])

    def unread(self, kind: str) -> Floats:
        """Share of each question's answers that can't be read; [Q]."""
        return _share(self.answers[kind] == UNREAD)


@dataclass(frozen=True)
class Arm:
    """An arm's answers from altered thoughts, by seed ("untrained" where there is none)."""

    title: str
    runs: Mapping[str, Altered]

    @property
    def images(self) -> Sequence[str]:
        """Of each question."""
        return next(iter(self.runs.values())).images

    def asked(self, *kinds: str) -> npt.NDArray[np.bool_]:
        """The questions of which every run has answers of all these kinds; [Q]."""
        found: npt.NDArray[np.bool_] = np.all([run.asked(kind) for run in self.runs.values() for kind in kinds], axis=0)
        return found


@dataclass(frozen=True)
class Contrast:
    """Answers of one kind against those of another: how many more are changed, are right, can't be read.

    The differences are None where fewer than `FEWEST` images have both.
    """

    n: int
    changed: Told | None
    accuracy: Told | None
    unread: float | None


def altered_arms(arms: Mapping[str, Arm], margin: float) -> dict[str, dict[str, Any]]:
    """By arm what its altered thoughts show, and in words.

    Args:
        arms: by name.
        margin: differences up to this are called none where the whole interval lies within it.

    P-values are corrected by Holm's method over all contrasts of all arms.
    """
    found = {name: {kind: _contrast(arm, *pair) for kind, pair in CONTRASTS.items()} for name, arm in arms.items()}
    ends = [
        (name, kind, what, end)
        for name, its in found.items()
        for kind, one in its.items()
        for what, end in (("changed", one.changed), ("accuracy", one.accuracy))
        if end
    ]
    corrected = holm([end.p_value for *_, end in ends])
    p_holm = {(name, kind, what): p for (name, kind, what, _), p in zip(ends, corrected, strict=True)}
    return {name: _arm(arm, name, found[name], p_holm, margin) for name, arm in arms.items()}


def _share(flags: npt.NDArray[np.bool_]) -> Floats:
    found: Floats = flags.mean(axis=1)
    return found


def _contrast(arm: Arm, a: str, b: str) -> Contrast:
    asked = arm.asked(a, b)
    images = [image for image, has in zip(arm.images, asked, strict=True) if has]
    if len(set(images)) < FEWEST:
        return Contrast(len(images), None, None, None)
    runs = arm.runs.values()
    changed = np.stack([(run.changed(a) - run.changed(b))[asked] for run in runs])
    accuracy = np.stack([(run.accuracy(a) - run.accuracy(b))[asked] for run in runs])
    unread = float(np.mean([(run.unread(a) - run.unread(b))[asked] for run in runs]))
    return Contrast(len(images), told(changed, images), told(accuracy, images), unread)


def _arm(
    arm: Arm, name: str, found: Mapping[str, Contrast], p_holm: Mapping[tuple[str, str, str], float], margin: float
) -> dict[str, Any]:
    seeds = [seed for seed in arm.runs if seed.isdecimal()]
    deciding = {
        kind: (end, p_holm[name, kind, "changed"], found[kind].unread or 0.0)
        for kind in DECIDING
        if (end := found[kind].changed) is not None
    }
    free = arm.asked("free")
    again = _share_again(arm, free) if free.any() else 0.0
    accuracy = found["cue"].accuracy
    effect = cue_effect(accuracy, again)
    thought = thought_verdict(list(deciding.values()), margin)
    cue = cue_verdict(effect, p_holm.get((name, "cue", "accuracy"), 1.0), margin)
    entropy = _entropy(arm)
    kinds = {kind: _kind(arm, kind) for kind in next(iter(arm.runs.values())).answers}
    return {
        "seeds": seeds,
        "kinds": {kind: one for kind, one in kinds.items() if one},
        "contrasts": {
            kind: {
                "n": one.n,
                "unread": one.unread,
                **{
                    what: {**asdict(end), "p_holm": p_holm[name, kind, what]} if end else None
                    for what, end in (("changed", one.changed), ("accuracy", one.accuracy))
                },
            }
            for kind, one in found.items()
        },
        "cue": {"n": int(free.sum()), "again": again, "effect": effect},
        "entropy": entropy,
        "thought_verdict": thought,
        "cue_verdict": cue,
        "claim": " ".join(
            [
                thought_claim(
                    arm.title, thought, [(kind, end, lost) for kind, (end, _, lost) in deciding.items()], margin
                ),
                cue_claim(cue, kinds, accuracy, int(free.sum()), again, margin),
                *entropy_claim(entropy),
                *seed_claim(seeds),
            ]
        ),
    }


def _share_again(arm: Arm, free: npt.NDArray[np.bool_]) -> float:
    """How often the arm writes a cue itself where it goes on freely."""
    shares = [run.again[free] / run.answers["free"].shape[1] for run in arm.runs.values()]
    return float(np.mean(shares))


def _kind(arm: Arm, kind: str) -> dict[str, Any] | None:
    """Answers of one kind, all runs together: how many are right, changed, unread, and in which direction changed."""
    asked = arm.asked(kind)
    if not asked.any():
        return None
    images = [image for image, has in zip(arm.images, asked, strict=True) if has]
    right = np.mean([run.accuracy(kind) for run in arm.runs.values()], axis=0)[asked]
    own = [(run.held == run.right)[asked, None] for run in arm.runs.values()]
    now = [(run.answers[kind] == run.right[:, None])[asked] for run in arm.runs.values()]
    pairs = list(zip(own, now, strict=True))
    return {
        "n": len(images),
        "accuracy": float(right.mean()),
        "interval": fraction_interval(right, images),
        "changed": float(np.mean([run.changed(kind)[asked] for run in arm.runs.values()])),
        "right_to_wrong": float(np.mean([before & ~after for before, after in pairs])),
        "wrong_to_right": float(np.mean([~before & after for before, after in pairs])),
        "unread": float(np.mean([run.unread(kind)[asked] for run in arm.runs.values()])),
    }


def _entropy(arm: Arm) -> dict[str, Any] | None:
    """Entropy where cues begin against elsewhere, by image; None below `FEWEST` images or where it wasn't measured."""
    measured = [run.entropy for run in arm.runs.values() if run.entropy is not None]
    if len(measured) < len(arm.runs):
        return None
    mean = np.mean(measured, axis=0)
    known = np.isfinite(mean).all(axis=1)
    images = [image for image, has in zip(arm.images, known, strict=True) if has]
    groups = len(set(images))
    if groups < FEWEST:
        return None
    cue, others = mean[known].T
    difference, margin = float((cue - others).mean()), t_quantile(groups - 1) * clustered_error(cue - others, images)
    bounds = difference - margin, difference + margin
    found = {"n": len(images), "cue": float(cue.mean()), "others": float(others.mean())}
    return {**found, "difference": difference, "interval": bounds}
