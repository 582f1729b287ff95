"""A difference is told under every scorer, and one whose sign changes with it is one of form."""

from dataclasses import replace

import pytest

from visualzero.evaluation.comparing.planned import Pair, comparisons, comparisons_over_seeds
from visualzero.evaluation.comparing.scorers import Standing, changes_sign, in_words, read_by, scorers_of

AHEAD = Standing(0.26, (0.22, 0.3), 0.0, 1, 0.95, 0.44)
BEHIND = Standing(-0.09, (-0.12, -0.05), 0.0, -1, 0.95, 0.97)
OPEN = Standing(0.01, (-0.02, 0.04), 1.0, 0, 0.9, 0.9)


def test_an_arm_that_one_scorer_puts_ahead_and_another_behind_differs_in_form() -> None:
    found = {"strict": AHEAD, "letter": OPEN, "visualthinker": BEHIND}
    assert in_words("GRPO", "Base", found) == (
        "GRPO is ahead under strict, behind under visualthinker, undecided under letter: a matter of form"
        " (strict reads 95.0 % of its answers, 44.0 % of Base's)"
    )
    assert changes_sign(found)


def test_scorers_that_agree_say_so() -> None:
    assert in_words("A", "B", {"strict": AHEAD, "lmms": AHEAD}) == "A is ahead under every scorer"
    assert in_words("A", "B", {"strict": OPEN, "lmms": OPEN}) == "A is undecided under every scorer"
    assert in_words("A", "B", {"strict": AHEAD, "letter": AHEAD, "lmms": OPEN}) == (
        "A is ahead under strict and letter, undecided under lmms"
    )
    assert not changes_sign({"strict": AHEAD, "lmms": OPEN})
    assert in_words("A", "B", {}) == ""


def test_what_is_claimed_counts_as_one_of_the_readings() -> None:
    assert changes_sign({"lmms": BEHIND}, ahead=1)
    assert not changes_sign({"lmms": BEHIND}, ahead=-1)


def test_equal_parse_rates_are_not_told() -> None:
    alike = {"strict": replace(AHEAD, parse_rate_b=0.94), "lmms": replace(BEHIND, parse_rate_b=0.94)}
    assert in_words("A", "B", alike).endswith(": a matter of form")


def answered(strict: str, lmms: str) -> list[dict]:
    """Score rows of questions whose right option is 0: '1' is right, '0' wrong, '-' not read."""
    read = {"1": 0, "0": 1, "-": None}
    return [
        {
            "id": f"q{i}",
            "image_id": f"i{i}",
            "source": "s",
            "answer_index": 0,
            "prediction": read[s],
            "parse_class": "none" if s == "-" else "parsed",
            "correct": s == "1",
            "readings": {"strict": read[s], "lmms": read[other]},
        }
        for i, (s, other) in enumerate(zip(strict, lmms, strict=True))
    ]


TAGGED = answered("1" * 30 + "0" * 10, "-" * 40)  # an arm that writes tags, which only one scorer reads
PLAIN = answered("-" * 30 + "1" * 10, "1" * 20 + "0" * 20)


def test_rows_are_read_as_a_scorer_reads_them() -> None:
    assert scorers_of([*TAGGED, *PLAIN]) == ["strict", "lmms"]
    assert scorers_of([*TAGGED, {"id": "x"}]) == []
    assert read_by(PLAIN, "lmms")[25] == {"id": "q25", "image_id": "i25", "prediction": 1, "correct": False}


def test_no_planned_claim_stands_without_the_sign_that_it_has_under_other_scorers() -> None:
    pair = Pair("grpo", "base", "GRPO", "Base", True, {1: (TAGGED, PLAIN), 2: (TAGGED, PLAIN)})
    [first, _] = comparisons([pair], [1, 2], 0.02)
    [over] = comparisons_over_seeds([pair], 0.02)
    for made in (first, over):
        assert made["ahead"] == "grpo"
        assert made["changes_sign"]
        assert {name: one["sign"] for name, one in made["scorers"].items()} == {"strict": 1, "lmms": -1}
        assert made["claim"].endswith(f"; but {made['scorers_claim']}")
        assert "ahead under strict, behind under lmms: a matter of form (lmms reads 0.0 % of its" in made["claim"]
        assert made["scorers"]["strict"]["difference"] == made["difference"]


def test_form_and_capability_are_told_apart_under_every_scorer() -> None:
    a, b = answered("1" * 30 + "0" * 10, "1" * 30 + "0" * 10), answered("1" * 10 + "-" * 30, "1" * 20 + "0" * 20)
    pair = Pair("a", "b", "A", "B", True, {1: (a, b), 2: (a, b)})
    [first, _] = comparisons([pair], [1, 2], 0.02)
    [over] = comparisons_over_seeds([pair], 0.02)
    for made in (first, over):
        strict, lmms = (made["scorers"][name]["gain"] for name in ("strict", "lmms"))
        # Read 40 and 10 of 40, right 3 of 4 and all of these: (1 - .25) * (.75 + 1) / 2 is form.
        assert (strict["format"], strict["capability"]) == (pytest.approx(0.65625), pytest.approx(-0.15625))
        assert (lmms["format"], lmms["capability"]) == (pytest.approx(0.0), pytest.approx(0.25))
        assert strict["capability_interval"][0] < strict["capability"] < strict["capability_interval"][1]
    assert first["gain"]["capability"] == first["scorers"]["strict"]["gain"]["capability"]


def test_a_scorer_that_reads_no_answer_of_an_arm_splits_nothing() -> None:
    [made] = comparisons([Pair("grpo", "base", "GRPO", "Base", True, {1: (TAGGED, PLAIN)})], [1], 0.02)
    assert made["scorers"]["lmms"]["gain"] is None


def test_a_claim_that_all_scorers_make_is_not_burdened_with_them() -> None:
    pair = Pair("a", "b", "A", "B", True, {1: (answered("1" * 40, "1" * 40), answered("0" * 40, "0" * 40))})
    [made] = comparisons([pair], [1], 0.02)
    assert (made["changes_sign"], made["scorers_claim"]) == (False, "A is ahead under every scorer")
    assert "under" not in made["claim"]


@pytest.mark.parametrize("readings", [{}, None])
def test_rows_without_readings_are_compared_by_their_score(readings: dict | None) -> None:
    a, b = ([row | {"readings": readings} for row in rows] for rows in (TAGGED, PLAIN))
    [made] = comparisons([Pair("a", "b", "A", "B", True, {1: (a, b)})], [1], 0.02)
    assert (made["scorers"], made["scorers_claim"], made["changes_sign"]) == ({}, "", False)
