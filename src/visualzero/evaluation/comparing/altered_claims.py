"""What altered thoughts show of an arm, in words: made from the numbers of `altered.py`, and from nothing else."""

from collections.abc import Mapping, Sequence
from typing import Any

from visualzero.evaluation.comparing.sampled import Told
from visualzero.wording import interval as interval_text
from visualzero.wording import listed, number, percent, signed

IN_WORDS = {
    "emptied": "without a thought",
    "foreign": "with another question's thought",
    "corrupted": "with what the thought states exchanged",
}


def thought_claim(title: str, verdict: str, deciding: Sequence[tuple[str, Told, float]], margin: float) -> str:
    """Whether the thought decides, with what each alteration changes, and makes unreadable beyond the margin."""
    if not deciding:
        return f"{title} has too few thoughts to tell whether they decide."
    points = [
        f"{IN_WORDS[kind]} {signed(end.difference)} points {interval_text(end.interval)} of its answers change"
        + (f" and {signed(lost)} can't be read" if lost >= margin else "")
        for kind, end, lost in deciding
    ]
    said = {
        "decides": "The thought decides",
        "idle": f"The thought doesn't decide, up to {percent(margin)} points",
        "undecided": "Whether the thought decides can't be told",
    }[verdict]
    return f"{title}: {said}: {listed(points)}, beyond what drawing anew from its own thought changes."


def cue_claim(
    verdict: str,
    kinds: Mapping[str, dict[str, Any] | None],
    accuracy: Told | None,
    n: int,
    again: float,
    margin: float,
) -> str:
    """Whether reconsidering helps, with the direction of what changes."""
    cued, free = kinds.get("cued"), kinds.get("free")
    if accuracy is None or not cued or not free:
        return f"It reconsiders in too few responses ({n}) to tell whether that helps."
    points = f"{signed(accuracy.difference)} points {interval_text(accuracy.interval)}"
    ways = (
        f"wrong to right {percent(cued['wrong_to_right'])} against {percent(free['wrong_to_right'])} %, right to wrong"
        f" {percent(cued['right_to_wrong'])} against {percent(free['right_to_wrong'])} %"
    )
    said = {
        "helps": "Reconsidering helps",
        "hinders": "Reconsidering hinders",
        "idle": f"Its “wait” is a word: forced, it changes less than {percent(margin)} points",
        "undecided": "Whether reconsidering helps can't be told",
    }[verdict]
    itself = f"; by itself it reconsiders in {percent(again)} % of these" if again else ""
    return f"{said}: {points} right after a forced cue against going on freely ({ways}{itself})."


def entropy_claim(entropy: dict[str, Any] | None) -> list[str]:
    """Whether the model is less sure where it reconsiders; nothing where that wasn't measured."""
    if entropy is None:
        return []
    low, high = entropy["interval"]
    sure = "less sure" if low > 0 else "surer" if high < 0 else "not told to be less or more sure"
    nats = f"{number(entropy['cue'], 2)} against {number(entropy['others'], 2)} nats"
    bounds = f"[{number(low, 2)}, {number(high, 2)}]"
    return [
        f"Where it begins to reconsider it is {sure} of its next token than elsewhere ({nats}, difference {bounds})."
    ]


def seed_claim(seeds: Sequence[str]) -> list[str]:
    """That one training says nothing of others, where there is one."""
    return [f"(Under seed {seeds[0]}, which says nothing of another.)"] if len(seeds) == 1 else []
