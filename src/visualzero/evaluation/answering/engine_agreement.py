"""Whether an engine may stand in for transformers: on a sample of questions it has to choose the same answers."""

from collections.abc import Sequence

from visualzero.errors import UserError
from visualzero.evaluation.answering.asking import Answer, Asked
from visualzero.evaluation.reading.answer import parse_answer
from visualzero.progress import say

SAMPLE = 100  # questions
ENOUGH = 0.95


def agreement(asked: Sequence[Asked], ours: Sequence[Answer], theirs: Sequence[Answer]) -> float:
    """Share of questions on which two engines give the same response, or choose the same option in other words.

    Rounding differs between engines, so long responses part somewhere without either being wrong.
    """
    same = [
        a["response"] == b["response"] or _chosen(a, one) == _chosen(b, one) is not None
        for one, a, b in zip(asked, ours, theirs, strict=True)
    ]
    return sum(same) / len(same)


def require_agreement(engine: str, asked: Sequence[Asked], ours: Sequence[Answer], theirs: Sequence[Answer]) -> None:
    """Say how far an engine's answers (`ours`) agree with transformers'.

    Raises:
        UserError: if on less than 95 %.
    """
    share = agreement(asked, ours, theirs)
    say(f"{engine} agrees with transformers on {share:.1%} of {len(asked)} questions")
    if share < ENOUGH:
        raise UserError(
            f"evaluate.engine: {engine} agrees with transformers on {share:.1%} of {len(asked)} questions,"
            f" less than {ENOUGH:.0%}: set it to transformers"
        )


def _chosen(answer: Answer, asked: Asked) -> int | str | None:
    if len(asked.choices) == 1:  # open: the same words, but for case and blanks
        return " ".join(answer["response"].casefold().split())
    return parse_answer(answer["response"], asked.choices).prediction
