"""Planted truths: what thoughts and cues of scripted responders do is named rightly, and intervals cover it."""

from functools import cache

import numpy as np
import pytest

from planted_thoughts import AGAIN, RESPONDERS, questions
from visualzero.evaluation.comparing.altered import CONTRASTS, FEWEST, UNREAD, Altered, Arm, altered_arms
from visualzero.evaluation.comparing.altered_verdicts import cue_verdict, thought_verdict
from visualzero.evaluation.comparing.sampled import Told

STUDIES, QUESTIONS, SAMPLES, MARGIN = 200, 800, 8, 0.05  # the demo's questions, the config's defaults
MANY = 200_000  # questions that stand for all


@cache
def studies(name: str) -> list[dict]:
    """What is found in each study of a responder, with its claim."""
    rng, responder = np.random.default_rng(len(name)), RESPONDERS[name][0]
    made = []
    for _ in range(STUDIES):
        run = responder(questions(QUESTIONS, rng), rng).draw(SAMPLES, rng)
        made.append(altered_arms({"arm": Arm("The arm", {"1": run})}, MARGIN)["arm"])
    return made


@pytest.mark.parametrize("name", RESPONDERS)
def test_each_responder_is_named_rightly_in_nineteen_of_twenty_studies(name: str) -> None:
    _, thought, cue = RESPONDERS[name]
    right = [one["thought_verdict"] == thought and one["cue_verdict"] == cue for one in studies(name)]
    assert np.mean(right) >= 0.95


@pytest.mark.parametrize("name", RESPONDERS)
def test_nobody_is_named_the_opposite(name: str) -> None:
    _, thought, cue = RESPONDERS[name]
    wrong = [
        {one["thought_verdict"], thought} == {"decides", "idle"} or one["cue_verdict"] not in (cue, "undecided")
        for one in studies(name)
    ]
    assert np.mean(wrong) <= 0.01


def test_intervals_cover_the_planted_differences() -> None:
    held = []
    for name, (responder, _, _) in RESPONDERS.items():
        rng = np.random.default_rng(9)
        truth = responder(questions(MANY, rng), rng)
        for kind, (a, b) in CONTRASTS.items():
            for what in ("changed", "accuracy"):
                planted = truth.expected(a, b, what == "changed")
                for one in studies(name):
                    low, high = one["contrasts"][kind][what]["interval"]
                    held.append(low <= planted <= high)
    assert 0.93 <= np.mean(held) <= 0.97


def test_the_effect_of_a_cue_is_that_on_who_would_not_have_written_one() -> None:
    rng = np.random.default_rng(9)
    responder = RESPONDERS["corrects"][0]
    planted = responder(questions(MANY, rng), rng).expected("cued", "free", False) / (1 - AGAIN)
    held = [one["cue"]["effect"][0] <= planted <= one["cue"]["effect"][1] for one in studies("corrects")]
    assert 0.92 <= np.mean(held) <= 0.98
    assert np.mean([one["cue"]["again"] for one in studies("corrects")]) == pytest.approx(AGAIN, abs=0.01)


def test_claims_say_what_the_verdicts_say() -> None:
    said = studies("corrects")[0]["claim"]
    assert said.startswith("The arm: The thought decides: without a thought +")
    assert "Reconsidering helps: +" in said
    assert "(Under seed 1, which says nothing of another.)" in said
    assert "Its “wait” is a word: forced, it changes less than 5.0 points" in studies("waits")[0]["claim"]
    assert "The thought doesn't decide, up to 5.0 points" in studies("talks")[0]["claim"]


def test_several_seeds_are_one_test_over_seeds_and_questions() -> None:
    rng = np.random.default_rng(0)
    asked = questions(QUESTIONS, rng)
    runs = {str(seed): RESPONDERS["corrects"][0](asked, rng).draw(SAMPLES, rng) for seed in (1, 2, 3)}
    [one] = altered_arms({"arm": Arm("The arm", runs)}, MARGIN).values()
    assert one["seeds"] == ["1", "2", "3"]
    assert (one["thought_verdict"], one["cue_verdict"]) == ("decides", "helps")
    assert "Under seed" not in one["claim"]


def run_of(n: int, **answers: int) -> Altered:
    """A run of n questions, right is 0, whose answers are everywhere the same."""
    given = {kind: np.full((n, 2), answers.get(kind, 0)) for pair in CONTRASTS.values() for kind in pair}
    zeros = np.zeros(n, dtype=np.int64)
    return Altered(zeros, zeros, [str(i) for i in range(n)], given, zeros)


