"""Whatever a model writes: every reward term is a finite number in its range."""

import math

from hypothesis import assume, given
from hypothesis import strategies as st

from properties import MANY
from visualzero.evaluation.reading.free.kinds import KINDS, problem
from visualzero.rewards import reward_terms, score_completion

PIECES = (
    *(
        "<think>",
        "</think>",
        "<answer>",
        "</answer>",
        "<reason>",
        "</reason>",
        "(A)",
        "(B",
        "left",
        "right",
        "The answer is ",
        "\\boxed{",
        "}",
    ),
    *(
        "no",
        "not ",
        "so ",
        "\n",
        " ",
        "3",
        "three",
        "\u2212",
        "\ud800",
        "\0",
        "ﬁ",
        "ß",
        "İ",
        "User:",
        "<|im_end|>",
        "*" * 30,
    ),
)
RANGES = {
    "accuracy": (0, 1),
    "adaptive": (0, 1),
    "answer_first": (0, 1),
    "coin": (0, 1),
    "format": (0, 1),
    "length": (0, math.inf),
    "overlong": (-1, 0),
    "repetition": (-1, 0),
}
RIGHT = ["yes", "no", "true", "0", "1", "-2.5", "1/3", "red cube", "the end"]
completions = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=5)), max_size=12).map("".join)
options = st.lists(st.one_of(st.sampled_from(PIECES), st.text(min_size=1, max_size=5)), min_size=2, max_size=26)


@MANY
@given(completions, options, st.data())
def test_every_term_is_a_finite_number_in_its_range(completion: str, choices: list[str], data: st.DataObject) -> None:
    answer = data.draw(st.integers(0, len(choices) - 1))
    n_tokens, limit = data.draw(st.tuples(st.integers(0, 3000), st.one_of(st.none(), st.integers(1, 3000))))
    facts = {"choices": choices, "answer_index": answer, "n_tokens": n_tokens, "max_tokens": limit}
    values = score_completion(dict.fromkeys(RANGES, 1.0), completion, **facts)
    assert {*values, *KINDS} == reward_terms().keys()
    for term, value in values.items():
        low, high = RANGES[term]
        assert math.isfinite(value), term
        assert low <= value <= high, term
    assert values["length"] == n_tokens
    assert values == score_completion(dict.fromkeys(RANGES, 1.0), completion, **facts)


@MANY
@given(completions, st.sampled_from(RIGHT), st.sampled_from(["yes_no", "number", "number 0.5", "text"]))
def test_every_term_of_free_answers_pays_all_or_nothing_and_as_accuracy_does(
    completion: str, right: str, kind: str
) -> None:
    assume(problem(kind, right) is None)
    terms = {"accuracy": 1.0, kind.partition(" ")[0]: 1.0}
    values = score_completion(terms, completion, choices=[right], answer_index=0, n_tokens=1, answer_kind=kind)
    assert set(values.values()) in ({0.0}, {1.0})
