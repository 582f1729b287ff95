"""What a run learns from, checked before the first step: every question can be asked, and a step has enough of them."""

from collections.abc import Iterator
from contextlib import contextmanager

import pandas as pd

from visualzero.config import Grpo, Optimization
from visualzero.data.question import count_images
from visualzero.errors import UserError
from visualzero.models.processor import ImageProcessor, most_image_tokens, prompt_of
from visualzero.models.tokens import special_tokens
from visualzero.progress import say
from visualzero.prompts import Options, question_text
from visualzero.prompts.special_tokens import special_tokens_in


def check_inputs(
    questions: pd.DataFrame,
    recipe: Optimization,
    processor: ImageProcessor,
    options: Options,
    context: int,
    name: str,
) -> None:
    """Check the training questions of run `name`; `options` is how their options are listed.

    `context` is the longest sequence of the model, in tokens.

    Raises:
        UserError: naming the question that spells a special token or is too long, or if there are fewer than a step of
            GRPO needs (it would take none at all).
    """
    special = special_tokens(processor.tokenizer)
    for row in questions.itertuples():
        for part in (row.question, *row.choices):
            if found := special_tokens_in(part, special):
                raise UserError(
                    f"{name}: question {row.id}: '{part}' spells {found[0]}, which the model reads as a token of its"
                    " own: write it otherwise"
                )
    if len(questions) < recipe.batch_size:
        if isinstance(recipe, Grpo):
            raise UserError(
                f"{name}: {len(questions)} training questions, and a step takes {recipe.batch_size}: give more"
                f" questions, or set grpo.batch_size to {len(questions)} or less"
            )
        say(f"{name}: {len(questions)} training samples, so that a step learns from fewer than {recipe.batch_size}")
    _check_room(questions, recipe, processor, options, context, name)


def _check_room(
    questions: pd.DataFrame,
    recipe: Optimization,
    processor: ImageProcessor,
    options: Options,
    context: int,
    name: str,
) -> None:
    """Nothing is ever cut, so prompt and completion have to fit. A text has at most as many tokens as bytes."""
    of_image = most_image_tokens(processor)
    frame = len(prompt_of(processor, "").encode())
    for row in questions.itertuples():
        text = question_text(row.question, list(row.choices), options)
        images = count_images(row)
        room = context - images * of_image
        answer = recipe.max_completion if isinstance(recipe, Grpo) else max(len(part.encode()) for part in row.choices)
        if images * frame + len(text.encode()) + answer <= room:
            continue
        tokens = len(processor.tokenizer(prompt_of(processor, text, images), add_special_tokens=False)["input_ids"])
        if tokens + answer > room:
            raise UserError(
                f"{name}: question {row.id}: {tokens} tokens of text, {context - room} of {_images(images)} and"
                f" {answer} of a completion are more than the model's {context}: shorten it, or lower max_pixels or"
                " max_completion"
            )


def _images(count: int) -> str:
    return "an image" if count == 1 else f"{count} images"


@contextmanager
def naming(question: str) -> Iterator[None]:
    """Name the question whose text and image can't be put together.

    Raises:
        UserError: in place of ValueError, and of StopIteration, which a data loader takes for the end of the data.
    """
    try:
        yield
    except (StopIteration, ValueError) as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise UserError(
            f"question {question}: its text and image can't be put together ({reason}): correct it"
        ) from error
