"""What of a family of models is its own."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, ClassVar

from visualzero.errors import UserError
from visualzero.models.families.wording import QWEN, Wording


@dataclass(frozen=True)
class Family(ABC):
    """A family of models. `processor` and `pixels` are names of classes in its `code`.

    `pixels` makes tensors of images. `tokens` stand for an image, of which `placeholder`, where config.json names it by
    `image_token_id`, is repeated. A prompt has `marker` in the place of each image, which the processor replaces.
    Nothing else here needs transformers.
    """

    sees: ClassVar[bool] = True
    any_size: ClassVar[bool] = False  # images of any size, as rows of patches: for what is known of such images alone

    processor: str
    pixels: str
    marker: str
    placeholder: str
    tokens: tuple[str, ...]
    wording: Wording = QWEN

    @abstractmethod
    def code(self) -> ModuleType:
        """The file of its processor, `models/processing_<family>.py`: imported here, since it needs transformers."""

    @abstractmethod
    def pixel_settings(
        self, config: Mapping[str, Any], theirs: Mapping[str, Any], min_pixels: int, max_pixels: int
    ) -> dict[str, Any]:
        """How `pixels` sizes images, by the checkpoint's config.json, its preprocessor_config.json and our limits."""

    @abstractmethod
    def image_tokens(self, processor: Any, height: int, width: int) -> int:
        """At most so many tokens has an image of this size (in pixels), its `marker` aside."""

    @abstractmethod
    def most_image_tokens(self, processor: Any) -> int:
        """So many has one of any size."""

    def processor_settings(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """What else the processor is made with."""
        return {}

    def prompt(self, template: str, style: str) -> str:
        """The template of a prompt style in this family's words.

        Raises:
            UserError: for a style whose text has this family's marker of images.
        """
        if self.marker and self.marker != QWEN.image and self.marker in template:
            raise UserError(f"prompt '{style}': this model takes its text {self.marker} for an image: choose another")
        return self.wording.of(template)
