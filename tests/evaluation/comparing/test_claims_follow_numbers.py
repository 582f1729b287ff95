"""Every claim says its numbers: where one changes, the sentence does, and no number in a sentence stays as it was."""

import json
import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import pytest

from repository import ROOT
from visualzero.evaluation.comparing.claims import claim, gain_claim, seeds_claim, transfer_claim
from visualzero.evaluation.comparing.scorers import Standing, changes_sign, in_words
from visualzero.evaluation.statistics import Gain, PairedDifference, SeedsDifference, Transfer
from visualzero.report.answer import answer
from visualzero.report.marks import Marks
from visualzero.report.summary import Summary
from visualzero.report.tables import study_arms

Json = dict[str, Any]
SUMMARY: Json = json.loads((ROOT / "docs/demo/summary.json").read_text(encoding="utf-8"))
BENCHMARK = next(iter(SUMMARY["comparisons"]))
COMPARED: list[Json] = SUMMARY["comparisons"][BENCHMARK]
COUNTS = {"80", "5", "3"}  # percent of power; comparisons and seeds, which are told in a test of their own


def standings(entry: Json) -> dict[str, Standing]:
    return {name: Standing(**one) for name, one in entry["scorers"].items()}


def sign(entry: Json) -> int:
    return {entry["a"]: 1, entry["b"]: -1}.get(entry["ahead"], 0)


def made(kind: type, entry: Json, **more: Any) -> Any:
    """The dataclass that an entry of the summary was made from."""
    given = {name: entry[name] for name in kind.__dataclass_fields__ if name in entry} | more
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in given.items()})


def compared_claim(entry: Json, a: str, b: str) -> str:
    note = in_words(a, b, standings(entry), sign(entry)) if entry["changes_sign"] else ""
    found = made(PairedDifference, entry, n_images=entry["n"])
    trained = any(SUMMARY["arms"].get(entry[side], {"trained": True})["trained"] for side in "ab")
    under = f"seed {entry['seed']}" if trained else ""
    return claim(a, b, found, entry["p_holm"], len(COMPARED), entry.get("margin", SUMMARY["margin"]), under, note)


def over_seeds_claim(entry: Json, a: str, b: str) -> str:
    parts = {"seed_error": 0.01, "question_error": 0.01, "spread": {}, "n_images": 100}
    return seeds_claim(a, b, made(SeedsDifference, entry, **parts), entry["p_holm"], 5, entry["margin"])


def carried_claim(entry: Json, a: str, b: str) -> str:
    return transfer_claim(a, b, "hard", "toy", made(Transfer, entry), entry["p_holm"], 5)


def split_claim(entry: Json, a: str, b: str) -> str:
    return str(gain_claim(a, b, made(Gain, entry["gain"])))


def scorers_claim(entry: Json, a: str, b: str) -> str:
    return in_words(a, b, standings(entry), sign(entry))


@pytest.mark.parametrize("entry", COMPARED, ids=lambda entry: f"{entry['a']} {entry['b']}")
def test_the_recorded_claims_are_those_that_their_numbers_make(entry: Json) -> None:
    a, b = (SUMMARY["arms"][entry[side]]["title"] for side in "ab")
    assert compared_claim(entry, a, b) == entry["claim"]
    assert split_claim(entry, a, b) == entry["gain_claim"]
    assert scorers_claim(entry, a, b) == entry["scorers_claim"]
    assert changes_sign(standings(entry), sign(entry)) == entry["changes_sign"]


