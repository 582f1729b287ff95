"""Families that see images of any size: as rows of patches, some of which are merged into a token (Qwen's)."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, ClassVar

from visualzero.models.families.family import Family

SIZES = {"patch_size": "patch_size", "temporal_patch_size": "temporal_patch_size", "merge_size": "spatial_merge_size"}
TOKENS = ("<|vision_start|>", "<|image_pad|>", "<|vision_end|>")


@dataclass(frozen=True)
class Patches(Family):
    """Sides become multiples of a token's, between `min_pixels` and `max_pixels` in all."""

    any_size: ClassVar[bool] = True

    processor: str = ""
    pixels: str = "Qwen2VLImageProcessorPil"
    marker: str = "".join(TOKENS)
    placeholder: str = "<|image_pad|>"
    tokens: tuple[str, ...] = TOKENS

    def code(self) -> ModuleType:
        """Qwen's."""
        from visualzero.models import processing_images

        return processing_images

    def pixel_settings(
        self, config: Mapping[str, Any], theirs: Mapping[str, Any], min_pixels: int, max_pixels: int
    ) -> dict[str, Any]:
        """A patch's size and the limits."""
        seen = config.get("vision_config") or {}
        sizes = {name: seen[key] for name, key in SIZES.items() if key in seen}
        sizes |= {name: theirs[name] for name in SIZES if name in theirs}
        return {**sizes, "size": {"shortest_edge": min_pixels, "longest_edge": max_pixels}}

    def image_tokens(self, processor: Any, height: int, width: int) -> int:
        """Merged patches."""
        images = processor.image_processor
        tokens: int = images.get_number_of_image_patches(height, width) // images.merge_size**2
        return tokens

    def most_image_tokens(self, processor: Any) -> int:
        """As many as fit into `max_pixels`."""
        images = processor.image_processor
        most: int = images.size["longest_edge"] // (images.patch_size * images.merge_size) ** 2
        return most
