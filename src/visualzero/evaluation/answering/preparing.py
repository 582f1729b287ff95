"""What the decoder takes of questions: the tokens of their prompts, and their images in numbers."""

import torch
from transformers import PreTrainedModel

from groupshare.questions import TYPES, Question, rope_index_of
from visualzero.evaluation.answering.asking import Batch, portions
from visualzero.models.families import family_read_by
from visualzero.models.processor import ImageProcessor

OF_TEXT = ("input_ids", "attention_mask", *TYPES)  # what else a processor makes is of images


def prepare(batch: Batch, processor: ImageProcessor) -> dict[str, torch.Tensor]:
    """The model's inputs: prompts padded on the left, images preprocessed."""
    assert processor.tokenizer.padding_side == "left", "batched generation needs padding on the left"
    images = [one.pictures() for one in batch]
    text = [one.prompt for one in batch]
    return dict(
        processor(
            images=images if any(images) else None,
            text=text,
            padding=True,
            return_tensors="pt",
            add_special_tokens=False,
        )
    )


def questions_of(batch: Batch, processor: ImageProcessor, model: PreTrainedModel) -> list[Question]:
    """Each question by itself, without padding, on the CPU until its turn comes.

    The processor takes them together where it can be told whose images are whose, and else, for tiles, one at a time.
    """
    family = family_read_by(processor)
    apart = family.any_size or not family.sees
    rope_index, cpu = rope_index_of(model), torch.device("cpu")
    return [
        question.placed(cpu, rope_index)
        for some in ([batch] if apart else portions(batch, 1))
        for question in _told_apart(some, prepare(some, processor))
    ]


def _told_apart(batch: Batch, inputs: dict[str, torch.Tensor]) -> list[Question]:
    """The questions that the processor has made `inputs` of."""
    images = _images(batch, {name: value for name, value in inputs.items() if name not in OF_TEXT})
    return [
        Question(
            input_ids=inputs["input_ids"][row][mask],
            types={name: inputs[name][row][mask] for name in TYPES if name in inputs},
            images=images[row],
            image_count=len(batch[row].images) if images[row] else 0,
        )
        for row, mask in enumerate(inputs["attention_mask"].bool())
    ]


def _images(batch: Batch, tensors: dict[str, torch.Tensor]) -> list[dict[str, torch.Tensor]]:
    """Each question's part of tensors of images: if there are several questions, they are rows of patches."""
    if len(batch) == 1 or not tensors:
        return [tensors] * len(batch)
    grids = tensors["image_grid_thw"].split([len(one.images) for one in batch])
    patches = tensors["pixel_values"].split([int(grid.prod(dim=1).sum()) for grid in grids])
    return [
        {"pixel_values": pixels, "image_grid_thw": grid} if len(grid) else {}
        for pixels, grid in zip(patches, grids, strict=True)
    ]
