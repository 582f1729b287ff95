"""The one decoder: whatever the file, every stage sees the same upright picture on white, or none does."""

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, features

from visualzero.data.image import FORMATS, MAX_PIXELS, UPRIGHT, ImageError, decode, decode_image, decoded_size
from visualzero.errors import UserError

WIDE, HIGH = 40, 20


def encoded(picture: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format, **options)
    return buffer.getvalue()


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


@pytest.fixture
def scene() -> Image.Image:
    """Red at the top left of blue, so that each of the eight orientations looks different."""
    picture = Image.new("RGB", (WIDE, HIGH), "blue")
    ImageDraw.Draw(picture).rectangle((0, 0, 9, 7), "red")
    return picture


def is_scene(picture: Image.Image) -> bool:
    red = np.asarray(picture).astype(int)[..., 0] > 128
    return picture.size == (WIDE, HIGH) and bool(red[2:6, 2:8].all()) and not red[12:].any() and not red[:, 14:].any()


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_image_is_turned_upright(scene: Image.Image, format: str, orientation: int) -> None:
    if format == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    back = {6: 8, 8: 6}.get(orientation, orientation)  # the turn that this one undoes
    stored = scene.transpose(UPRIGHT[back]) if back in UPRIGHT else scene
    content = encoded(stored, format, exif=turned(orientation))
    assert is_scene(decode(content))
    assert decoded_size(content) == (WIDE, HIGH)


def test_a_png_says_how_it_is_turned_after_its_pixels_too(scene: Image.Image) -> None:
    content = encoded(scene.transpose(Image.Transpose.ROTATE_90), exif=turned(6))
    start = content.index(b"eXIf") - 4
    end = start + 12 + struct.unpack(">I", content[start : start + 4])[0]
    tail = content.index(b"IEND") - 4
    moved = content[:start] + content[end:tail] + content[start:end] + content[tail:]
    assert is_scene(decode(moved))
    assert decoded_size(moved) == (WIDE, HIGH)


@pytest.mark.parametrize("exif", [b"Exif\0\0broken", b"Exif\0\0II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff"])
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_broken_exif_leaves_the_image_as_it_is_stored(scene: Image.Image, format: str, exif: bytes) -> None:
    content = encoded(scene, format, exif=exif)
    assert is_scene(decode(content))
    assert decoded_size(content) == (WIDE, HIGH)


def drawing(mode: str) -> Image.Image:
    """A black line on a transparent ground whose hidden color is black."""
    picture = Image.new("RGBA", (WIDE, HIGH), (0, 0, 0, 0))
    ImageDraw.Draw(picture).line((0, 10, 39, 10), (0, 0, 0, 255))
    return picture.convert(mode)


