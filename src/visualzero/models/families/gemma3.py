"""Gemma 3: every image becomes one square of one size, whose tokens see each other in both directions."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from visualzero.models.families.square import SquareImages
from visualzero.models.families.wording import Wording


@dataclass(frozen=True)
class Gemma3(SquareImages):
    """Images are not cut up."""

    counted = "image_seq_length"
    beside = 6  # tokens that begin and end an image, and the line ends around it

    def code(self) -> ModuleType:
        """Gemma 3's."""
        from visualzero.models import processing_gemma3

        return processing_gemma3

    def processor_settings(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Tokens of an image."""
        return {self.counted: config["mm_tokens_per_image"]}


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
