"""Families of models that the study can run: what is its own in each stands in a file named after its model type.

Everything else is asked of the model or its processor: which module is the decoder, where images stand, how positions
count, how many pixels a token has. Adding a family is a file here and its name in tests/test_family_runs.py.
"""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from visualzero.errors import UserError
from visualzero.models.processing_images import ImageProcessor


@dataclass(frozen=True)
class Family:
    """A family of models; `processor` is its processor for images alone.

    `image` is what every prompt writes where an image is, in tokens that a checkpoint's tokenizer has to know; the one
    in the middle is the image's own and is repeated as often as the image has tokens.
    """

    processor: type[ImageProcessor]
    image: tuple[str, str, str]


def family_of(kind: str | None, where: str) -> Family:
    """The family of a checkpoint whose config.json says `kind`; `where` tells a user which.

    Raises:
        UserError: for a model type that has no file here.
    """
    known = sorted(file.stem for file in Path(__file__).parent.glob("*.py") if file.stem != "__init__")
    if kind not in known:
        raise UserError(f"{where}: a model of type '{kind}': choose one of type {', '.join(known)}")
    family: Family = import_module(f"{__name__}.{kind}").FAMILY
    return family
