"""SmolVLM2: an image is a grid of square tiles and a small copy of the whole, each with as many tokens."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isqrt
from types import ModuleType
from typing import Any

from visualzero.models.families.family import Family
from visualzero.models.families.wording import Wording

GRID = 6  # tiles in a row at most: the tokenizer has names for so many
PLACES = tuple(f"<row_{row}_col_{column}>" for row in range(1, GRID + 1) for column in range(1, GRID + 1))


@dataclass(frozen=True)
class SmolVLM(Family):
    """The longer side becomes as many tiles as a square of `max_pixels` has in a row; `min_pixels` says nothing."""

    def code(self) -> ModuleType:
        """SmolVLM's."""
        from visualzero.models import processing_smolvlm

        return processing_smolvlm

    def pixel_settings(
        self, config: Mapping[str, Any], theirs: Mapping[str, Any], min_pixels: int, max_pixels: int
    ) -> dict[str, Any]:
        """A tile's side, and the image's longer one."""
        tile = (theirs.get("max_image_size") or {}).get("longest_edge") or config["vision_config"]["image_size"]
        longest = tile * min(max(isqrt(max_pixels) // tile, 1), GRID)
        split = theirs.get("do_image_splitting", True)
        return {
            "size": {"longest_edge": longest},
            "max_image_size": {"longest_edge": tile},
            "do_image_splitting": split,
        }

    def processor_settings(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Tokens of a tile: its patches, so many of which become one."""
        seen = config["vision_config"]
        return {"image_seq_len": (seen["image_size"] // seen["patch_size"]) ** 2 // config["scale_factor"] ** 2}

    def image_tokens(self, processor: Any, height: int, width: int) -> int:
        """Those of its tiles and of the whole."""
        _, rows, columns = processor.image_processor.get_number_of_image_patches(height, width)
        return _tokens(processor.image_seq_len, rows, columns)

    def most_image_tokens(self, processor: Any) -> int:
        """Those of a square image."""
        images = processor.image_processor
        side = images.size["longest_edge"] // images.max_image_size["longest_edge"]
        grid = side if images.do_image_splitting and side > 1 else 0
        return _tokens(processor.image_seq_len, grid, grid)


def _tokens(tile: int, rows: int, columns: int) -> int:
    """Before each tile stand two tokens, around the whole three, and after each row of tiles one or two line ends."""
    return rows * columns * (tile + 2) + (rows + 1 if rows else 0) + tile + 3


FAMILY = SmolVLM(
    processor="SmolVLMImages",
    pixels="SmolVLMImageProcessorPil",
    marker="<image>",
    placeholder="<image>",
    tokens=("<fake_token_around_image>", "<image>", "<global-img>", *PLACES),
    wording=Wording(
        image="<image>",
        system='{%- if loop.first -%}{{- "<|im_start|>" -}}{%- endif -%}',
        turn='{{- message.role | capitalize + (":" if message.content[0].type == "image" else ": ") -}}',
        end_of_turn='{{- "<end_of_utterance>\\n" -}}',
        reply='{{- "Assistant:" -}}',
        end='{{- "<end_of_utterance>" -}}',
    ),
)
