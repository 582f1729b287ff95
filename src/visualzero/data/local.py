"""A user's own questions: a table (JSONL or CSV) and images beside it become rows of the Question table.

Columns: image, question, choices, answer; optionally task, source, id, image_id. Every row is checked, its image too,
before the first one is handed out; a row that can't be used is an error that names its line, never left out in silence.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visualzero.config.sources import Options
from visualzero.data.cells import RowError, choice_named, choices_of, inside, text_of, wording_problem
from visualzero.data.image_files import ImageFiles
from visualzero.data.tables import Record, parse_json, read_records
from visualzero.errors import UserError

SHOWN = 5  # errors that are told one by one


def read_local(
    path: Path,
    images: Path | None = None,
    seed: int = 0,
    shuffle_choices: bool = False,
    require_answer: bool = True,
    options: Options = "lettered",
) -> Iterator[dict[str, Any]]:
    """Rows of the Question table from a user's table.

    All checks are done when this returns; image bytes are read as the rows are drawn, so that memory needn't hold them.
    Questions about the same image come one after another.

    Args:
        path: the table (.jsonl or .csv), or a folder that holds exactly one.
        images: the folder that image paths are relative to; None for the table's folder.
        seed: of the shuffling of choices, which depends on it and the question's id only.
        shuffle_choices: whether to shuffle each question's choices.
        require_answer: whether a row without an answer is an error; else its answer_index is -1.
        options: how prompts will list the options; unless `stated`, a question that lists them itself is an error.

    Raises:
        UserError: with the file, the line, the cause and the fix, for up to five rows at once.
    """
    table = find_table(path)
    folder = table.parent if images is None else images
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder of images: set `images` to the folder that image paths start from")
    problems: list[str] = []
    files = ImageFiles(folder)
    lines: dict[str, int] = {}
    questions = []
    for record in read_records(table, problems):
        try:
            question = _question(record, table, require_answer, options)
            if question.id in lines:
                raise RowError(f"id '{question.id}' is also that of line {lines[question.id]}: make ids unique")
            lines[question.id] = record.line
            if problem := files.problem(question.image):
                raise RowError(problem)
        except RowError as error:
            problems.append(f"{table}:{record.line}: {' '.join(str(error).split())}")
        else:
            questions.append(question)
    if problems:
        more = [f"and {len(problems) - SHOWN} more"] if len(problems) > SHOWN else []
        raise UserError("\n".join(problems[:SHOWN] + more))
    if not questions:
        raise UserError(f"{table}: no questions: add a row with image, question, choices and answer")
    # Questions about one image together, at the place of the first: so the table holds its bytes once.
    places = {image: place for place, image in enumerate(dict.fromkeys(question.image for question in questions))}
    questions.sort(key=lambda question: places[question.image])
    return (question.row(files, seed if shuffle_choices else None) for question in questions)


def find_table(path: Path) -> Path:
    """The table at `path`, or the only one in that folder."""
    if path.is_file():
        return path
    if not path.is_dir():
        raise UserError(f"{path}: no such file: set `path` to your table (.jsonl or .csv) or its folder")
    tables = sorted(file for file in path.iterdir() if file.suffix.lower() in {".jsonl", ".csv"})
    if len(tables) != 1:
        found = ", ".join(file.name for file in tables) or "none"
        raise UserError(f"{path}: needs exactly one table (.jsonl or .csv), has {found}: set `path` to the file")
    return tables[0]


@dataclass(frozen=True)
class _Question:
    id: str
    source: str
    task: str
    image: str
    question: str
    choices: tuple[str, ...]
    answer_index: int
    image_id: str

    def row(self, images: ImageFiles, seed: int | None) -> dict[str, Any]:
        """The row of the Question table; with a seed the choices are shuffled."""
        order = list(range(len(self.choices)))
        if seed is not None:
            random.Random(f"{seed}/{self.id}").shuffle(order)
        return {
            "id": self.id,
            "source": self.source,
            "task": self.task,
            "image": {"bytes": images.content(self.image), "path": self.image},
            "question": self.question,
            "choices": [self.choices[index] for index in order],
            "answer_index": order.index(self.answer_index) if self.answer_index >= 0 else -1,
            "image_id": self.image_id,
        }


def _question(record: Record, table: Path, require_answer: bool, options: Options) -> _Question:
    _refuse_several(record.values.get("image"))
    texts = {name: text_of(name, record.values.get(name)) for name in ("image", "question", "answer")}
    for name in ("image", "question") if not require_answer else ("image", "question", "answer"):
        if not texts[name]:
            raise RowError(f"no {name}: give one, or remove the row")
    choices = choices_of(record.values.get("choices"))
    if problem := wording_problem(texts["question"], choices, options):
        raise RowError(problem)
    image = inside(texts["image"])
    return _Question(
        id=text_of("id", record.values.get("id")) or f"{table.stem}-{record.number}",
        source=text_of("source", record.values.get("source")) or table.parent.name or "local",
        task=text_of("task", record.values.get("task")) or "Custom",
        image=image,
        question=texts["question"],
        choices=choices,
        answer_index=choice_named(texts["answer"], choices) if texts["answer"] else -1,
        image_id=text_of("image_id", record.values.get("image_id")) or image,
    )


def _refuse_several(image: Any) -> None:
    """A row has one image; in CSV a list of them is a text."""
    if isinstance(image, str) and image.lstrip().startswith("["):
        try:
            image = parse_json(image)
        except ValueError:
            return  # a file's name
    if isinstance(image, list):
        raise RowError(f"image is a list of {len(image)}, and there is one image a row: give the path of one")
