"""Models of text alone, as a blind control: asked in the same words, without what marks an image."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, ClassVar

from visualzero.models.families.family import Family
from visualzero.models.families.wording import Wording


@dataclass(frozen=True)
class Text(Family):
    """It gets no image, whatever a question has."""

    sees: ClassVar[bool] = False

    def code(self) -> ModuleType:
        """A tokenizer's."""
        from visualzero.models import processing_text

        return processing_text

    def pixel_settings(
        self, config: Mapping[str, Any], theirs: Mapping[str, Any], min_pixels: int, max_pixels: int
    ) -> dict[str, Any]:
        """Nothing to size."""
        return {}

    def image_tokens(self, processor: Any, height: int, width: int) -> int:
        """None."""
        return 0

    def most_image_tokens(self, processor: Any) -> int:
        """None."""
        return 0


FAMILY = Text(
    processor="TextAlone",
    pixels="",
    marker="",
    placeholder="",
    tokens=(),
    wording=Wording(image=""),
)
