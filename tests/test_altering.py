"""Altered training questions: what is taken away is gone, and nothing else."""

import pickle
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from training_runs import MakeRun, make_run
from visualzero.data.question import read_questions
from visualzero.data.toyspace.questions import toyspace_rows
from visualzero.errors import UserError
from visualzero.models.processor import load_processor
from visualzero.training.altering import altered, blank
from visualzero.training.pictures import Pictures

__all__ = ["make_run"]  # the fixture


@pytest.fixture(scope="module")
def questions() -> pd.DataFrame:
    """Four hundred of them, without their images."""
    return pd.DataFrame(toyspace_rows("train", 400, 1)).drop(columns="image")


@pytest.mark.parametrize("how", [None, "blind"])
def test_options_stay_as_they_are_unless_they_are_shuffled(questions: pd.DataFrame, how: str | None) -> None:
    assert altered(questions, how) is questions


def test_shuffled_answers_are_right_no_more_often_than_by_chance(questions: pd.DataFrame) -> None:
    drawn = altered(questions, "shuffled_answers")
    pd.testing.assert_frame_equal(drawn.drop(columns="answer_index"), questions.drop(columns="answer_index"))
    assert all(0 <= row.answer_index < len(row.choices) for row in drawn.itertuples())
    chance = (1 / questions["choices"].map(len)).mean()
    right = (drawn["answer_index"] == questions["answer_index"]).mean()
    assert right == pytest.approx(chance, abs=3 * (chance * (1 - chance) / len(questions)) ** 0.5)


def test_shuffled_answers_depend_on_the_question_alone(questions: pd.DataFrame) -> None:
    drawn, part = altered(questions, "shuffled_answers"), altered(questions.iloc[200:], "shuffled_answers")
    assert list(part["answer_index"]) == list(drawn["answer_index"])[200:]


def test_answers_of_open_questions_are_not_shuffled(questions: pd.DataFrame) -> None:
    opened = questions.assign(answer_kind=["choice", *["number"] * (len(questions) - 1)])
    with pytest.raises(UserError, match=f"altered: shuffled_answers: question {questions['id'][1]} is answered freely"):
        altered(opened, "shuffled_answers")


def test_a_blind_arm_sees_grey_pictures_of_the_same_size_in_worker_processes_too(make_run: MakeRun) -> None:
    run = make_run("base-grpo")
    names = list(read_questions(run.questions)["id"])
    seen, grey = Pictures(run.questions), Pictures(run.questions, blind=True)
    batch = {"image": names, "question_id": names}
    for blind in (grey, pickle.loads(pickle.dumps(grey))):
        for before, after in zip(seen(batch)["image"], blind(batch)["image"], strict=True):
            assert (after.size, after.mode) == (before.size, before.mode)
            assert after.getcolors() == [(before.width * before.height, (128, 128, 128))]
            assert len(before.getcolors(before.width * before.height)) > 1
        assert blind(batch)["question_id"] == names


def test_a_blank_picture_takes_as_many_tokens(tiny_model: Path) -> None:
    processor = load_processor(tiny_model, "r1_zero", 3136, 12544)
    picture = Image.radial_gradient("L").resize((190, 330)).convert("RGB")
    ids = [processor(images=[image], text=["<|image_pad|>"])["input_ids"] for image in (picture, blank(picture))]
    assert ids[0] == ids[1]
