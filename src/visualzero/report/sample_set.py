"""What the browser of responses is given: questions, and what was said to them, as JSON values."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from visualzero.report.questions import Question
from visualzero.report.shown import HEAD, TAIL
from visualzero.report.text import clip
from visualzero.wording import clean

Json = dict[str, Any]
Item = TypeVar("Item")

OF_AN_IMAGE = 4_000  # bytes that an image is taken to have before it is read
OF_A_ROW = 250  # bytes that a response takes beside its text, and so does a question


@dataclass(frozen=True)
class Room:
    """How many responses, and bytes of JSON, there is room for."""

    rows: int
    bytes: int

    def part(self, share: float) -> "Room":
        """A share, from 0 to 1, of this room."""
        return Room(int(self.rows * share), int(self.bytes * share))

    def fitting(self, items: Iterable[tuple[Item, list[int], int]]) -> Iterator[Item]:
        """Of (item, lengths of its texts, bytes of its image), those before the first that is too much.

        The very first never is.
        """
        rows, size = 0, 0
        for item, lengths, image in items:
            rows += len(lengths)
            size += image + OF_A_ROW + sum(min(length, HEAD + TAIL) + OF_A_ROW for length in lengths)
            if (rows > self.rows or size > self.bytes) and rows > len(lengths):
                return
            yield item


@dataclass(frozen=True)
class SampleSet:
    """Responses to a benchmark, those of checkpoints that runs keep, or the rollouts of training.

    A row has the position of its question, arm, seed, verdict, text, cues, and in `values` for each of `columns` which
    option that scorer reads, or what that reward term gives. `total` counts the rows that the study has.
    """

    name: str
    kind: str  # responses, checkpoints or rollouts
    columns: list[str]
    questions: list[Json]
    rows: list[Json]
    total: int

    @property
    def whole(self) -> bool:
        """Whether all rows of the study are there."""
        return len(self.rows) >= self.total


def question_facts(question: Question) -> Json:
    """A question as the browser shows it."""
    return {
        "id": clean(question.id),
        "task": clean(question.task),
        "text": clip(clean(question.question), 1000, 200),
        "choices": [clip(clean(choice), 160, 40) for choice in question.choices],
        "answer": question.answer_index,
        "image": question.image,
        "width": question.width,
        "height": question.height,
    }
