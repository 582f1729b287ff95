"""Two arms by their samples: which is ahead with one, which with all, where that turns, and what only one can do.

Training that *sharpens* makes right answers likelier that were there before: ahead with one sample, behind with many.
Training that *extends* is ahead with many too (Yue et al., arXiv 2504.13837).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import stdtr

from visualzero.evaluation.statistics.crossed import crossed
from visualzero.evaluation.statistics.crossing import Crossing, crossing
from visualzero.evaluation.statistics.exclusive import Exclusive, exclusive
from visualzero.evaluation.statistics.paired import mean_interval
from visualzero.evaluation.statistics.pass_at_k import pass_at_k
from visualzero.evaluation.statistics.shares import LEVEL, Floats, Interval, clustered_error
from visualzero.evaluation.statistics.significance import holm
from visualzero.wording import interval as interval_text
from visualzero.wording import percent, signed


@dataclass(frozen=True)
class Sampled:
    """An arm's right answers of `samples` to each question, by seed ("untrained" where there is none)."""

    title: str
    right: Mapping[str, Sequence[int]]
    images: Sequence[str]
    samples: int

    @cached_property
    def passed(self) -> Floats:
        """Pass@k: seeds x questions x k."""
        return np.stack([pass_at_k(right, self.samples) for right in self.right.values()])


@dataclass(frozen=True)
class Told:
    """Pass@k of a minus that of b: mean over seeds, interval and p-value over questions (and seeds, if several)."""

    difference: float
    interval: Interval
    p_value: float


Verdict = dict[str, Any]


def sampled_comparisons(
    arms: Mapping[str, Sampled],
    under: Mapping[str, Mapping[str, Sampled]],
    pairs: Sequence[tuple[str, str]],
    ids: Sequence[str],
    guessing: float,
) -> list[Verdict]:
    """Each planned pair of which both arms are sampled.

    Args:
        arms: by name.
        under: the same as each scorer reads their answers.
        pairs: arms a and b by name.
        ids: of the questions, in the order of `right`.
        guessing: share of questions that as many guesses as there are samples would answer.

    P-values are corrected by Holm's method over both ends of all pairs.
    """
    asked = [(a, b) for a, b in pairs if a in arms and b in arms]
    found = {pair: differences(*(arms[name] for name in pair)) for pair in asked}
    ends = [told(found[pair][:, :, place], arms[pair[0]].images) for pair in asked for place in (0, -1)]
    corrected = holm([end.p_value for end in ends])
    made = []
    for number, (a, b) in enumerate(asked):
        one, last = ends[2 * number : 2 * number + 2]
        p_one, p_last = corrected[2 * number : 2 * number + 2]
        signs = sign(one, p_one), sign(last, p_last)
        turn = crossing(found[a, b].mean(axis=0), arms[a].images)
        alone = exclusive(*_pooled(arms[a]), *_pooled(arms[b]))
        seeds = [seed for seed in {**arms[a].right, **arms[b].right} if seed.isdecimal()]
        made.append(
            {
                "a": a,
                "b": b,
                "seeds": seeds,
                "one": {**asdict(one), "p_holm": p_one, "sign": signs[0]},
                "all": {**asdict(last), "p_holm": p_last, "sign": signs[1]},
                "differences": found[a, b].mean(axis=(0, 1)).tolist(),
                "crossing": asdict(turn) if turn else None,
                "verdict": verdict(*signs),
                "claim": claim(arms[a], arms[b], one, last, signs, turn, seeds, guessing),
                "only_a": _listed(alone[0], ids),
                "only_b": _listed(alone[1], ids),
                "scorers": {name: _ends(its[a], its[b]) for name, its in under.items()},
            }
        )
    return made


def differences(a: Sampled, b: Sampled) -> Floats:
    """Pass@k of a minus that of b under each seed that both have; seeds x questions x k.

    What isn't trained is set against every seed of the other.
    """
    untrained = [arm for arm in (a, b) if len(arm.right) == 1 and not next(iter(arm.right)).isdecimal()]
    if untrained:
        return a.passed - b.passed
    seeds = [seed for seed in a.right if seed in b.right]
    if not seeds:
        raise ValueError(f"{a.title} and {b.title} have samples under no seed in common")
    mine, theirs = ([list(arm.right).index(seed) for seed in seeds] for arm in (a, b))
    return a.passed[mine] - b.passed[theirs]


