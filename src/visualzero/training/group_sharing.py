"""What the study adds to group sharing (the package groupshare): errors that tell its user what to change."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from groupshare.errors import SharingError
from groupshare.questions import Preparer, Question
from visualzero.errors import UserError
from visualzero.training.inputs import naming


@contextmanager
def telling(key: str = "grpo.sharing") -> Iterator[None]:
    """Say what can't be shared as the config's key.

    Raises:
        UserError: in place of SharingError.
    """
    try:
        yield
    except SharingError as error:
        raise UserError(f"{key}: {error.args[0]}: choose 'off'") from error


class NamingPreparer(Preparer):
    """Names the question whose text and image can't be put together.

    Raises:
        UserError: when called with the row of such a question.
    """

    def __call__(self, row: dict[str, Any]) -> Question:
        """The row's question."""
        with naming(str(row["question_id"])):
            return super().__call__(row)
