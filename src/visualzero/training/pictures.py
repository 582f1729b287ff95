"""Images of training questions: kept encoded, and decoded as evaluation decodes them when a batch needs them."""

from pathlib import Path
from typing import Any

from PIL import Image

from visualzero.data.image import decode_image
from visualzero.data.question import images_of, read_questions
from visualzero.training.altering import blank


class Pictures:
    """A transform of a `datasets.Dataset` (with_transform) whose column `image` names a question of `table` by its id.

    TRL gets the picture in the id's place; where a question has several, all have a list of them, in `images`.
    `datasets.Image` would decode by rules of its own. Questions about the same image share one copy of its bytes.
    Pickled, as for worker processes, it is the table's path. `blind` gives a grey picture of the same size in each
    one's place; where a model sees `none`, all have an empty list.
    """

    def __init__(self, table: Path, blind: bool = False, none: bool = False):
        self.table, self.blind, self.none = table, blind, none
        questions = read_questions(table)
        self.encoded = {row.id: images_of(row) for row in questions.itertuples()}
        self.several = any(len(images) > 1 for images in self.encoded.values())

    def __reduce__(self) -> tuple[type["Pictures"], tuple[Path, bool, bool]]:
        return Pictures, (self.table, self.blind, self.none)

    def __call__(self, batch: dict[str, list[Any]]) -> dict[str, list[Any]]:
        """The rows of a batch, by column, with their pictures (PIL, RGB)."""
        encoded = [[] if self.none else self.encoded[key] for key in batch["image"]]
        pictures = [
            [self._picture(image, key) for image in its] for its, key in zip(encoded, batch["image"], strict=True)
        ]
        if not (self.several or self.none):
            return {**batch, "image": [picture for [picture] in pictures]}
        return {**{name: values for name, values in batch.items() if name != "image"}, "images": pictures}

    def _picture(self, image: dict[str, Any], key: str) -> Image.Image:
        picture = decode_image(image, key)
        return blank(picture) if self.blind else picture
