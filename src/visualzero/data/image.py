"""The one decoder of images: whatever looks at an image of a question sees these pixels.

The table's check, training, evaluation, manifests and the report's thumbnails all decode here, so that no two of them
can see different pictures. What comes out is 8-bit RGB, upright (turned as the EXIF orientation says; where EXIF is
broken the image stays as it is stored), transparent parts on white, gray of 16 bits as its high byte. What has no one
right reading is refused: animations (several frames), values of 32 bits (whose range nothing states), sides of a ratio
above 200 (which Qwen2-VL can't take), more than 40 million pixels, anything truncated.
"""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from visualzero.errors import UserError

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF")  # Pillow's others include interpreters (EPS)
MAX_PIXELS = 40_000_000  # decoded in under a second and a gigabyte, whatever the format
MAX_RATIO = 200  # of the longer side to the shorter, transformers' smart_resize
SEVERAL_PICTURES = "MPO"  # a JPEG whose further frames are the camera's previews and gain maps, not an animation
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What turns an image of each EXIF orientation upright; 1 is upright."""
SIDEWAYS = {5, 6, 7, 8}  # orientations whose width is the picture's height


class ImageError(Exception):
    """An image that has no one right reading; the text is the cause in brackets, then the fix."""

    def __init__(self, reason: str, fix: str = "replace the image"):
        super().__init__(f"({reason}): {fix}")


def decode(content: bytes | None) -> Image.Image:
    """The picture of an encoded image: RGB, upright, on white; the same bytes always give the same pixels.

    Raises:
        ImageError: with the cause and the fix.
    """
    try:
        with _opened(content) as picture:
            picture.load()
            turn = UPRIGHT.get(_orientation(picture))
            upright = _on_white(picture)
    except ImageError:
        raise
    except Exception as error:  # on broken bytes Pillow's decoders raise what they like
        raise ImageError(_reason(error)) from None
    if turn is not None:
        upright = upright.transpose(turn)
    upright.info = {}
    return upright


def decoded_size(content: bytes | None) -> tuple[int, int]:
    """Width and height in pixels of what `decode` gives, from the header alone where the format has all of it there.

    Raises:
        ImageError: if the header is that of no usable image.
    """
    try:
        with _opened(content) as picture:
            width, height = picture.size
            return (height, width) if _orientation(picture) in SIDEWAYS else (width, height)
    except ImageError:
        raise
    except Exception as error:  # as above
        raise ImageError(_reason(error)) from None


def decode_image(image: Mapping[str, Any], where: str) -> Image.Image:
    """The picture of a Question table's `image` value; `where` names the question in errors.

    Raises:
        UserError: if it can't be used.
    """
    try:
        return decode(image["bytes"])
    except ImageError as problem:
        raise UserError(f"question {where}: its image can't be used {problem}") from None


def image_size(image: Mapping[str, Any], where: str) -> tuple[int, int]:
    """Width and height in pixels of what `decode_image` gives.

    Raises:
        UserError: if it can't be used; what only its pixels would show is left to `decode_image`.
    """
    try:
        return decoded_size(image["bytes"])
    except ImageError as problem:
        raise UserError(f"question {where}: its image can't be used {problem}") from None


def _opened(content: bytes | None) -> Image.Image:
    """The image with its header read, its pixels not yet decoded."""
    if not content:
        raise ImageError("it is empty")
    picture = Image.open(io.BytesIO(content), formats=FORMATS)
    width, height = picture.size
    if width * height > MAX_PIXELS:
        raise ImageError(f"{width} x {height} pixels, more than 40 million", "make it smaller")
    if min(width, height) < 1 or max(width, height) > MAX_RATIO * min(width, height):
        raise ImageError(
            f"{width} x {height} pixels, a ratio of its sides above {MAX_RATIO}", "crop it, or put it on a background"
        )
    if getattr(picture, "is_animated", False) and picture.format != SEVERAL_PICTURES:
        raise ImageError("it has several frames", "save the frame that the question is about")
    return picture


def _orientation(picture: Image.Image) -> int:
    """The EXIF orientation that is still to be undone; 1 where there is none or EXIF is broken."""
    if picture.format == "TIFF":  # Pillow has turned it
        return 1
    try:
        value = picture.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # broken EXIF, which viewers ignore too
        return 1
    return value if value in UPRIGHT else 1


def _on_white(picture: Image.Image) -> Image.Image:
    """The loaded picture in RGB; what lies behind its transparent parts is white."""
    if picture.mode.startswith("I;16"):
        return _from_16_bits(picture)
    if picture.mode in ("I", "F"):
        raise ImageError(
            f"its values have 32 bits ({'floating point' if picture.mode == 'F' else 'integers'}), of unknown range",
            "save it with 8 or 16 bits",
        )
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    return _composited(picture.convert("RGBA"))


def _composited(picture: Image.Image) -> Image.Image:
    white = Image.new("RGB", picture.size, "white")
    white.paste(picture, mask=picture.getchannel("A"))
    return white


def _from_16_bits(picture: Image.Image) -> Image.Image:
    """Gray of 16 bits as its high byte, as Pillow reads colors of 16 bits; PNG may name a transparent gray."""
    values = np.asarray(picture)
    gray = Image.fromarray((values >> 8).astype(np.uint8))
    transparent = picture.info.get("transparency")
    if transparent is None:
        return gray.convert("RGB")
    gray.putalpha(Image.fromarray(np.where(values == transparent, 0, 255).astype(np.uint8)))
    return _composited(gray.convert("RGBA"))


def _reason(error: Exception) -> str:
    """What a decoder has said, without addresses of objects."""
    if isinstance(error, UnidentifiedImageError):
        return f"no image format is recognized; there are {', '.join(FORMATS)}"
    return str(error).partition("\n")[0] or type(error).__name__
