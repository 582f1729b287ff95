"""Any data set as a source of questions (``kind: dataset``): where it is, which rows, what its columns hold."""

import re
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from visualzero.config.base import Number, Section, Seed, Sha256

Column = Annotated[str, Field(min_length=1)]
Cell = str | bool | int


class Columns(Section):
    """Which column holds what; what is null is filled in or not there."""

    image: Column | Annotated[list[Column], Field(min_length=1)] = Field(
        default="image", description="The image: encoded, or a path; a list of them; or several columns, some empty."
    )
    question: Column = Field(default="question", description="The question.")
    choices: Column | Annotated[list[Column], Field(min_length=2)] | None = Field(
        default=None, description="A column with the list of choices, or a column for each; null: none, or in_question."
    )
    answer: Column = Field(default="answer", description="The right answer.")
    task: Column | None = Field(default=None, description="What the accuracy is reported by; null: Custom.")
    source: Column | None = Field(default=None, description="Where the image comes from; null: the data set's name.")
    group: Column | None = Field(
        default=None, description="Rows with the same value are not independent; null: those with the same images."
    )
    id: Column | None = Field(default=None, description="A name of its own for each row; null: its file and number.")


class Answers(Section):
    """What an answer is, how the data set writes it, and how far a given one may be off."""

    kind: Literal["choice", "yes_no", "number", "text"] = Field(
        default="choice",
        description="choice: one of the choices; the others are free: yes_no, a number, or a short text.",
    )
    written: Literal["letter", "text", "from_zero", "from_one"] = Field(
        default="letter",
        description="How the right choice is named: by letter (B, (B)), by text, or by number, from_zero or from_one.",
    )
    pattern: str | None = Field(
        default=None,
        min_length=1,
        description="Regular expression whose first group is the answer in the cell, such as"
        " '<answer>\\s*(.*?)\\s*</answer>'; null: all of it.",
    )
    tolerance: Number = Field(default=0.0, ge=0, description="How far a number may be off; 0: not at all.")
    relative: bool = Field(default=False, description="The tolerance is a share of the right number (0.05: 5 percent).")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.pattern is not None:
            try:
                groups = re.compile(self.pattern).groups
            except re.error as error:
                raise ValueError(f"pattern is no regular expression ({error}); correct it") from None
            if groups != 1:
                raise ValueError(f"pattern has {groups} groups; give it one, in (parentheses), around the answer")
        if self.kind != "number" and (self.tolerance or self.relative):
            raise ValueError(f"tolerance and relative are for numbers, and kind is {self.kind}; remove them")
        if self.kind != "choice" and self.written != "letter":
            raise ValueError(f"written says how a choice is named, and kind is {self.kind}; remove it")
        return self

    @property
    def judged(self) -> str:
        """The kind with its tolerance, as a Question table has it: ``number``, ``number 0.5``, ``number 5%``."""
        if self.kind != "number" or not self.tolerance:
            return self.kind
        return f"number {self.tolerance * 100:.12g}%" if self.relative else f"number {self.tolerance:.12g}"


class Dataset(Section):
    """Any data set: of the hub, at a commit, or of this machine; parquet, JSON Lines, JSON, or a folder of images."""

    kind: Literal["dataset"] = Field(description="dataset: any data set, of the hub (repo) or of this machine (path).")
    repo: str | None = Field(default=None, min_length=1, description="Data set repository of the hub; or path.")
    path: str | None = Field(default=None, min_length=1, description="A file, or a folder with `files`; or repo.")
    revision: str | None = Field(default=None, description="Commit of repo (40 digits); null is refused at download.")
    sha256: dict[str, Sha256] = Field(
        default={}, description="Digests that files must have; the hub's others must have those that it names."
    )
    files: list[Annotated[str, Field(min_length=1)]] = Field(
        default=[], description="Files to read, in this order (* for any text): .parquet, .jsonl or .json."
    )
    columns: Columns = Field(default=Columns(), description="Which column holds what.")
    answer: Answers = Field(default=Answers(), description="What an answer is, and how it is written.")
    in_question: bool = Field(
        default=False, description="The question's text lists its choices after their letters; with options: stated."
    )
    where: dict[Column, Cell | Annotated[list[Cell], Field(min_length=1)]] = Field(
        default={}, description="Keep rows whose column has this value, or one of these; columns by name."
    )
    n: int | None = Field(
        default=None, gt=0, description="Keep the first so many of them, and download no more; null keeps all."
    )
    unusable: Literal["refuse", "leave_out"] = Field(
        default="refuse", description="Rows that can't be used: refuse the data set, or leave them out and count them."
    )
    seed: Seed = Field(default=0, description="Seed of the shuffling of choices.")
    shuffle_choices: bool = Field(default=False, description="Shuffle each question's choices (once, by the seed).")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.path is None) == (self.repo is None):
            raise ValueError("give exactly one of repo (on the hub) and path (on this machine)")
        if self.repo is not None and not self.files:
            raise ValueError("files: missing; name the files of repo to read, such as [data/train-*.parquet]")
        if self.path is not None and self.revision is not None:
            raise ValueError("revision is of a repo, and path is a place on this machine; remove it")
        listed = (self.columns.choices is not None) + self.in_question
        if self.answer.kind == "choice" and listed != 1:
            raise ValueError(
                "answer.kind is choice; give columns.choices, or in_question: true if the questions list them"
            )
        if self.answer.kind != "choice" and listed:
            raise ValueError(f"answer.kind is {self.answer.kind}, without choices; remove them, or set it to choice")
        if self.shuffle_choices and (self.in_question or self.answer.kind != "choice"):
            raise ValueError("shuffle_choices is for choices in columns; remove it")
        return self

    @property
    def name(self) -> str:
        """What to call it: the repository, or the path."""
        return str(self.repo or self.path)