def test_too_few_questions_are_told_and_decide_nothing() -> None:
    [one] = altered_arms({"arm": Arm("The arm", {"1": run_of(FEWEST - 1, foreign=1)})}, MARGIN).values()
    assert (one["thought_verdict"], one["cue_verdict"]) == ("undecided", "undecided")
    assert "too few thoughts" in one["claim"]
    assert "too few responses (19)" in one["claim"]


def test_an_answer_that_cannot_be_read_is_not_a_changed_one() -> None:
    [one] = altered_arms({"arm": Arm("The arm", {"1": run_of(50, emptied=UNREAD)})}, MARGIN).values()
    assert one["kinds"]["emptied"] == one["kinds"]["emptied"] | {"changed": 0.0, "unread": 1.0, "right_to_wrong": 1.0}
    assert one["contrasts"]["emptied"]["changed"]["difference"] == 0
    assert one["contrasts"]["emptied"]["accuracy"]["difference"] == -1


def test_a_thought_without_which_nothing_can_be_read_is_not_called_idle() -> None:
    same, lost = (
        altered_arms({"arm": Arm("The arm", {"1": run_of(100, emptied=answer)})}, MARGIN)["arm"]
        for answer in (0, UNREAD)
    )
    assert (same["thought_verdict"], lost["thought_verdict"]) == ("idle", "undecided")
    assert "of its answers change and +100.0 can't be read" in lost["claim"]
    assert "can't be read" not in same["claim"]


def test_a_model_that_always_reconsiders_itself_cannot_be_set_against_itself() -> None:
    run = run_of(50)
    always = Altered(run.held, run.right, run.images, run.answers, np.full(50, 2))
    [one] = altered_arms({"arm": Arm("The arm", {"1": always})}, MARGIN).values()
    assert (one["cue"]["effect"], one["cue_verdict"]) == (None, "undecided")


@pytest.mark.parametrize(
    ("interval", "p", "verdict"),
    [((0.06, 0.2), 0.01, "decides"), ((0.01, 0.2), 0.01, "undecided"), ((0.06, 0.2), 0.2, "undecided")],
)
def test_a_thought_decides_only_where_more_changes_than_the_margin(
    interval: tuple[float, float], p: float, verdict: str
) -> None:
    ends = [(Told(0.0, (-0.01, 0.01), 1.0), 1.0, 0.0), (Told(0.1, interval, p), p, 0.0)]
    assert thought_verdict(ends, MARGIN) == verdict


@pytest.mark.parametrize(
    ("effect", "p", "verdict"),
    [
        ((0.01, 0.1), 0.01, "helps"),
        ((-0.1, -0.01), 0.01, "hinders"),
        ((0.01, 0.04), 0.01, "idle"),
        ((0.01, 0.1), 0.2, "undecided"),
        (None, 0.01, "undecided"),
    ],
)
def test_a_cue_helps_only_where_that_is_told_from_none(
    effect: tuple[float, float] | None, p: float, verdict: str
) -> None:
    assert cue_verdict(effect, p, MARGIN) == verdict


def with_entropy(cue: float, others: float, n: int = 50) -> Altered:
    """A run of whose thoughts every other one has a cue."""
    run, rng = run_of(n), np.random.default_rng(0)
    measured = np.array([[cue, others]] * n) + rng.normal(0, 0.1, (n, 2))
    measured[::2] = np.nan
    return Altered(run.held, run.right, run.images, run.answers, run.again, measured)


@pytest.mark.parametrize(
    ("cue", "others", "words"),
    [(1.5, 0.5, "less sure of"), (0.25, 0.5, "surer of"), (0.5, 0.5, "not told to be less or more sure of")],
)
def test_how_sure_a_model_is_where_it_reconsiders_is_set_against_elsewhere(
    cue: float, others: float, words: str
) -> None:
    [one] = altered_arms({"arm": Arm("The arm", {"1": with_entropy(cue, others)})}, MARGIN).values()
    assert one["entropy"]["n"] == 25
    assert one["entropy"]["difference"] == pytest.approx(cue - others, abs=0.08)
    assert f"it is {words} its next token than elsewhere" in one["claim"]


def test_too_few_cues_say_nothing_of_certainty() -> None:
    [one] = altered_arms({"arm": Arm("The arm", {"1": with_entropy(1, 0, 2 * FEWEST - 2)})}, MARGIN).values()
    assert one["entropy"] is None
