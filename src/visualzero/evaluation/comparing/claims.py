"""Claims in words, made from the numbers: the one place where the study says who is ahead.

A claim says no more than its numbers allow. An arm is called ahead only if the interval excludes 0 and the p-value,
corrected for all planned comparisons, is below 5 %. Two arms are called equal only up to a margin that was set
beforehand, and only if the whole interval lies within it; all else is undecided, and the claim says between what. A
claim from one seed of a trained arm says that it is one, and a claim whose sign is another under another scorer says so
(`scorers.py`).
"""

from visualzero.evaluation.statistics import Gain, Interval, PairedDifference, SeedsDifference, Transfer
from visualzero.evaluation.statistics.shares import LEVEL
from visualzero.wording import interval, p_value, percent, signed


def distinguishable(p_holm: float, bounds: Interval) -> bool:
    """Whether the interval excludes 0 and the corrected p-value is below the level."""
    return p_holm < LEVEL and not bounds[0] <= 0 <= bounds[1]


def equivalent(bounds: Interval, margin: float) -> bool:
    """Whether the whole interval lies within the margin: two one-sided tests at 2.5 % each (TOST)."""
    return -margin < bounds[0] and bounds[1] < margin


def claim(
    a: str, b: str, found: PairedDifference, p_holm: float, family: int, margin: float, under: str = "", note: str = ""
) -> str:
    """What one comparison says, such as "A is ahead of B by 5.2 points [3.4, 7.0] (n=2638, p < 0.001)".

    Args:
        a: title of the first arm.
        b: title of the second arm.
        found: accuracy of a minus that of b.
        p_holm: its p-value, corrected for `family` comparisons.
        family: how many comparisons were planned.
        margin: up to which difference arms are called equal.
        under: the seed of a single training that the numbers come from, such as "seed 1"; empty if there was none.
        note: what other scorers say, if that is something else.
    """
    seed = f", {under}" if under else ""
    facts = [f"n={found.n}", _corrected(p_holm, family)]
    made = _standing(a, b, found.difference, found.interval, p_holm, margin, found.mde, seed, facts)
    caution = "; one training, which says nothing of other seeds" if under else ""
    return f"{made}{caution}{_noted(note)}"


def seeds_claim(
    a: str, b: str, found: SeedsDifference, p_holm: float, family: int, margin: float, note: str = ""
) -> str:
    """What a comparison says over all its seeds; the interval takes seeds and questions as drawn at random."""
    turned = -1 if _ahead(found.difference, found.interval, p_holm) and found.difference < 0 else 1
    each = ", ".join(signed(turned * value) for value in found.values)
    seeds = f" on the mean of {len(found.values)} seeds"
    facts = [f"each: {each}", f"n={found.n}", _corrected(p_holm, family)]
    made = _standing(a, b, found.difference, found.interval, p_holm, margin, found.mde, seeds, facts)
    return f"{made}{_noted(note)}"


def transfer_claim(a: str, b: str, other: str, first: str, found: Transfer, p_holm: float, family: int) -> str:
    """What two arms' difference on another benchmark says, set against that on the first."""
    facts = [_corrected(p_holm, family)]
    if len(found.values) > 1:
        facts.insert(0, f"each seed: {', '.join(map(signed, found.values))}")
    told = ", ".join(facts)
    if distinguishable(p_holm, found.interval):
        up = found.difference > 0
        low, high = found.interval if up else (-found.interval[1], -found.interval[0])
        points = f"{percent(abs(found.difference))} points {interval((low, high))}"
        return f"{a} minus {b} is {points} {'higher' if up else 'lower'} on {other} than on {first} ({told})"
    between = _between(found.difference, found.interval)
    return f"{a} minus {b} on {other} against {first} is undecided: {between} ({told})"


def gain_claim(a: str, b: str, gain: Gain) -> str | None:
    """How much of the difference is form and how much capability; None if the gain can't be split."""
    if gain.format is None or gain.capability is None:
        return None
    rates = f"{percent(gain.parse_rate_a)} % against {percent(gain.parse_rate_b)} %"
    form = f"{signed(gain.format)} {interval(gain.format_interval)}".strip()
    capability = f"{signed(gain.capability)} {interval(gain.capability_interval)}".strip()
    text = (
        f"{a} against {b}: {form} points from how often answers are parsed ({rates}),"
        f" {capability} from how often parsed answers are right"
    )
    if gain.joint_n:
        joint = f"{percent(gain.joint_a)} % against {percent(gain.joint_b)} %"
        text += f"; {joint} on the {gain.joint_n} questions that both answer readably"
    return text


def _standing(
    a: str,
    b: str,
    difference: float,
    bounds: Interval,
    p_holm: float,
    margin: float,
    mde: float | None,
    of: str,
    facts: list[str],
) -> str:
    """Ahead, equal up to the margin, or undecided."""
    told = ", ".join(facts)
    if _ahead(difference, bounds, p_holm):
        first, second, low, high = (a, b, *bounds) if difference > 0 else (b, a, -bounds[1], -bounds[0])
        return f"{first} is ahead of {second} by {percent(abs(difference))} points {interval((low, high))}{of} ({told})"
    if equivalent(bounds, margin):
        return f"{a} and {b} differ by less than {percent(margin)} points{of}: {_between(difference, bounds)} ({told})"
    power = f"; 80 % power from {percent(mde)} points on" if mde else ""
    return f"{a} against {b} is undecided{of}: {_between(difference, bounds)} ({told}{power})"


def _ahead(difference: float, bounds: Interval, p_holm: float) -> bool:
    return distinguishable(p_holm, bounds) and difference != 0


def _between(difference: float, bounds: Interval) -> str:
    low, high = (signed(bound) for bound in bounds)
    return f"between {low} and {high} points, {signed(difference)} seen"


def _noted(note: str) -> str:
    return f"; but {note}" if note else ""


def _corrected(p_holm: float, family: int) -> str:
    compared = f", Holm over {family} comparisons" if family > 1 else ""
    value = p_value(p_holm)
    return f"p {value}{compared}" if value.startswith("<") else f"p = {value}{compared}"
