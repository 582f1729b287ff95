"""InternVL 2.5 and 3: an image is a grid of square tiles and a small copy of the whole, side by side."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from visualzero.models.families.family import Family
from visualzero.models.families.wording import Wording

BESIDE = 2  # tokens that begin and end an image


@dataclass(frozen=True)
class InternVL(Family):
    """At most as many tiles as `max_pixels` has room for, in a grid like the image; `min_pixels` says nothing."""

    def code(self) -> ModuleType:
        """InternVL's."""
        from visualzero.models import processing_internvl

        return processing_internvl

    def pixel_settings(
        self, config: Mapping[str, Any], theirs: Mapping[str, Any], min_pixels: int, max_pixels: int
    ) -> dict[str, Any]:
        """A tile's side, and how many there may be."""
        height, width = config["vision_config"]["image_size"]
        return {
            "size": {"height": height, "width": width},
            "crop_to_patches": True,
            "min_patches": 1,
            "max_patches": max(max_pixels // (height * width), 1),
        }

    def processor_settings(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Tokens of a tile."""
        return {"image_seq_length": config["image_seq_length"]}

    def image_tokens(self, processor: Any, height: int, width: int) -> int:
        """Those of its tiles and of the whole."""
        tiles: int = processor.image_processor.get_number_of_image_patches(height, width)
        return tiles * processor.image_seq_length + BESIDE

    def most_image_tokens(self, processor: Any) -> int:
        """Those of as many tiles as there may be, and of the whole where there is more than one."""
        most: int = processor.image_processor.max_patches
        return (most + 1 if most > 1 else 1) * processor.image_seq_length + BESIDE


FAMILY = InternVL(
    processor="InternVLImages",
    pixels="GotOcr2ImageProcessorPil",
    marker="<IMG_CONTEXT>",
    placeholder="<IMG_CONTEXT>",
    tokens=("<img>", "<IMG_CONTEXT>", "</img>"),
    wording=Wording(
        image='{{- "<IMG_CONTEXT>\\n" -}}',
        system="",
        end='{{- "<|im_end|>" -}}',
    ),
)