def leaves(content: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where numbers stand in an entry."""
    if isinstance(content, dict | list):
        for key, value in content.items() if isinstance(content, dict) else enumerate(content):
            yield from leaves(value, (*path, key))
    elif isinstance(content, int | float) and not isinstance(content, bool):
        yield path


def altered(content: Json, path: tuple[Any, ...], by: float) -> Json:
    """The entry with the number at `path` so much larger; a count grows by one."""
    other = deepcopy(content)
    place: Any = other
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] += by if isinstance(place[path[-1]], float) else 1
    return other


def numbers(text: str) -> list[str]:
    return re.findall(r"(?<![\w.-])[+\u2212]?\d+(?:\.\d+)?", text)


def entry(**changes: Any) -> Json:
    """A comparison of which every number is told, a ahead of b; `changes` make it another."""
    standing = {"difference": 0.1, "interval": [0.05, 0.15], "p_holm": 0.004, "sign": 1}
    scorers = {
        "strict": standing | {"parse_rate_a": 0.9, "parse_rate_b": 0.8},
        "lmms": standing | {"sign": -1, "parse_rate_a": 0.2, "parse_rate_b": 0.7},
    }
    gain = {"parse_rate_a": 0.9, "parse_rate_b": 0.8, "accuracy_given_parsed_a": 0.5, "accuracy_given_parsed_b": 0.4}
    gain |= {"format": 0.04, "format_interval": [0.02, 0.06], "capability": 0.06, "capability_interval": [0.01, 0.11]}
    gain |= {"joint_n": 700, "joint_a": 0.6, "joint_b": 0.5}
    given = {"a": "arm", "b": "other", "seed": 3, "difference": 0.1, "interval": [0.05, 0.15], "p_holm": 0.004}
    given |= {"values": [0.09, 0.1, 0.11], "error": 0.02, "p_value": 0.002, "p_clustered": 0.002, "mde": 0.056}
    given |= {"b01": 20, "b10": 100, "n": 800, "ahead": "arm", "scorers": scorers}
    return given | {"gain": gain, "changes_sign": False, "margin": 0.02} | changes


UNDECIDED = {"difference": 0.02, "interval": [-0.03, 0.07], "p_holm": 0.4, "ahead": None}
EQUAL = {"difference": 0.002, "interval": [-0.01, 0.014], "p_holm": 0.8, "ahead": None}
BEHIND = {"difference": -0.1, "interval": [-0.15, -0.05], "ahead": "other"}
STANDING = ("difference", "interval", "p_holm")
TOLD: list[tuple[Callable[[Json, str, str], str], Json, tuple[str, ...]]] = [
    (compared_claim, {}, (*STANDING, "n", "seed")),
    (compared_claim, BEHIND, (*STANDING, "n", "seed")),
    (compared_claim, UNDECIDED, (*STANDING, "n", "seed", "mde")),
    (compared_claim, EQUAL, (*STANDING, "n", "seed", "margin")),
    (over_seeds_claim, {}, (*STANDING, "n", "values")),
    (over_seeds_claim, BEHIND, (*STANDING, "n", "values")),
    (over_seeds_claim, UNDECIDED, (*STANDING, "n", "values", "mde")),
    (over_seeds_claim, EQUAL, (*STANDING, "n", "values", "margin")),
    (carried_claim, {}, (*STANDING, "values")),
    (carried_claim, BEHIND, (*STANDING, "values")),
    (carried_claim, UNDECIDED, (*STANDING, "values")),
    (split_claim, {}, ("gain.parse", "gain.format", "gain.capability", "gain.joint")),
    (scorers_claim, {}, ("scorers.lmms.parse",)),
]


@pytest.mark.parametrize(("sentence", "changes", "told"), TOLD)
def test_another_number_makes_another_sentence(
    sentence: Callable[[Json, str, str], str], changes: Json, told: tuple[str, ...]
) -> None:
    given = entry(**changes)
    said = sentence(given, "arm", "other")
    fixed = set(range(len(numbers(said))))
    for path in leaves(given):
        if not ".".join(map(str, path)).startswith(told):
            continue
        other = sentence(altered(given, path, 0.001), "arm", "other")
        assert other != said, path
        fixed -= {place for place, (a, b) in enumerate(zip(numbers(said), numbers(other), strict=True)) if a != b}
    assert {numbers(said)[place] for place in fixed} <= COUNTS, said


def test_how_many_comparisons_and_seeds_there_are_is_told() -> None:
    found = made(PairedDifference, entry(), n_images=800)
    assert "Holm over 6 comparisons" in claim("A", "B", found, 0.004, 6, 0.02)
    assert "the mean of 3 seeds" in over_seeds_claim(entry(), "A", "B")
    assert "the mean of 2 seeds (each: +9.0, +10.0, n=800" in over_seeds_claim(entry(values=[0.09, 0.1]), "A", "B")


@pytest.mark.parametrize("ahead", ["the first", "nobody"])
def test_another_number_makes_another_answer_at_the_top_of_the_page(ahead: str) -> None:
    """Each number there that was measured moves with one of the summary."""

    def arm(micro: float) -> Json:
        cells = {name: {"micro": micro, "n": 800} for name in ("toy", "hard")}
        return {"title": "Arm", "recipe": "grpo", "trained": True, "seeds": {"1": cells, "2": cells}}

    one = entry(**({} if ahead == "the first" else UNDECIDED))
    content: Json = {
        "arms": {"arm": arm(0.6), "other": arm(0.5)},
        "baselines": {"toy": {"chance": {"micro": 0.4}}},
        "comparisons": {"toy": [one, entry(a="other", b="arm", ahead="arm", difference=-0.2)]},
        "transfers": {"hard": [{"a": "arm", "b": "other", "difference": -0.04, "interval": [-0.09, 0.01]}]},
    }

    def measured(of: Json) -> tuple[list[float], str]:
        marks, summary = Marks(), Summary.model_validate(of)
        return marks.values, " ".join(answer(summary, study_arms(summary, {}, []), ["toy", "hard"], marks))

    values, said = measured(content)
    fixed = set(range(len(values)))
    for path in leaves(content):
        others, other = measured(altered(content, path, 0.03))
        moved = {place for place, (a, b) in enumerate(zip(values, others, strict=True)) if a != b}
        assert not moved or other != said, path
        fixed -= moved
    assert len(values) > 12
    assert fixed == set()
