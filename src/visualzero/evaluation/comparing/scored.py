"""Scored responses by name: a JSONL file that `visualzero score` wrote, or a run of the study."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from visualzero.config import Study
from visualzero.config.naming import unknown
from visualzero.data.question import read_questions
from visualzero.errors import UserError
from visualzero.evaluation.reading.score import read_rows
from visualzero.evaluation.reading.scorers import read_response
from visualzero.evaluation.reading.scorers import readings as readings_of
from visualzero.evaluation.rows import numbered_rows
from visualzero.layout import UNTRAINED, Layout

Row = dict[str, Any]
NO_ANSWER = "no answer"


@dataclass(frozen=True)
class Scored:
    """Score rows (id, correct, image_id and what else is known) and what to call them.

    `seed` is that of a trained run, `halves` the sources of the 2D and 3D half of what a run was asked.
    """

    name: str
    rows: list[Row]
    seed: int | None = None
    halves: tuple[Sequence[str], Sequence[str]] = ((), ())


@dataclass(frozen=True)
class RunName:
    """An arm under a seed, asked a benchmark."""

    arm: str
    seed: int | str
    benchmark: str


def read_scored(name: str, study: Callable[[], tuple[Study, Layout]], benchmark: str | None = None) -> Scored:
    """The scored responses of a file, or of a run `arm` or `arm/seed` on a benchmark (the first by default).

    `study` is asked only for a run. A run's rows also hold the question, its choices and the response.

    Raises:
        UserError: if there is no such file or run, or a row has no id or score, or an id occurs twice.
    """
    if is_file(name):
        return Scored(name, _checked(read_file(Path(name)), name))
    settings, layout = study()
    run = run_name(name, settings, benchmark)
    seed = run.seed if isinstance(run.seed, int) else None
    path = layout.scores(run.arm, run.seed, run.benchmark)
    rows = with_questions(_checked(read_rows(path), str(path)), layout, run)
    asked = settings.data.benchmarks[run.benchmark]
    halves = asked.sources_2d, asked.sources_3d
    return Scored(name if seed is None or "/" in name else f"{name}/{seed}", rows, seed, halves)


def read_file(path: Path) -> list[Row]:
    """The rows of a user's JSONL file.

    Raises:
        UserError: if it can't be read or a line is no JSON object.
    """
    rows = numbered_rows(path, missing="check the path", broken="write one JSON object per line")
    return [row for _, row in rows]


def is_file(name: str) -> bool:
    """Whether a name is that of a file, there or not; arms have no dot in theirs."""
    return Path(name).is_file() or "." in name


def run_name(name: str, study: Study, benchmark: str | None) -> RunName:
    """The run that `arm` (under the first seed) or `arm/seed` names.

    Raises:
        UserError: if the study has no such arm or benchmark, or the seed is none.
    """
    arm, _, seed = name.partition("/")
    if benchmark is not None and benchmark not in study.data.benchmarks:
        raise UserError(unknown("benchmark", benchmark, study.data.benchmarks))
    asked = benchmark or next(iter(study.data.benchmarks))
    if not study.arm(arm).trained:
        if seed not in ("", UNTRAINED):
            raise UserError(f"{name}: '{arm}' is not trained, so it has no seeds: leave /{seed} out")
        return RunName(arm, UNTRAINED, asked)
    if seed and not seed.isdecimal():
        raise UserError(f"{name}: '{seed}' is no seed: give a whole number, such as {arm}/{study.seeds[0]}")
    return RunName(arm, int(seed) if seed else study.seeds[0], asked)


def with_questions(rows: list[Row], layout: Layout, run: RunName) -> list[Row]:
    """Rows of a run with each question, its choices and, where it is still there, the response."""
    table = read_questions(layout.questions(run.benchmark), images=False)
    questions = {row["id"]: row for row in table.to_dict("records")}
    path = layout.predictions(run.arm, run.seed, run.benchmark)
    said: dict[str, Row] = {row["id"]: row for row in read_rows(path)} if path.is_file() else {}
    made = []
    for row in rows:
        question, answer = questions.get(row["id"], {}), said.get(row["id"], {})
        known: Row = {"question": question.get("question"), "choices": list(question.get("choices", ()))}
        known |= {"answer_kind": question["answer_kind"]} if "answer_kind" in question else {}
        made.append(row | known | {key: answer[key] for key in ("response", "prompt_sha") if key in answer})
    return made


def with_readings(rows: list[Row]) -> list[Row]:
    """The rows with every scorer's reading; as they are if one of them says nothing that could be read."""
    if all("readings" in row for row in rows) or not all(_readable(row) for row in rows):
        return rows
    return [row | {"readings": row.get("readings") or _read(row)} for row in rows]


def _readable(row: Row) -> bool:
    texts = row.get("choices")
    known = isinstance(texts, list) and 2 <= len(texts) <= 26 and all(isinstance(text, str) for text in texts)
    return known and isinstance(row.get("response"), str) and isinstance(row.get("answer_index"), int)


def _read(row: Row) -> dict[str, int | None]:
    read = read_response(row["response"], row["choices"], think_prefix=bool(row.get("think_prefix")))
    return readings_of(read, row["answer_index"])


def option(row: Row, index: int | None) -> str:
    """An option with its letter and, where the row has choices, its text: "(B) 3"; of an open question the answer."""
    if index is None:
        return NO_ANSWER
    if len(row.get("choices") or ()) == 1:
        return str(row["choices"][0] if index == 0 else row.get("read") or "another answer")
    letter = f"({ascii_uppercase[index] if index < len(ascii_uppercase) else index})"
    choices = row.get("choices") or []
    return f"{letter} {choices[index]}" if index < len(choices) else letter


def _checked(rows: list[Row], where: str) -> list[Row]:
    seen: set[str] = set()
    for number, row in enumerate(rows, 1):
        if "id" not in row or not isinstance(row.get("correct"), bool):
            raise UserError(f"{where}: row {number} has no id and score: score the file with `visualzero score` first")
        for key in ("prediction", "answer_index"):
            if not (row.get(key) is None or (isinstance(row[key], int) and row[key] >= 0)):
                raise UserError(f"{where}: row {number}: {key} is {row[key]!r}: give an index from 0, or null")
        row["id"] = str(row["id"])
        row["image_id"] = str(row.get("image_id") or row["id"])
        if row["id"] in seen:
            raise UserError(f"{where}: row {number}: id '{row['id']}' occurs twice: give each question its own")
        seen.add(row["id"])
    return rows
