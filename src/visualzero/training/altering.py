"""Training questions altered, to learn what training goes by: without sight, or without right answers.

    blind             every image is one grey of the image's size: what is learnt then, is learnt from text and reward
    shuffled_answers  the option that counts as right is drawn: what is learnt then, is learnt without right answers

Images keep their size, so that prompts, their length and their image tokens stay the same and nothing but what is seen
is gone. Leaving images out would change the prompt as well, and the arm would meet its first image in evaluation.
"""

import hashlib

import pandas as pd
from PIL import Image

from visualzero.data.question import require_choices

BLIND = "blind"
SHUFFLED = "shuffled_answers"
GREY = (128, 128, 128)


def altered(questions: pd.DataFrame, how: str | None) -> pd.DataFrame:
    """The questions with another right option, where `how` is SHUFFLED; else as they are.

    Each question's is drawn from its options, all alike and the right one among them, by a digest of its id (arXiv
    1611.03530, section 2.1, "random labels"): the same for every arm and seed, and no better than chance on average.

    Raises:
        UserError: if answers are to be shuffled and a question has no options.
    """
    if how != SHUFFLED:
        return questions
    require_choices(questions, f"altered: {SHUFFLED}")
    drawn = [_draw(row.id, len(row.choices)) for row in questions.itertuples()]
    return questions.assign(answer_index=drawn)


def _draw(name: str, n: int) -> int:
    return int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()[:8]) % n


def blank(picture: Image.Image) -> Image.Image:
    """A grey picture (RGB) of the same size."""
    return Image.new("RGB", picture.size, GREY)
