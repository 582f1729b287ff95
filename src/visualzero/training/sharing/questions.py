"""What a group of completions shares: the prompt's tokens and the image, made once per question.

The loader reads, decodes, tokenizes and resizes; with `dataloader_num_workers` it does so in worker processes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset
from transformers import ProcessorMixin
from trl.data_utils import prepare_multimodal_messages

from visualzero.training.inputs import naming

COLUMN = "_shared_question"  # of a dataset's rows; no data set has a column of this name


@dataclass(frozen=True, eq=False)
class Question:
    """A prompt of P tokens with its images. `positions` are M-RoPE's, empty until the question is on its device.

    Rows of a batch belong to one group if their question is the same object.
    """

    input_ids: Tensor  # [P]
    token_types: Tensor  # [P]: 0 text, 1 image
    pixel_values: Tensor | None  # [patches, features]
    image_grid_thw: Tensor | None  # [images, 3]: patches in time, height, width
    positions: Tensor = field(default_factory=lambda: torch.empty(3, 0))  # [3, P]

    def placed(self, device: torch.device, rope_index: Callable[..., tuple[Tensor, Tensor]]) -> "Question":
        """The question on `device`, with the positions that the model's `get_rope_index` gives."""
        positions, _ = rope_index(self.input_ids[None], self.token_types[None], self.image_grid_thw)
        tensors = {name: value.to(device) for name, value in vars(self).items() if value is not None}
        return replace(self, **tensors | {"positions": positions[:, 0].to(device)})


def images_of(row: dict[str, Any]) -> list[Any]:
    """The images of a dataset's row, from TRL's columns `images` or `image`."""
    if row.get("images"):
        return list(row["images"])
    return [row["image"]] if row.get("image") is not None else []


def multimodal_prompt(row: dict[str, Any]) -> list[dict[str, Any]]:
    """The conversational prompt of a dataset's row with its images in place, as TRL makes it."""
    return prepare_multimodal_messages(row["prompt"], images_of(row))


@dataclass(frozen=True)
class Preparer:
    """Turns a dataset's row into a `Question` with the trainer's processor."""

    processor: ProcessorMixin
    template_arguments: dict[str, Any]

    def __call__(self, row: dict[str, Any]) -> Question:
        """One call of the processor: one image, one prompt."""
        inputs = self.processor.apply_chat_template(
            [multimodal_prompt(row)],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            **self.template_arguments,
        )
        pixels, grid = inputs.get("pixel_values"), inputs.get("image_grid_thw")
        return Question(
            input_ids=torch.tensor(inputs["input_ids"][0]),
            token_types=torch.tensor(inputs["mm_token_type_ids"][0]),
            pixel_values=None if pixels is None else torch.as_tensor(pixels),
            image_grid_thw=None if grid is None else torch.as_tensor(grid),
        )


class QuestionRows(Dataset):
    """A dataset whose rows carry their `Question` in `COLUMN`; the repeats of a row are one object.

    TRL's sampler names a row G times per batch and each batch again for every optimizer step that reuses its rollouts.
    The rows of the last batch are kept, so that each is read, decoded and preprocessed once.
    """

    def __init__(self, rows: Any, prepare: Preparer):
        self.rows = rows
        self.prepare = prepare
        self.kept: dict[int, dict[str, Any]] = {}

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: list[int]) -> list[dict[str, Any]]:
        """The rows of a batch."""
        self.kept = {i: self.kept[i] if i in self.kept else self._read(i) for i in dict.fromkeys(indices)}
        return [self.kept[i] for i in indices]

    def _read(self, index: int) -> dict[str, Any]:
        row = self.rows[index]
        with naming(str(row.get("question_id", index))):
            return row | {COLUMN: self.prepare(row)}


def questions_of(rows: Sequence[dict[str, Any]], prepare: Preparer) -> list[Question]:
    """The question of each row; where a stream of rows carries none, repeats that stand together are prepared once."""
    questions: list[Question] = []
    for index, row in enumerate(rows):
        if COLUMN in row:
            questions.append(row[COLUMN])
        elif index and _asks_the_same(row, rows[index - 1]):
            questions.append(questions[-1])
        else:
            questions.append(prepare(row))
    return questions


def _asks_the_same(row: dict[str, Any], other: dict[str, Any]) -> bool:
    if row["prompt"] != other["prompt"]:
        return False
    images, others = images_of(row), images_of(other)
    return len(images) == len(others) and all(a is b or a == b for a, b in zip(images, others, strict=True))


def groups_of(questions: Sequence[Question]) -> list[tuple[Question, list[int]]]:
    """Each question with its rows, which stand together."""
    runs = groupby(range(len(questions)), key=lambda row: id(questions[row]))
    return [(questions[rows[0]], rows) for rows in (list(run) for _, run in runs)]
