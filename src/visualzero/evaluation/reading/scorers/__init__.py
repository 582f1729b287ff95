"""Scoring: from prediction rows to one score row per question. Pure, so that it can be run again at any time.

A scorer is one file with one function `choose(response, choices) -> Parsed`; docs/scorers.md compares them. `strict` is
the study's own; `letter` reads the same part of a response. The others do what other systems do, quirks included.
Where a question is open, nothing can be chosen, and one of `FREE` reads the answer, as the question's kind says.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from visualzero.errors import UserError
from visualzero.evaluation.reading.answer import is_formatted
from visualzero.evaluation.reading.free.judged import Judged
from visualzero.evaluation.reading.free.judging import judge
from visualzero.evaluation.reading.free.kinds import CHOICE, KINDS, base
from visualzero.evaluation.reading.parsed import Parsed
from visualzero.evaluation.reading.scorers import cambrian, letter, lmms, strict, visualthinker, vlmevalkit

if TYPE_CHECKING:
    import pandas as pd  # takes a second to load, and scoring a file needs none of it

SCORERS: dict[str, Callable[[str, Sequence[str]], Parsed]] = {
    "strict": strict.choose,
    "letter": letter.choose,
    "visualthinker": visualthinker.choose,
    "lmms": lmms.choose,
    "vlmevalkit": vlmevalkit.choose,
    "cambrian": cambrian.choose,
}
FREE = KINDS
OURS = ("strict", "letter")  # know of a `<think>` that the prompt has written; other systems see the completion alone
NEED = ("id", "response", "n_tokens", "finish_reason")
THINK = "<think>"


def scorers() -> list[str]:
    """Names of the scorers, the study's own first."""
    return list(SCORERS)


def read_response(
    response: str, choices: Sequence[str], *, think_prefix: bool, names: Iterable[str] = tuple(SCORERS)
) -> dict[str, Parsed]:
    """What each scorer reads in a completion.

    Args:
        response: the completion.
        choices: 2 to 26 option texts.
        think_prefix: whether the prompt has already written `<think>`.
        names: the scorers that are asked; the others don't run.
    """
    whole = opened(response, think_prefix)
    return {name: SCORERS[name](whole if name in OURS else response, choices) for name in names}


def read_free(response: str, right: str, kind: str, *, think_prefix: bool) -> Judged:
    """What a completion answers to an open question of this kind, and whether that is right."""
    return judge(opened(response, think_prefix), right, kind)


def readings(parsed: Mapping[str, Parsed], answer_index: int) -> dict[str, int | None]:
    """The option that each scorer reads, or None, where `answer_index` is the right one."""
    return {name: one.given(answer_index) for name, one in parsed.items()}


def opened(response: str, think_prefix: bool) -> str:
    """A completion from its opening tag on."""
    return THINK + response if think_prefix else response


def score_rows(
    predictions: Iterable[Mapping[str, Any]],
    questions: "pd.DataFrame",
    scorer: str = "strict",
    *,
    think_prefix: bool,
    where: str = "predictions",
) -> list[dict[str, Any]]:
    """One score row per question, in the order of `questions`.

    Args:
        predictions: rows with id, response, n_tokens and finish_reason, one per question, in any order.
        questions: the Question table; its images are not needed.
        scorer: a name of `scorers()`, whose reading counts.
        think_prefix: whether the prompt has already written `<think>`.
        where: what to call the predictions in errors, such as their path.

    Returns:
        Rows of id, task, source, image_id, answer_index, n_choices, prediction (an index or None), parse_class,
        correct, readings (every scorer's prediction by its name), format, n_tokens, finish_reason. Of an open question
        `prediction` is 0 where it is right and 1 where another answer was read, `readings` holds that of its kind's
        scorer alone, and there are `answer_kind` and `read` (the text that was read, or None).

    Raises:
        UserError: if the ids of the predictions are not those of the questions, each once, or a row lacks a key.
    """
    if scorer not in SCORERS:
        raise UserError(f"evaluate.scorer: unknown scorer '{scorer}': choose one of {', '.join(SCORERS)}")
    answers = _by_id(predictions, questions["id"].tolist(), where)
    scored = []
    for row in questions.to_dict("records"):
        answer, choices, gold = answers[row["id"]], list(row["choices"]), int(row["answer_index"])
        kind = row.get("answer_kind", CHOICE)
        if kind == CHOICE:
            parsed = read_response(answer["response"], choices, think_prefix=think_prefix)
            read = readings(parsed, gold)
            found = {"prediction": read[scorer], "parse_class": parsed[scorer].parse_class}
            more: dict[str, Any] = {}
        else:
            judged = read_free(answer["response"], choices[gold], kind, think_prefix=think_prefix)
            found = {"prediction": judged.prediction, "parse_class": judged.parse_class}
            read, more = {base(kind): judged.prediction}, {"answer_kind": kind, "read": judged.read}
        scored.append(
            {
                "id": row["id"],
                "task": row["task"],
                "source": row["source"],
                "image_id": row["image_id"],
                "answer_index": gold,
                "n_choices": len(choices),
                **found,
                "correct": found["prediction"] == gold,
                "readings": read,
                "format": is_formatted(opened(answer["response"], think_prefix)),
                "n_tokens": int(answer["n_tokens"]),
                "finish_reason": answer["finish_reason"],
                **more,
            }
        )
    return scored


def _by_id(predictions: Iterable[Mapping[str, Any]], ids: list[str], where: str) -> dict[str, Mapping[str, Any]]:
    rows: dict[str, Mapping[str, Any]] = {}
    twice: list[str] = []
    for number, row in enumerate(predictions, 1):
        lacking = [key for key in NEED if key not in row]
        if lacking:
            raise UserError(f"{where}: row {number} has no {', '.join(lacking)}: run the evaluate stage again")
        if row["id"] in rows:
            twice.append(row["id"])
        rows[row["id"]] = row
    known = set(ids)
    for problem, some in (
        ("more than one response to", twice),
        ("responses to unknown questions", [name for name in rows if name not in known]),
        ("no response to", [name for name in ids if name not in rows]),
    ):
        if some:
            raise UserError(f"{where}: {problem} {_listed(some)}: delete the file and run the evaluate stage again")
    return rows


def _listed(ids: list[str]) -> str:
    more = f" and {len(ids) - 3} more" if len(ids) > 3 else ""
    return ", ".join(f"'{name}'" for name in ids[:3]) + more
