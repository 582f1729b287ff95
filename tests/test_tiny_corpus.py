"""What the tiny models read: thoughts that follow from the picture, slips that aren't learned, forms by their share."""

import random
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
import torch

from visualzero.data.toyspace.questions import TASKS, Asked, ask
from visualzero.errors import UserError
from visualzero.models.tiny import corpus
from visualzero.models.tiny.build import measure_tiny_models
from visualzero.models.tiny.measure import Measure, concluded, last_named, style_of
from visualzero.models.tiny.muon import orthogonal
from visualzero.models.tiny.places import NAMES, across, away, place
from visualzero.models.tiny.sight import NOBODY, places_of, sight_loss
from visualzero.models.tiny.thoughts import CONFIRMS, CUES, look, second_look, slip


@cache
def asked(n: int = 400) -> tuple[Asked, ...]:
    return tuple(ask(TASKS[i % 4], i // 4, "pretrain", 7) for i in range(n))


def text(document: corpus.Document) -> str:
    return "".join(piece for piece, _ in document)


@pytest.mark.parametrize("task", TASKS)
def test_a_look_concludes_what_the_geometry_says(task: str) -> None:
    looks = [(one, look(one)) for one in asked() if one.task == task]
    told = [(one, said) for one, said in looks if said]
    assert all(concluded(said) == one.answer for one, said in told)
    assert len(told) >= (0.97 if task == "Distance" else 1.0) * len(looks)


def test_a_look_says_where_things_are() -> None:
    for one in asked(80):
        for name, x, z in re.findall(r" (\w+ \w+) (\d)(\d)", (look(one) or "").partition(".")[0]):
            [thing] = [thing for thing in one.scene if thing.name == name]
            assert (int(x), int(z)) == (across(thing), away(thing))


def test_a_slip_is_read_and_everything_else_of_it_is_learned() -> None:
    for number, one in enumerate(asked(200)):
        pieces = slip(one, random.Random(number))
        [wrong] = [at for at, (_, learned) in enumerate(pieces) if not learned]
        right = look(one)
        said = text(pieces[: wrong + 1])
        assert right is None or not right.startswith(said), said
        assert right is None or right.startswith(text(pieces[:wrong]))


def test_second_looks_end_in_the_right_answer_whatever_the_first_said() -> None:
    rng = random.Random(0)
    said = [(one, pieces) for one in asked() if (pieces := second_look(one, rng))]
    assert all(concluded(text(pieces)) == one.answer for one, pieces in said)
    assert all(style_of(text(pieces)) == "second look" for _, pieces in said)
    confirming = sum(all(learned for _, learned in pieces) for _, pieces in said) / len(said)
    assert abs(confirming - CONFIRMS) < 0.1
    assert {cue for _, pieces in said for cue in CUES if cue in text(pieces)} == set(CUES)


def test_styles_and_forms_have_the_shares_that_the_page_states() -> None:
    rng = random.Random(0)
    documents = [text(corpus.thinking(one, rng)) for one in asked() for _ in range(5)]
    responses = [document.partition("<think>")[2] for document in documents]
    styles = Counter(map(style_of, responses))
    for style, share in corpus.STYLES.items():
        assert abs(styles[style] / len(responses) - share) < 0.03, style
    html = sum('<div class="answer">' in response for response in responses) / len(responses)
    formed = sum(bool(re.search(r"</think> <answer> [^(<]+ </answer>", response)) for response in responses)
    assert abs(html - 0.38) < 0.03
    assert abs(formed / len(responses) - 0.22) < 0.03


def test_a_look_is_never_followed_by_a_wrong_answer_and_a_guess_now_and_then() -> None:
    rng = random.Random(1)
    right: dict[str, list[bool]] = {"guess": [], "look": [], "second look": []}
    for one in asked():
        response = text(corpus.thinking(one, rng)).partition("<think>")[2]
        right[style_of(response)].append(last_named(one, response) == one.answer)
    assert all(right["look"])
    assert all(right["second look"])
    assert 0.9 < sum(right["guess"]) / len(right["guess"]) < 1.0


def test_letters_belong_to_their_texts() -> None:
    rng = random.Random(0)
    kinds = (corpus.letters, corpus.thinking, corpus.answering)
    for one in asked(200):
        for kind in kinds:
            said = text(kind(one, rng)).partition("Assistant:" if kind is not corpus.letters else "\n")[2]
            for letter, choice in re.findall(r"\(([A-F])\) ([\w ]+?)[.< \n]", said.split("Select from")[-1]):
                options = {"ABCDEF"[i]: option for i, option in enumerate(one.choices)}
                assert options[letter].startswith(choice.split()[0])


def test_the_instruct_model_reads_no_looks() -> None:
    rng = random.Random(0)
    assert {style_of(text(corpus.chat(one, rng)).partition("assistant\n")[2]) for one in asked()} == {"guess"}


def test_places_of_a_scene_are_known_by_name() -> None:
    one = asked(4)[1]
    places = places_of([one.scene])[0]
    assert (places[:, 0] != NOBODY).sum() == len(one.scene)
    for thing in one.scene:
        assert places[NAMES.index(thing.name)].tolist() == [across(thing), away(thing)]


def test_captions_say_of_every_object_its_place_and_of_others_none() -> None:
    rng = random.Random(0)
    said = {"place": 0, "none": 0}
    for one in asked(200):
        places = {thing.name: place(thing) for thing in one.scene}
        for name, told in re.findall(r"(\w+ \w+) (\d\d|none)", text(corpus.captioning(one, rng))):
            said["none" if told == "none" else "place"] += 1
            assert told == places.get(name, "none")
    assert 0.2 < said["none"] / sum(said.values()) < 0.5


def test_a_reader_that_knows_everything_has_no_loss() -> None:
    places = places_of([one.scene for one in asked(8)])
    logits = torch.full((*places.shape[:2], 21), -30.0)
    there = places[..., 0] != NOBODY
    logits[..., 0][there] = 30.0
    for k in range(2):
        logits[..., 1 + 10 * k : 11 + 10 * k][there] = 60.0 * torch.nn.functional.one_hot(places[there][:, k], 10)
    assert sight_loss(logits, places).item() < 1e-6
    logits[..., 0] *= -1
    assert sight_loss(logits, places).item() > 1


@pytest.mark.parametrize("shape", [(8, 8), (24, 8), (8, 24)])
def test_a_step_of_muon_has_singular_values_near_one(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonal(torch.randn(shape)))
    assert values.min() > 0.4
    assert values.max() < 1.3


@pytest.mark.parametrize(("questions", "told"), [(3, "--questions 3: too few"), (4, "no model there")])
def test_models_or_questions_that_are_missing_are_one_line(tmp_path: Path, questions: int, told: str) -> None:
    with pytest.raises(UserError, match=told):
        measure_tiny_models(tmp_path, questions, 0)


@pytest.mark.parametrize(("cases", "missed"), [(84, True), (85, False)])
def test_a_measure_is_missed_below_what_it_has_to_be(cases: int, missed: bool) -> None:
    measure = Measure("looks", cases, 100, least=0.85)
    assert measure.missed is missed
    assert ("MISSED" in str(measure)) is missed
    assert Measure("looks rarely", 11, 100, most=0.10).missed


@pytest.mark.parametrize(
    ("said", "named"),
    [("It is left. So it is right.", "right"), ("leftover", None), ("left or right: left", "left"), ("", None)],
)
def test_what_is_named_last_counts(said: str, named: str | None) -> None:
    one = next(one for one in asked() if set(one.choices) == {"left", "right"})
    assert last_named(one, said) == named
