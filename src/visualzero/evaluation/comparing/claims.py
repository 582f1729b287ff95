"""Claims in words, made from the numbers: the one place where the study says who is ahead.

A claim says no more than its numbers allow. An arm is called distinguishable only if the interval excludes 0 and the
p-value, corrected for all planned comparisons, is below 5 %; over several seeds, only if questions and seeds both say
so. A claim from one seed of a trained arm says that it is one.
"""

from visualzero.evaluation.statistics.gain import Gain
from visualzero.evaluation.statistics.paired import PairedDifference
from visualzero.evaluation.statistics.seeds import SeedsDifference
from visualzero.evaluation.statistics.shares import LEVEL, Interval
from visualzero.wording import interval, p_value, percent, signed


def distinguishable(p_holm: float, *intervals: Interval) -> bool:
    """Whether all the intervals exclude 0 and the corrected p-value is below the level."""
    return p_holm < LEVEL and not any(_holds_zero(bounds) for bounds in intervals)


def claim(a: str, b: str, found: PairedDifference, p_holm: float, family: int, under: str = "") -> str:
    """What one comparison says, such as "A is ahead of B by 1.6 points [-0.9, 4.1]; not distinguishable at n=2638".

    Args:
        a: title of the first arm.
        b: title of the second arm.
        found: accuracy of a minus that of b.
        p_holm: its p-value, corrected for `family` comparisons.
        family: how many comparisons were planned.
        under: the seed of a single training that the numbers come from, such as "seed 1"; empty if there was none.
    """
    head = f"{_standing(a, b, found.difference)} {interval(_seen_from_ahead(found.difference, found.interval))}"
    head += f", {under}" if under else ""
    if distinguishable(p_holm, found.interval):
        caution = "; one training, which says nothing of other seeds" if under else ""
        return f"{head} (n={found.n}, {_corrected(p_holm, family)}){caution}"
    reason = _too_small(found.mde) if _holds_zero(found.interval) else f" ({_corrected(p_holm, family)})"
    return f"{head}; not distinguishable at n={found.n}{reason}"


def seeds_claim(a: str, b: str, found: SeedsDifference, p_holm: float, family: int) -> str:
    """What a comparison says over all its seeds; the interval is that over the seeds."""
    seeds = f"on the mean of {len(found.values)} seeds"
    bounds = interval(_seen_from_ahead(found.difference, found.interval))
    each = ", ".join(signed(value if found.difference >= 0 else -value) for value in found.values)
    head = f"{_standing(a, b, found.difference)} {seeds} {bounds} (each: {each})"
    if distinguishable(p_holm, found.interval, found.question_interval):
        return f"{head}; distinguishable (n={found.n}, {_corrected(p_holm, family)})"
    if _holds_zero(found.question_interval):
        return f"{head}; not distinguishable at n={found.n}{_too_small(found.mde)}"
    reason = "the seeds differ too much" if _holds_zero(found.interval) else _corrected(p_holm, family)
    return f"{head}; not distinguishable ({reason})"


def gain_claim(a: str, b: str, gain: Gain) -> str | None:
    """How much of the difference is form and how much capability; None if the gain can't be split."""
    if gain.format is None or gain.capability is None:
        return None
    rates = f"{percent(gain.parse_rate_a)} % against {percent(gain.parse_rate_b)} %"
    text = (
        f"{a} against {b}: {signed(gain.format)} points from how often answers are parsed ({rates}),"
        f" {signed(gain.capability)} from how often parsed answers are right"
    )
    if gain.joint_n:
        joint = f"{percent(gain.joint_a)} % against {percent(gain.joint_b)} %"
        text += f"; {joint} on the {gain.joint_n} questions that both answer readably"
    return text


def _standing(a: str, b: str, difference: float) -> str:
    if percent(difference) == percent(0.0):
        return f"{a} and {b} are level, {percent(0.0)} points apart"
    first, second = (a, b) if difference > 0 else (b, a)
    return f"{first} is ahead of {second} by {percent(abs(difference))} points"


def _seen_from_ahead(difference: float, bounds: Interval) -> Interval:
    """The interval of what the arm that is ahead gains, which turns around with the arms."""
    low, high = bounds
    return (low, high) if difference >= 0 or percent(difference) == percent(0.0) else (-high, -low)


def _holds_zero(bounds: Interval) -> bool:
    return bounds[0] <= 0 <= bounds[1]


def _too_small(mde: float | None) -> str:
    return f" (a difference below {percent(mde)} points can't be told apart)" if mde else ""


def _corrected(p_holm: float, family: int) -> str:
    compared = f", Holm over {family} comparisons" if family > 1 else ""
    value = p_value(p_holm)
    return f"p {value}{compared}" if value.startswith("<") else f"p = {value}{compared}"
