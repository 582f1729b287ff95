"""DeepSeek-VL of 1.3B: every image is made to fit one square of one size, and filled up around."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from visualzero.models.families.square import SquareImages
from visualzero.models.families.wording import Wording


@dataclass(frozen=True)
class DeepseekVL(SquareImages):
    """Nothing of an image is cut off."""

    counted = "num_image_tokens"

    def code(self) -> ModuleType:
        """DeepSeek-VL's."""
        from visualzero.models import processing_deepseek_vl

        return processing_deepseek_vl

    def processor_settings(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Tokens of an image: its patches."""
        seen = config["vision_config"]
        return {self.counted: (seen["image_size"] // seen["patch_size"]) ** 2}


_BEGIN, _END = "<\uff5cbegin\u2581of\u2581sentence\uff5c>", "<\uff5cend\u2581of\u2581sentence\uff5c>"
_SYSTEM = (
    "You are a helpful language and vision assistant. You are able to understand the visual content that the user"
    " provides, and assist the user with a variety of tasks using natural language.\\n\\n"
)
FAMILY = DeepseekVL(
    processor="DeepseekVLImages",
    pixels="DeepseekVLImageProcessorPil",
    marker="<image_placeholder>",
    placeholder="<image_placeholder>",
    tokens=("<image_placeholder>",),
    wording=Wording(
        begin=_BEGIN,
        image="<image_placeholder>",
        system=f'{{%- if loop.first -%}}{{{{- "{_SYSTEM}" -}}}}{{%- endif -%}}',
        turn='{{- message.role | capitalize + ": " -}}',
        end_of_turn=f'{{{{- "{_END}" if message.role == "assistant" else "\\n\\n" -}}}}',
        reply='{{- "Assistant:" -}}',
        end=f'{{{{- "{_END}" -}}}}',
    ),
)
