"""What a group of completions shares: the prompt's tokens and the image, made once per question.

The loader reads, decodes, tokenizes and resizes; with `dataloader_num_workers` it does so in worker processes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad
from torch.utils.data import Dataset
from transformers import PreTrainedModel, PreTrainedTokenizerBase, ProcessorMixin

from groupshare.errors import RowError

COLUMN = "_shared_question"  # of a dataset's rows; no data set has a column of this name


TYPES = ("mm_token_type_ids", "token_type_ids")  # which tokens are images, as families call it
Positions = Callable[..., tuple[Tensor, Tensor]]  # a model's `get_rope_index`


@dataclass(frozen=True, eq=False)
class Question:
    """A prompt of P tokens with its images. `positions` are empty until the question is on its device.

    Rows of a batch belong to one group if their question is the same object.
    """

    input_ids: Tensor  # [P]
    types: dict[str, Tensor] = field(default_factory=dict)  # each [P], by the names of TYPES
    images: dict[str, Tensor] = field(default_factory=dict)  # what the processor makes of them, by the model's names
    image_count: int = 0
    positions: Tensor = field(default_factory=lambda: torch.empty(1, 0, dtype=torch.long))  # [axes, P], as RoPE's
    seen: dict[str, Any] | None = None  # what a frozen tower made of the images (towers.py)
    kept: list[Any] | None = None  # its keys and values, with their graph, if they are to be kept (prefill.py)

    def placed(self, device: torch.device, rope_index: Positions | None) -> "Question":
        """The question on `device`, with the positions that the model's `get_rope_index` gives, or plain ones."""
        if rope_index is None:
            positions = torch.arange(len(self.input_ids))[None]
        else:
            types, grid = self.types["mm_token_type_ids"][None], self.images.get("image_grid_thw")
            positions = rope_index(self.input_ids[None], types, image_grid_thw=grid)[0][:, 0]
        return replace(
            self,
            input_ids=self.input_ids.to(device),
            types={name: value.to(device) for name, value in self.types.items()},
            images={name: value.to(device) for name, value in self.images.items()},
            positions=positions.to(device),
        )


def as_rope_takes(positions: Tensor) -> Tensor:
    """Positions `[axes, T]` as a model's `position_ids`: `[3, 1, T]` for M-RoPE, else `[1, T]`."""
    return positions[:, None] if len(positions) > 1 else positions


def joined(images: Sequence[dict[str, Tensor]], in_rows: bool = False) -> dict[str, Tensor]:
    """The images of several prompts in one; what differs in size is filled up with zeros, which no model looks at.

    Idefics' families keep them as `[rows, images, ...]`: here they join one row, or with `in_rows` a row each.
    """
    tensors: dict[str, list[Tensor]] = {}
    for one in images:
        for name, value in one.items():
            tensors.setdefault(name, []).append(value)
    return {
        name: _joined(values, int(not in_rows and "pixel_attention_mask" in tensors))
        for name, values in tensors.items()
    }


def _joined(values: Sequence[Tensor], axis: int) -> Tensor:
    sizes = [max(sizes) for sizes in zip(*(value.shape for value in values), strict=True)]
    filled = []
    for value in values:
        room = [0 if i == axis else size - own for i, (size, own) in enumerate(zip(sizes, value.shape, strict=True))]
        filled.append(pad(value, [side for space in reversed(room) for side in (0, space)]) if any(room) else value)
    return torch.cat(filled, dim=axis)


def images_of(row: dict[str, Any]) -> list[Any]:
    """The images of a dataset's row, from TRL's columns `images` or `image`."""
    if row.get("images"):
        return list(row["images"])
    return [row["image"]] if row.get("image") is not None else []


@dataclass(frozen=True)
class Preparer:
    """Turns a dataset's row into a `Question` with the trainer's processor, or its tokenizer if it sees no images."""

    processor: ProcessorMixin | PreTrainedTokenizerBase
    template_arguments: dict[str, Any]

    def prompt(self, row: dict[str, Any]) -> Any:
        """The prompt of a row as TRL hands it on: a text, or a conversation with its images in place."""
        if isinstance(self.processor, ProcessorMixin) and not isinstance(row["prompt"], str):
            from trl.data_utils import prepare_multimodal_messages  # so that sampling alone needs no TRL

            return prepare_multimodal_messages(row["prompt"], images_of(row))
        return row["prompt"]

    def __call__(self, row: dict[str, Any]) -> Question:
        """One call of the processor: one prompt, its images."""
        prompt = self.prompt(row)
        if isinstance(prompt, str):
            inputs = self.processor(text=[prompt])
        else:
            inputs = self.processor.apply_chat_template(
                [prompt], add_generation_prompt=True, tokenize=True, return_dict=True, **self.template_arguments
            )
        beside: dict[str, Any] = {}
        if isinstance(self.processor, ProcessorMixin):
            beside = {name: value for name, value in inputs.items() if name not in ("input_ids", "attention_mask")}
        return Question(
            input_ids=torch.tensor(inputs["input_ids"][0]),
            types={name: torch.tensor(value[0]) for name, value in beside.items() if name in TYPES},
            images={name: _tensor(value) for name, value in beside.items() if name not in TYPES},
            image_count=len(images_of(row)),
        )


def _tensor(value: Any) -> Tensor:
    """What a processor makes of images, also of a list of arrays, of which torch would read each number."""
    if isinstance(value, list) and value and hasattr(value[0], "shape"):
        return torch.stack([torch.as_tensor(one) for one in value])
    return torch.as_tensor(value)


def rope_index_of(model: PreTrainedModel) -> Positions | None:
    """What gives a model's positions, where they are not just places in the row."""
    return getattr(model.base_model, "get_rope_index", None)


def question_of(
    model: PreTrainedModel, processor: ProcessorMixin | PreTrainedTokenizerBase, row: dict[str, Any]
) -> Question:
    """The question of a row such as TRL's data sets have (`prompt`, and `image` or `images`), on the model's device."""
    return Preparer(processor, {})(row).placed(model.device, rope_index_of(model))


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
        try:
            return row | {COLUMN: self.prepare(row)}
        except (StopIteration, ValueError) as error:  # a data loader takes StopIteration for the end of the data
            reason = str(error).partition("\n")[0] or type(error).__name__
            raise RowError(f"row {index}: its prompt and images can't be put together: {reason}") from error


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
