"""What of a family of models is its own."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Family:
    """A family of models; `processor` names its class in processing_images.py, which needs transformers.

    `image` is what every prompt writes where an image is, in tokens that a checkpoint's tokenizer has to know; the one
    in the middle is the image's own and is repeated as often as the image has tokens.
    """

    processor: str
    image: tuple[str, str, str]
