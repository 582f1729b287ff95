"""Images of training questions: kept encoded, and decoded as evaluation decodes them when a batch needs them."""

from pathlib import Path
from typing import Any

from visualzero.data.image import decode_image
from visualzero.data.question import read_questions
from visualzero.training.altering import blank


class Pictures:
    """A transform of a `datasets.Dataset` (with_transform) whose column `image` names a question of `table` by its id.

    TRL gets the picture in the id's place. `datasets.Image` would decode by rules of its own. Questions about the same
    image share one copy of its bytes. Pickled, as for worker processes, it is the table's path. `blind` gives a grey
    picture of the same size in each one's place.
    """

    def __init__(self, table: Path, blind: bool = False):
        self.table, self.blind = table, blind
        questions = read_questions(table)
        self.encoded = dict(zip(questions["id"], questions["image"], strict=True))

    def __reduce__(self) -> tuple[type["Pictures"], tuple[Path, bool]]:
        return Pictures, (self.table, self.blind)

    def __call__(self, batch: dict[str, list[Any]]) -> dict[str, list[Any]]:
        """The rows of a batch, by column, with their pictures (PIL, RGB)."""
        pictures = [decode_image(self.encoded[key], key) for key in batch["image"]]
        return {**batch, "image": [blank(picture) for picture in pictures] if self.blind else pictures}