def told(values: Floats, images: Sequence[str]) -> Told:
    """The mean of differences, seeds x questions, and whether it can be told from 0."""
    if len(values) > 1:
        both = crossed(values, images, (-1.0, 1.0))
        return Told(both.mean, both.interval, both.p_value)
    mean, error, groups = float(values.mean()), clustered_error(values[0], images), len(set(images))
    p_value = 2 * float(stdtr(groups - 1, -abs(mean) / error)) if error else float(not mean)
    return Told(mean, mean_interval(values[0], images), p_value)


def sign(end: Told, p_holm: float) -> int:
    """1 if a is ahead, -1 if b is, 0 if that can't be told."""
    apart = p_holm < LEVEL and (end.interval[0] > 0 or end.interval[1] < 0)
    return int(np.sign(end.difference)) if apart else 0


def verdict(one: int, last: int) -> str:
    """What the signs with one sample and with all say of a: extends, sharpens, likelier, behind or undecided."""
    if last > 0:
        return "extends"
    if one > 0:
        return "sharpens" if last < 0 else "likelier"
    return "behind" if -1 in (one, last) else "undecided"


def claim(
    a: Sampled,
    b: Sampled,
    one: Told,
    last: Told,
    signs: tuple[int, int],
    turn: Crossing | None,
    seeds: Sequence[str],
    guessing: float,
) -> str:
    """The verdict in a sentence, and in another one that guessing does as well, where it does."""
    first, end = _points(a, b, one, signs[0], "one sample"), _points(a, b, last, signs[1], f"{a.samples} samples")
    ending = {
        "extends": f": it answers questions that {b.title} doesn't in as many samples",
        "sharpens": ": likelier to be right at once, it answers fewer questions in the end",
        "likelier": ": likelier to be right at once; that it can answer more questions isn't shown",
        "behind": "",
        "undecided": "",
    }[verdict(*signs)]
    crossed_at = f"; the curves cross at {turn.k} samples{_range(turn, a.samples)}" if turn and turn.k else ""
    under = f" (under seed {seeds[0]}, which says nothing of another)" if len(seeds) == 1 else ""
    said = f"{a.title} is {first}, and {end}{ending}{crossed_at}{under}."
    if guessing < min(float(arm.passed[:, :, -1].mean()) for arm in (a, b)):
        return said
    return (
        f"{said} {a.samples} guesses would answer {percent(guessing)} % of the questions, no less than one of the two:"
        " with so many samples the curves tell how varied answers are, and nothing of ability."
    )


def _points(a: Sampled, b: Sampled, end: Told, ahead: int, where: str) -> str:
    if not ahead:
        points = f"{signed(end.difference)} points {interval_text(end.interval)}"
        return f"not told apart from {b.title} with {where} ({points})"
    low, high = end.interval if ahead > 0 else (-end.interval[1], -end.interval[0])
    points = f"{percent(abs(end.difference))} points {interval_text((low, high))}"
    return f"{'ahead of' if ahead > 0 else 'behind'} {b.title} by {points} with {where}"


def _range(turn: Crossing, samples: int) -> str:
    """Where they may cross as well."""
    low, high = turn.low or samples, turn.high
    return f" (95 %: {low} to {high})" if high else f" (95 %: {low} or more, perhaps not within {samples})"


def _pooled(arm: Sampled) -> tuple[list[int], int]:
    """Right answers to each question under all seeds together, and of how many."""
    return np.sum(list(arm.right.values()), axis=0).tolist(), arm.samples * len(arm.right)


def _listed(found: Exclusive, ids: Sequence[str]) -> dict[str, Any]:
    """The questions by id with their right answers; how many of them luck explains, and which it doesn't."""
    rows = zip(found.places, found.right, found.p_holm, strict=True)
    return {
        "n": len(found.places),
        "told": sum(p < LEVEL for p in found.p_holm),
        "expected": found.expected,
        "unseen": found.unseen,
        "questions": [{"id": ids[place], "right": right, "p_holm": p} for place, right, p in rows],
    }


def _ends(a: Sampled, b: Sampled) -> dict[str, Any]:
    """Both ends as another scorer reads the answers; their signs by interval alone."""
    found = differences(a, b)
    return {
        name: {"difference": end.difference, "interval": end.interval, "sign": sign(end, end.p_value)}
        for name, end in (("one", told(found[:, :, 0], a.images)), ("all", told(found[:, :, -1], a.images)))
    }
