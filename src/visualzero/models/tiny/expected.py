"""What was expected of the study with these models, judged: docs/toyspace.md, "What is expected of them".

The rules stand here as they were written down before the first arm was trained. Each expectation is judged by numbers
of the study's own summary or by what its runs logged: as expected, refuted, or open where neither can be told.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from visualzero.errors import UserError
from visualzero.evaluation.reasoning.rollout_reflection import reflection_by_step
from visualzero.frames import Results
from visualzero.wording import interval, percent, signed

SOME = 10  # steps at the start and at the end that are compared
CAPABILITY = 0.03  # gains of right answers that count as some
TRIVIAL = 0.5  # of the length of base-grpo's responses, at most
REFLECTION = 0.10  # rises of the share with a cue that count as learned
AS_EXPECTED, REFUTED, OPEN = "as expected", "refuted", "open"
PRIMARY, HARDER = "toyspace", "toyspace-hard"


@dataclass(frozen=True)
class Judged:
    """An expectation, what became of it, and the numbers by which."""

    name: str
    expected: str
    verdict: str
    numbers: str


def judge(study: Results) -> list[Judged]:
    """All expectations in their order; one whose arms weren't run is open."""
    return [_judged(study, *one) for one in EXPECTATIONS]


Verdict = tuple[str, str]  # and the numbers


def _judged(study: Results, name: str, expected: str, rule: Callable[[Results], Verdict]) -> Judged:
    try:
        return Judged(name, expected, *rule(study))
    except _NotRunError as missing:
        return Judged(name, expected, OPEN, f"not run: {missing}")


class _NotRunError(Exception):
    """What an expectation needs and the study hasn't."""


def _works(study: Results) -> Verdict:
    return _above(_pair(study, "base-grpo", "base-reason"))


def _capable(study: Results) -> Verdict:
    gain = _pair(study, "base-grpo", "base-reason")["gain"]
    if not gain or gain["capability"] is None:
        return OPEN, "the gain can't be split"
    low, high = gain["capability_interval"]
    numbers = f"{signed(gain['capability'])} points {interval((low, high))} from right answers"
    if low > 0:
        return AS_EXPECTED, numbers
    return (REFUTED if high < CAPABILITY else OPEN), numbers


def _whoever_scores(study: Results) -> Verdict:
    found = _pair(study, "base-grpo", "base-reason")["scorers"]
    numbers = ", ".join(f"{name} {_difference(one)}" for name, one in found.items())
    if any(one["interval"][1] < 0 for one in found.values()):
        return REFUTED, numbers
    return (AS_EXPECTED if all(one["interval"][0] > 0 for one in found.values()) else OPEN), numbers


def _longer(study: Results) -> Verdict:
    changes = [_change(_logged(study, "base-grpo", seed, "completion_length")) for seed in _seeds(study, "base-grpo")]
    return _by_seeds([change > 0 for change in changes], f"tokens {_each(changes)}")


def _no_second_looks(study: Results) -> Verdict:
    changes = []
    for seed in _seeds(study, "base-grpo"):
        changes.append(_change(pd.Series(reflection_by_step(study.rollouts("base-grpo", seed))).sort_index()))
    return _by_seeds([change <= REFLECTION for change in changes], f"share with a cue {_each(changes, percent)} points")


def _trivial(study: Results) -> Verdict:
    shares = []
    for seed in _seeds(study, "instruct-grpo"):
        short, long = (
            float(_logged(study, arm, seed, "completion_length").tail(SOME).mean())
            for arm in ("instruct-grpo", "base-grpo")
        )
        shares.append(short / long)
    told = ", ".join(f"{share:.2f}" for share in shares)
    return _by_seeds([share <= TRIVIAL for share in shares], f"{told} of base-grpo's length")


def _length_alone(study: Results) -> Verdict:
    low, high = _pair(study, "instruct-grpo-length", "instruct-grpo")["interval"]
    apart = [
        float(
            _logged(study, "instruct-grpo-length", seed, "completion_length").tail(SOME).mean()
            - _logged(study, "instruct-grpo", seed, "completion_length").tail(SOME).mean()
        )
        for seed in _seeds(study, "instruct-grpo-length")
    ]
    numbers = f"tokens {_each(apart)}; accuracy {interval((low, high))} points"
    longer, _ = _by_seeds([one > 0 for one in apart], "")
    return (REFUTED if longer == REFUTED or low > 0 else longer), numbers


def _imitation(study: Results) -> Verdict:
    return _above(_pair(study, "base-grpo", "base-sft"))


