"""Gemma 3: every image becomes one square of one size, whose tokens see each other in both directions."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from visualzero.models.families.family import Family
from visualzero.models.families.wording import Wording

BESIDE = 6  # tokens that begin and end an image, and the line ends around it


@dataclass(frozen=True)
class Gemma3(Family):
    """The vision tower's size decides alone: `min_pixels` and `max_pixels` say nothing. Images are not cut up."""

    def code(self) -> ModuleType:
        """Gemma 3's."""
        from visualzero.models import processing_gemma3

        return processing_gemma3

    def pixel_settings(
        self, config: Mapping[str, Any], theirs: Mapping[str, Any], min_pixels: int, max_pixels: int
    ) -> dict[str, Any]:
        """The square's side."""
        side = config["vision_config"]["image_size"]
        return {"size": {"height": side, "width": side}}

    def processor_settings(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Tokens of an image."""
        return {"image_seq_length": config["mm_tokens_per_image"]}

    def image_tokens(self, processor: Any, height: int, width: int) -> int:
        """As many whatever its size."""
        tokens: int = processor.image_seq_length + BESIDE
        return tokens

    def most_image_tokens(self, processor: Any) -> int:
        """As many."""
        return self.image_tokens(processor, 0, 0)


_ROLE = '("model" if message.role == "assistant" else message.role)'
FAMILY = Gemma3(
    processor="Gemma3Images",
    pixels="Gemma3ImageProcessorPil",
    marker="<start_of_image>",
    placeholder="<image_soft_token>",
    tokens=("<start_of_image>", "<image_soft_token>", "<end_of_image>"),
    wording=Wording(
        begin="<bos>",
        image="<start_of_image>",
        system="",
        turn=f'{{{{- "<start_of_turn>" + {_ROLE} + "\\n" -}}}}',
        end_of_turn='{{- "<end_of_turn>\\n" -}}',
        reply='{{- "<start_of_turn>model\\n" -}}',
        end='{{- "<eos>" -}}',
    ),
)
