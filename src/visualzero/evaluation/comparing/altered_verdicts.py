"""What altered thoughts show of an arm, as verdicts: whether its thought decides, whether reconsidering helps it."""

from collections.abc import Sequence

from visualzero.evaluation.comparing.sampled import Told
from visualzero.evaluation.statistics.shares import LEVEL, Interval

ITSELF = 0.8  # a model that writes a cue in more of its free continuations can't be set against itself without one


def thought_verdict(ends: Sequence[tuple[Told, float, float]], margin: float) -> str:
    """Whether the thought decides, from what each alteration does.

    "decides" if one of them changes more answers than the margin, "idle" if all of them change fewer, even if all
    answers that can't be read any more had changed, else "undecided".

    Args:
        ends: by alteration, how many more answers it changes, the corrected p-value of that, and how many more
            can't be read.
        margin: changes up to this are called none.
    """
    if any(p < LEVEL and end.interval[0] > margin for end, p, _ in ends):
        return "decides"
    return "idle" if ends and all(end.interval[1] + max(lost, 0) < margin for end, _, lost in ends) else "undecided"


def cue_verdict(effect: Interval | None, p_holm: float, margin: float) -> str:
    """Whether reconsidering helps: "idle" (less than the margin either way), "helps", "hinders" or "undecided".

    `effect` is the interval of what a cue adds to the share of right answers; None if there are too few cues to tell.
    """
    if effect is None:
        return "undecided"
    if -margin < effect[0] and effect[1] < margin:
        return "idle"
    if p_holm < LEVEL and (effect[0] > 0 or effect[1] < 0):
        return "helps" if effect[0] > 0 else "hinders"
    return "undecided"


def cue_effect(accuracy: Told | None, again: float) -> Interval | None:
    """The interval of what a cue adds where the model wouldn't have written one itself; None if that can't be told.

    Of the free continuations a share `again` has a cue too, so that the difference is only what the others miss.
    Dividing by their share is Wald's estimate (Angrist, Imbens and Rubin, JASA 91, 1996). It takes it that a cue does
    the same whoever wrote it; the difference's sign doesn't hang on that.
    """
    if accuracy is None or again > ITSELF:
        return None
    low, high = (bound / (1 - again) for bound in accuracy.interval)
    return max(-1.0, low), min(1.0, high)