def _harder(study: Results) -> Verdict:
    found = study.summary["transfers"].get(HARDER) or []
    one = next((one for one in found if (one["a"], one["b"]) == ("base-grpo", "base-sft")), None)
    if one is None:
        raise _NotRunError(f"base-grpo against base-sft on {HARDER}")
    return _above(one)


def _no_reward_no_gain(study: Results) -> Verdict:
    verdicts, numbers = [], []
    for arm in ("base-grpo-random", "base-grpo-format"):
        gain = _pair(study, arm, "base-reason")["gain"]
        if not gain or gain["capability"] is None:
            return OPEN, f"{arm}: the gain can't be split"
        low, high = gain["capability_interval"]
        numbers.append(f"{arm} {signed(gain['capability'])} {interval((low, high))}")
        verdicts.append(REFUTED if low >= CAPABILITY else AS_EXPECTED if high < CAPABILITY else OPEN)
    worst = next((one for one in (REFUTED, OPEN) if one in verdicts), AS_EXPECTED)
    return worst, ", ".join(numbers)


def _language(study: Results) -> Verdict:
    vision, language = (
        _pair(study, f"instruct-grpo-{part}-frozen", "instruct-grpo") for part in ("vision", "language")
    )
    numbers = ", ".join(
        f"{part} frozen {_difference(one)}" for part, one in (("vision", vision), ("language", language))
    )
    if vision["difference"] < language["difference"]:
        return REFUTED, numbers
    return (AS_EXPECTED if vision["interval"][0] > language["interval"][1] else OPEN), numbers


EXPECTATIONS = (
    ("H1", "R1-Zero works: base-grpo is right more often than the prompted base", _works),
    ("H2", "and not by form alone", _capable),
    ("H3", "whoever scores", _whoever_scores),
    ("H4", "responses get longer", _longer),
    ("H5", "second looks are not what is learned", _no_second_looks),
    ("H6", "from the instruct model reasoning stays trivial", _trivial),
    ("H7", "paying for length buys length and nothing else", _length_alone),
    ("H8", "SFT on bare answers does no better than GRPO", _imitation),
    ("H9", "and loses more on harder scenes", _harder),
    ("H10", "a coin for a reward, and tags alone, teach no right answers", _no_reward_no_gain),
    ("H11", "the language model is what has to learn", _language),
)


def _pair(study: Results, a: str, b: str) -> dict[str, Any]:
    """A planned difference on the primary benchmark over the seeds, which are three."""
    over = study.summary["comparisons_over_seeds"].get(PRIMARY) or []
    found: dict[str, Any] | None = next((one for one in over if (one["a"], one["b"]) == (a, b)), None)
    if found is None:
        raise _NotRunError(f"{a} against {b} over several seeds")
    return found


def _above(found: dict[str, Any]) -> Verdict:
    """As expected if a difference lies above 0, refuted if it lies below."""
    low, high = found["interval"]
    numbers = f"{_difference(found)} points"
    return (AS_EXPECTED if low > 0 else REFUTED if high < 0 else OPEN), numbers


def _difference(found: dict[str, Any]) -> str:
    return f"{signed(found['difference'])} {interval(found['interval'])}"


def _by_seeds(kept: list[bool], numbers: str) -> Verdict:
    """As expected in all seeds, refuted if not so in most of them."""
    if sum(not one for one in kept) > len(kept) / 2:
        return REFUTED, numbers
    return (AS_EXPECTED if all(kept) else OPEN), numbers


def _seeds(study: Results, arm: str) -> Iterator[int]:
    """The seeds of a run arm."""
    facts = study.summary["arms"].get(arm)
    if facts is None:
        raise _NotRunError(arm)
    return map(int, facts["seeds"])


def _logged(study: Results, arm: str, seed: int, column: str) -> "pd.Series[float]":
    """What a run logged, by step."""
    history = study.history
    mine = history[(history["arm"] == arm) & (history["seed"] == seed)]
    if mine.empty:
        raise _NotRunError(f"{arm} under seed {seed}")
    return mine.set_index("step")[column].sort_index()


def _change(values: "pd.Series[float]") -> float:
    """The mean of the last steps minus that of the first ones."""
    if len(values) < 2 * SOME:
        raise UserError(f"{len(values)} steps: too few to compare the first {SOME} with the last {SOME}")
    return float(values.tail(SOME).mean() - values.head(SOME).mean())


def _each(values: list[float], shown: Callable[[float], str] = lambda value: f"{value:+.1f}") -> str:
    return ", ".join(map(shown, values))
