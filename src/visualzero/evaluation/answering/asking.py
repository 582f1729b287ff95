"""What a model is asked: prompts and images of a benchmark, and the batches in which it is asked them."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, TypedDict

import pandas as pd

from visualzero.data.image import decode_image, image_size
from visualzero.data.question import images_of
from visualzero.errors import UserError
from visualzero.models.families import family_read_by
from visualzero.models.processor import ImageProcessor, prompt_of
from visualzero.prompts import Options, question_text


class Asked(NamedTuple):
    """One question as a model gets it; `image`, encoded as in a Question table, is None or comes before `more`."""

    id: str
    prompt: str
    image: dict[str, Any] | None
    choices: tuple[str, ...]
    more: tuple[dict[str, Any], ...] = ()

    @property
    def prompt_sha(self) -> str:
        """Sixteen hex digits of the prompt."""
        return hashlib.sha256(self.prompt.encode()).hexdigest()[:16]

    @property
    def images(self) -> list[dict[str, Any]]:
        """All its images, encoded."""
        return [self.image, *self.more] if self.image else []

    def picture(self) -> Any:
        """The decoded image (PIL, RGB), the first one where there are several; None where there is none."""
        return decode_image(self.image, self.id) if self.image else None

    def pictures(self) -> list[Any]:
        """All decoded images, in their order."""
        return [decode_image(image, self.id) for image in self.images]


class Answer(TypedDict):
    """A response; `n_tokens` doesn't count what ended it, `finish_reason` is stop or length."""

    response: str
    n_tokens: int
    finish_reason: str


Batch = list[Asked]
Engine = Callable[[Iterable[Batch]], Iterator[list[Answer]]]
"""What answers batches, one after another; it may look ahead. It does nothing before its first answer is taken."""


def ask(questions: pd.DataFrame, processor: ImageProcessor, options: Options) -> list[Asked]:
    """Each question with its prompt, rendered in the processor's style.

    A question without an image (None) is asked in the same words: its prompt lacks what stands for an image and
    nothing else.

    Raises:
        UserError: for a question whose text has what stands for an image.
    """
    marker = family_read_by(processor).marker

    def prompt(row: Any) -> str:
        text = question_text(row.question, list(row.choices), options)
        if marker and marker in text:
            raise UserError(
                f"question {row.id}: its text has {marker}, which this model reads as an image: write it otherwise"
            )
        return prompt_of(processor, text, len(images_of(row)))

    return [
        Asked(row.id, prompt(row), row.image, tuple(row.choices), tuple(images_of(row)[1:]))
        for row in questions.itertuples()
    ]


def batches_of(asked: list[Asked], processor: ImageProcessor, size: int) -> list[Batch]:
    """All questions in batches of like length in tokens, longest first, so that too little memory shows at once."""
    texts = processor.tokenizer([one.prompt for one in asked], add_special_tokens=False)["input_ids"]
    lengths = [len(text) + _image_tokens(one, processor) for one, text in zip(asked, texts, strict=True)]
    order = sorted(range(len(asked)), key=lambda i: (-lengths[i], i))
    return [[asked[i] for i in order[start : start + size]] for start in range(0, len(order), size)]


def _image_tokens(one: Asked, processor: ImageProcessor) -> int:
    family, tokens = family_read_by(processor), 0
    for image in one.images:
        width, height = image_size(image, one.id)
        tokens += family.image_tokens(processor, height, width)
    return tokens
