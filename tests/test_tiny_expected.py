"""What was expected of the study is judged by rules that were written down before it."""

from types import SimpleNamespace
from typing import Any, cast

import pandas as pd
import pytest

from visualzero.frames import Results
from visualzero.models.tiny.expected import AS_EXPECTED, HARDER, OPEN, PRIMARY, REFUTED, judge

STEPS = range(1, 31)


def pair(a: str, b: str, low: float, high: float, capability: tuple[float, float] = (0.02, 0.06)) -> dict[str, Any]:
    difference = {"difference": (low + high) / 2, "interval": [low, high]}
    gain = {"capability": sum(capability) / 2, "capability_interval": list(capability)}
    return {"a": a, "b": b, **difference, "gain": gain, "scorers": {"strict": difference, "lmms": difference}}


def study(pairs: list[dict[str, Any]], lengths: dict[str, tuple[float, float]], cues: float = 0.0) -> Results:
    """A study of three seeds; `lengths` are completions' at the start and at the end, `cues` the share in the end."""
    rows = [
        {"arm": arm, "seed": seed, "step": step, "completion_length": first if step <= 15 else last}
        for arm, (first, last) in lengths.items()
        for seed in (1, 2, 3)
        for step in STEPS
    ]
    said = [
        {
            "step": step,
            "completion": "Wait, it is red. </think> a" if step > 15 and i < 100 * cues else "red </think> a",
        }
        for step in STEPS
        for i in range(100)
    ]
    summary = {
        "arms": {arm: {"seeds": {"1": {}, "2": {}, "3": {}}} for arm in lengths},
        "comparisons_over_seeds": {PRIMARY: pairs},
        "transfers": {HARDER: [pair("base-grpo", "base-sft", 0.01, 0.09)]},
    }
    made = SimpleNamespace(summary=summary, history=pd.DataFrame(rows), rollouts=lambda arm, seed: pd.DataFrame(said))
    return cast(Results, made)


def verdicts(made: Results) -> dict[str, str]:
    return {one.name: one.verdict for one in judge(made)}


GOOD = [
    pair("base-grpo", "base-reason", 0.1, 0.2),
    pair("base-grpo", "base-sft", 0.1, 0.2),
    pair("instruct-grpo-length", "instruct-grpo", -0.02, 0.02),
    pair("base-grpo-random", "base-reason", -0.1, 0.1, (-0.01, 0.01)),
    pair("base-grpo-format", "base-reason", 0.1, 0.2, (-0.02, 0.02)),
    pair("instruct-grpo-vision-frozen", "instruct-grpo", -0.01, 0.02),
    pair("instruct-grpo-language-frozen", "instruct-grpo", -0.2, -0.1),
]
LENGTHS = {"base-grpo": (40.0, 60.0), "instruct-grpo": (20.0, 22.0), "instruct-grpo-length": (20.0, 80.0)}


def test_a_study_in_which_everything_comes_as_expected_says_so() -> None:
    assert verdicts(study(GOOD, LENGTHS)) == dict.fromkeys([f"H{n}" for n in range(1, 12)], AS_EXPECTED)


def test_a_study_without_the_arms_leaves_everything_open_and_names_them() -> None:
    found = judge(study([], {}))
    assert {one.verdict for one in found if one.name != "H9"} == {OPEN}
    assert found[0].numbers == "not run: base-grpo against base-reason over several seeds"


@pytest.mark.parametrize(
    ("name", "worse"),
    [
        ("H1", pair("base-grpo", "base-reason", -0.2, -0.1)),
        ("H2", pair("base-grpo", "base-reason", 0.1, 0.2, (-0.05, 0.02))),
        ("H3", pair("base-grpo", "base-reason", -0.2, -0.1)),
        ("H7", pair("instruct-grpo-length", "instruct-grpo", 0.01, 0.05)),
        ("H8", pair("base-grpo", "base-sft", -0.2, -0.1)),
        ("H10", pair("base-grpo-random", "base-reason", 0.0, 0.2, (0.03, 0.2))),
        ("H11", pair("instruct-grpo-vision-frozen", "instruct-grpo", -0.4, -0.3)),
    ],
)
def test_a_difference_on_the_wrong_side_refutes(name: str, worse: dict[str, Any]) -> None:
    pairs = [worse if (one["a"], one["b"]) == (worse["a"], worse["b"]) else one for one in GOOD]
    assert verdicts(study(pairs, LENGTHS))[name] == REFUTED


@pytest.mark.parametrize(
    ("name", "lengths", "cues"),
    [
        ("H4", {**LENGTHS, "base-grpo": (60.0, 40.0)}, 0.0),
        ("H5", LENGTHS, 0.2),
        ("H6", {**LENGTHS, "instruct-grpo": (20.0, 50.0)}, 0.0),
        ("H7", {**LENGTHS, "instruct-grpo-length": (20.0, 10.0)}, 0.0),
    ],
)
def test_what_runs_logged_refutes(name: str, lengths: dict[str, tuple[float, float]], cues: float) -> None:
    assert verdicts(study(GOOD, lengths, cues))[name] == REFUTED


def test_an_interval_with_both_signs_decides_nothing() -> None:
    pairs = [pair("base-grpo", "base-reason", -0.1, 0.1, (-0.1, 0.1)), *GOOD[1:]]
    found = verdicts(study(pairs, LENGTHS))
    assert (found["H1"], found["H2"], found["H3"]) == (OPEN, OPEN, OPEN)
