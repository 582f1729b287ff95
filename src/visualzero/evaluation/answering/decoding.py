"""Greedy decoding in which nobody waits: a row that has ended makes room for the next question.

`model.generate(do_sample=False)` gives the same tokens, but a row that has ended is computed until the last one of its
batch has, and its cache copies the whole past for every token. Rollouts are decoded by the same steps
(groupshare/decoding.py).
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from transformers import PreTrainedModel

from groupshare.attention import install
from groupshare.caches import Lines, Rows
from groupshare.choosing import Choice
from groupshare.cohorts import Cohort, Room, Row
from groupshare.decoding import Decoder
from groupshare.questions import Question
from visualzero.evaluation.answering.limits import PREFILLED

STRIDE = 4  # tokens from one look at which rows have ended to the next; what a row writes in between is cut off


def greedy(
    model: PreTrainedModel,
    questions: Sequence[Question],
    ends: Collection[int],
    max_new_tokens: int,
    repetition_penalty: float = 1.0,
    enough: Callable[[Sequence[int]], bool] | None = None,
    room: Room | None = None,
) -> list[list[int]]:
    """The most likely next tokens of each question; see `greedy_decoder`."""
    install(model)
    cohorts = [Cohort.of([question]) for question in questions]
    decoder = greedy_decoder(model, ends, max_new_tokens, repetition_penalty, enough, room or Room(rows=len(cohorts)))
    return written(decoder, cohorts)


def greedy_decoder(
    model: PreTrainedModel,
    ends: Collection[int],
    max_new_tokens: int,
    repetition_penalty: float,
    enough: Callable[[Sequence[int]], bool] | None,
    room: Room,
) -> Decoder:
    """What decodes rows greedily, up to and including the first of `ends`, at most `max_new_tokens` of each.

    Args:
        model: in evaluation mode, on the device to use, as `attention.install` has left it.
        ends: tokens that end a row.
        max_new_tokens: length at which a row is cut off.
        repetition_penalty: see `Choice`; padding is not part of a prompt. For transformers it is.
        enough: whether a row, with at most `STRIDE` new tokens, need not go on. It is cut off within so many tokens.
        room: how many rows are decoded at a time.
    """

    def cache(rows: int, fixed: bool) -> Rows:
        return Lines(rows, max_new_tokens, fixed)

    choice = Choice(ends, max_new_tokens, repetition_penalty)
    return Decoder(model, cache, choice, room, STRIDE, PREFILLED, enough)


def written(decoder: Decoder, cohorts: Iterable[Cohort]) -> list[list[int]]:
    """The tokens of all rows of cohorts, which are taken as their turns come, in the order of the rows."""
    found: list[list[int]] = []
    places: dict[Row, int] = {}  # of rows that are not over: what has been answered, image and all, is let go

    def given() -> Iterator[Cohort]:
        for cohort in cohorts:
            places.update((row, place) for place, row in enumerate(cohort.rows, len(found)))
            found.extend([] for _ in cohort.rows)
            yield cohort

    for row in decoder.write(given()):
        found[places.pop(row)] = row.tokens
    return found