@pytest.mark.parametrize(
    ("content", "case"),
    [
        (encoded(drawing("RGBA")), "RGBA"),
        (encoded(drawing("LA")), "LA"),
        (encoded(drawing("RGBA"), "WEBP", lossless=True, exact=True), "WebP"),
        (encoded(drawing("RGBA"), "TIFF"), "TIFF"),
        (encoded(drawing("RGBA").quantize(2)), "palette with alpha"),
        (encoded(drawing("RGBA"), "GIF"), "GIF"),
        (encoded(Image.fromarray(np.uint8([[0] * WIDE] * 11 + [[7] * WIDE] * 9)), transparency=7), "gray that is none"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_transparent_is_white(content: bytes, case: str) -> None:
    pixels = np.asarray(decode(content))
    assert (pixels == 255).any(), case
    assert (pixels[-1, -1] == 255).all(), case
    assert (pixels[10, 0] < 8).all(), case


def test_half_transparent_is_half_white() -> None:
    content = encoded(Image.new("RGBA", (8, 8), (255, 0, 0, 51)))
    assert decode(content).getpixel((0, 0)) == (255, 204, 204)


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_gray_of_16_bits_keeps_its_shades(format: str) -> None:
    ramp = np.linspace(0, 65535, 256).astype(np.uint16)[None].repeat(4, 0)
    pixels = np.asarray(decode(encoded(Image.fromarray(ramp), format)))
    assert (pixels == (ramp >> 8)[..., None]).all()


def test_a_transparent_gray_of_16_bits_is_white() -> None:
    content = encoded(Image.fromarray(np.uint16([[300, 301]] * 4)), transparency=301)
    assert np.asarray(decode(content))[0].tolist() == [[1] * 3, [255] * 3]


@pytest.mark.parametrize(
    ("picture", "format"),
    [
        (Image.new("1", (8, 8), 1), "PNG"),
        (Image.new("L", (8, 8), 255), "BMP"),
        (Image.new("P", (8, 8), 0), "GIF"),
        (Image.new("CMYK", (8, 8), 0), "JPEG"),
        (Image.new("YCbCr", (8, 8), (255, 128, 128)), "JPEG"),
        (Image.new("RGB", (8, 8), "white"), "PPM"),
    ],
    ids=lambda value: getattr(value, "mode", value),
)
def test_other_modes_are_seen_as_they_look(picture: Image.Image, format: str) -> None:
    if picture.mode == "P":
        picture.putpalette([255, 255, 255])
    assert np.asarray(decode(encoded(picture, format))).min() > 250


def test_an_upright_8_bit_rgb_image_keeps_every_pixel() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (24, 33, 3), dtype=np.uint8)
    seen = decode(encoded(Image.fromarray(pixels)))
    assert (seen.mode, seen.info) == ("RGB", {})
    assert (np.asarray(seen) == pixels).all()


def frames(format: str) -> bytes:
    first, second = Image.new("RGB", (8, 8), "red"), Image.new("RGB", (8, 8), "blue")
    return encoded(first, format, save_all=True, append_images=[second])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "it is empty"),
        (b"", "it is empty"),
        (b"<html>no picture</html>", "no image format is recognized; there are PNG, JPEG"),
        (encoded(Image.effect_noise((64, 64), 50))[:-900], "truncated"),
        (encoded(Image.effect_noise((64, 64), 50), "JPEG")[:-100], "truncated"),
        (
            encoded(Image.new("I", (8, 8)), "TIFF"),
            r"\(its values have 32 bits \(integers\), of unknown range\): save it with 8 or 16 bits",
        ),
        (encoded(Image.new("F", (8, 8)), "TIFF"), r"values have 32 bits \(floating point\)"),
        (
            encoded(Image.new("1", (1, 201))),
            r"\(1 x 201 pixels, a ratio of its sides above 200\): crop it, or put it on a background",
        ),
        (encoded(Image.new("1", (4020, 20))), "a ratio of its sides above 200"),
        (encoded(Image.new("1", (8000, 5001))), r"8000 x 5001 pixels, more than 40 million\): make it smaller"),
        (frames("GIF"), r"\(it has several frames\): save the frame that the question is about"),
        (frames("WEBP"), r"several frames"),
        (frames("PNG"), r"several frames"),
        (frames("TIFF"), r"several frames"),
    ],
)
def test_what_has_no_one_right_reading_is_refused(content: bytes | None, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        decode(content)


def test_of_a_cameras_pictures_the_first_counts() -> None:
    assert decode(frames("MPO")).getpixel((4, 4))[0] > 250


def test_a_program_in_postscript_is_no_image() -> None:
    assert "EPS" not in FORMATS
    with pytest.raises(ImageError, match="no image format is recognized"):
        decode(encoded(Image.new("RGB", (8, 8)), "EPS"))


@pytest.mark.parametrize("size", [(1, 1), (1, 200), (200, 1), (27, 27), (3, 600)])
def test_the_smallest_images_and_the_most_oblong_are_taken(size: tuple[int, int]) -> None:
    assert decode(encoded(Image.new("RGB", size))).size == size
    assert size[0] * size[1] <= MAX_PIXELS


def test_an_error_names_its_question(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^question q-17: its image can't be used \(it is empty\): replace the image$"):
        decode_image({"bytes": b"", "path": None}, "q-17")
