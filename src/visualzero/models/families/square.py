"""Families whose images all become one square of one size: the vision tower's size decides alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from visualzero.models.families.family import Family


@dataclass(frozen=True)
class SquareImages(Family):
    """`min_pixels` and `max_pixels` say nothing, and every image has as many tokens as any other.

    `counted` is the processor's setting that says how many, and `beside` is how many more stand around the image.
    """

    counted: ClassVar[str]
    beside: ClassVar[int] = 0

    def pixel_settings(
        self, config: Mapping[str, Any], theirs: Mapping[str, Any], min_pixels: int, max_pixels: int
    ) -> dict[str, Any]:
        """The square's side."""
        side = config["vision_config"]["image_size"]
        return {"size": {"height": side, "width": side}}

    def image_tokens(self, processor: Any, height: int, width: int) -> int:
        """As many whatever its size."""
        tokens: int = getattr(processor, self.counted) + self.beside
        return tokens

    def most_image_tokens(self, processor: Any) -> int:
        """As many."""
        return self.image_tokens(processor, 0, 0)
