"""Control questions: a benchmark's questions, changed so that the answers show what a model goes by.

    no_image         without the image: what the text alone gives away
    shuffled_image   with the image of another question: whether it matters which image it is
    swapped_options  with the options in another order: whether it is the option that is chosen, or the letter

An arm's score on the first two is what it earns without sight; a score beyond that is what sight adds.
"""

import random

import pandas as pd

from visualzero.config import CONTROLS
from visualzero.errors import UserError

SEED = 0  # of the shuffling of images; the same for every arm, so that arms are asked the same


def controlled(questions: pd.DataFrame, control: str | None) -> pd.DataFrame:
    """The questions as `control`, one of `CONTROLS`, asks them; None asks them as they are.

    Where the table was read without its images, only what the text says is changed.

    Raises:
        UserError: if images are to be shuffled and all questions share one.
    """
    assert control is None or control in CONTROLS, control
    if control == "swapped_options":
        return swapped_options(questions)
    if control is None or "image" not in questions:
        return questions
    return questions.assign(image=None) if control == "no_image" else shuffled_images(questions)


def shuffled_images(questions: pd.DataFrame) -> pd.DataFrame:
    """Every question with the image, or the images, of another; questions that share one share the other one too.

    The images stand in a circle in random order, and each question gets the image after its own.
    """
    columns = [name for name in ("image", "more_images", "n_images") if name in questions]
    images = questions.drop_duplicates("image_id").set_index("image_id")[columns]
    if len(images) < 2:
        raise UserError("controls.shuffled_image: all questions are about the same image: leave this control out")
    circle = sorted(images.index)
    random.Random(SEED).shuffle(circle)
    other = dict(zip(circle, [*circle[1:], circle[0]], strict=True))
    theirs = [other[name] for name in questions["image_id"]]
    return questions.assign(**{name: [images[name][one] for one in theirs] for name in columns})


def swapped_options(questions: pd.DataFrame) -> pd.DataFrame:
    """Every question with its first option moved to the end, so that each option has another letter.

    Raises:
        UserError: if no question has options.
    """
    if all(len(row) == 1 for row in questions["choices"]):
        raise UserError("controls.swapped_options: all questions are open: leave this control out")
    choices = [rotated(row) for row in questions["choices"]]
    right = [(index - 1) % len(row) for index, row in zip(questions["answer_index"], choices, strict=True)]
    return questions.assign(choices=choices, answer_index=right)


def rotated(choices: list[str]) -> list[str]:
    """The options in the order in which `swapped_options` shows them."""
    first, *others = choices
    return [*others, first]
