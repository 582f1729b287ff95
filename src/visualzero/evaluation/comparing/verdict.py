"""The verdict on each planned pair, in sentences made from the numbers of the causes, with what wasn't tested named."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from visualzero.wording import listed, signed

Causes = Mapping[str, Any]
CURVES = {
    "extends": "it answers questions that the other doesn't in as many samples",
    "sharpens": "it is likelier to be right at once and answers fewer questions in the end",
    "likelier": "it is likelier to be right at once; that it can answer more isn't shown",
    "behind": "with samples it is behind",
    "undecided": "with samples they can't be told apart",
}
THOUGHTS = {
    "decides": "its thought decides its answers",
    "idle": "its thought doesn't decide its answers",
    "undecided": "whether its thought decides can't be told",
}
CUES = {
    "helps": "reconsidering helps it",
    "hinders": "reconsidering hinders it",
    "idle": "its “wait” is a word",
    "undecided": "whether reconsidering helps can't be told",
}
LETTERS = {"letters": "it goes by the options' letters", "texts": "it goes by what the options say", "undecided": ""}


def verdicts(causes: Causes, pairs: Sequence[tuple[str, str]], titles: Mapping[str, str]) -> list[dict[str, Any]]:
    """For each pair of arms: a, b, its `claim`, and `untested`, what the claim says nothing of.

    Args:
        causes: what was found, by kind: sampling, interventions, split, blind, letters; what wasn't asked for is left
            out or None.
        pairs: planned ones.
        titles: of each arm.
    """
    made = []
    for a, b in pairs:
        said, untested = list(_said(causes, a, b)), list(_untested(causes, a, b))
        words = f"{titles[a]} against {titles[b]}: {'; '.join(said) or 'nothing was found out'}."
        made.append({"a": a, "b": b, "claim": words, "untested": untested})
    return made


def _said(causes: Causes, a: str, b: str) -> Iterator[str]:
    """What is known, a clause each."""
    if (gain := _pair(causes.get("split"), a, b)) and gain["parts"]:
        yield _gain(gain)
    if curves := _pair((causes.get("sampling") or {}).get("comparisons"), a, b):
        yield CURVES[curves["verdict"]]
    if thought := _arm(causes.get("interventions"), a):
        yield THOUGHTS[thought["thought_verdict"]]
        yield CUES[thought["cue_verdict"]]
    if (by := (causes.get("letters") or {}).get(a)) and LETTERS[by["verdict"]]:
        yield LETTERS[by["verdict"]]


def _gain(gain: Mapping[str, Any]) -> str:
    """Of a difference the parts that are told from none, the largest first."""
    parts = gain["parts"]
    told = {name: one["difference"] for name, one in parts.items() if one["interval"][0] > 0 or one["interval"][1] < 0}
    order = sorted(told, key=lambda name: -abs(told[name]))
    rest = [name for name in parts if name not in told]
    named = listed(f"{name} {signed(told[name])}" for name in order)
    open_ = f"{listed(rest)} can't be told from none" if rest else ""
    return f"{signed(gain['difference'])} points, of which " + ", and ".join(filter(None, [named, open_]))


def _untested(causes: Causes, a: str, b: str) -> Iterator[str]:
    """What was not tested of this pair, with the key of the config that asks for it."""
    gain = _pair(causes.get("split"), a, b)
    if not gain:
        yield "what the gain is made of (causes.split)"
    elif gain["lacking"]:
        yield f"what is known without the image (controls.no_image of {listed(gain['lacking'])})"
    elif gain["parts"] and not gain["thought_tested"]:
        yield "what of sight is thought (causes.interventions of both)"
    if not _pair((causes.get("sampling") or {}).get("comparisons"), a, b):
        yield "what many answers can do (causes.sampling)"
    if not _arm(causes.get("interventions"), a):
        yield f"whether thoughts decide (causes.interventions of {a})"
    if a not in (causes.get("letters") or {}):
        yield f"whether it goes by letters (controls.swapped_options of {a})"
    if not causes.get("blind"):
        yield "which questions need eyes (causes.blind)"
    if gain and len(gain["seeds"]) == 1:
        yield "other seeds"


def _pair(found: Sequence[Mapping[str, Any]] | None, a: str, b: str) -> Mapping[str, Any] | None:
    return next((one for one in found or () if (one["a"], one["b"]) == (a, b)), None)


def _arm(interventions: Mapping[str, Any] | None, arm: str) -> Mapping[str, Any] | None:
    return (interventions or {}).get("arms", {}).get(arm)
