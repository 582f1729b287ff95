"""Whatever the image: upright RGB, the same each time and for every stage, or an error of one line."""

import io
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from properties import FEW, MANY
from visualzero.data.image import MAX_RATIO, UPRIGHT, ImageError, decode, decode_image, decoded_size
from visualzero.data.question import read_questions, write_questions
from visualzero.training.pictures import Pictures

KINDS = {
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "JPEG": ("L", "RGB", "CMYK", "YCbCr"),
    "WEBP": ("RGB", "RGBA"),
    "GIF": ("1", "L", "P", "RGBA"),
    "BMP": ("1", "L", "P", "RGB", "RGBA"),
    "TIFF": ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I;16"),
}


@dataclass(frozen=True)
class Made:
    """An encoded image, how it was made, and its size upright."""

    content: bytes
    kind: str
    mode: str
    size: tuple[int, int]
    upright: Image.Image


@st.composite
def images(draw: st.DrawFn) -> Made:
    kind = draw(st.sampled_from(sorted(KINDS)))
    mode = draw(st.sampled_from(KINDS[kind]))
    width, height = draw(st.tuples(st.integers(1, 40), st.integers(1, 40)))
    pixels = np.random.default_rng(draw(st.integers(0, 99))).integers(0, 256, (height, width, 4), dtype=np.uint8)
    picture = Image.fromarray(pixels)
    if mode == "I;16":
        picture = Image.fromarray(pixels[..., 0].astype(np.uint16) * 257)
    else:
        picture = picture.convert("RGB" if mode in ("CMYK", "YCbCr", "P", "RGB") else mode).convert(mode)
    orientation = draw(st.sampled_from([None, *range(10)])) if kind in ("PNG", "JPEG", "WEBP", "TIFF") else None
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    buffer = io.BytesIO()
    options = {"lossless": True} if kind == "WEBP" else {}
    picture.save(buffer, kind, **({"exif": exif} if orientation is not None else {}), **options)
    turn = UPRIGHT.get(orientation)
    upright = picture if turn is None else picture.transpose(turn)
    return Made(buffer.getvalue(), kind, mode, upright.size, upright)


@MANY
@given(images())
def test_an_image_becomes_upright_rgb_the_same_each_time(made: Made) -> None:
    seen = decode(made.content)
    assert (seen.mode, seen.size) == ("RGB", made.size) == ("RGB", decoded_size(made.content))
    assert seen.tobytes() == decode(made.content).tobytes()
    if made.mode in ("L", "RGB") and made.kind != "JPEG":
        assert seen.tobytes() == made.upright.convert("RGB").tobytes()
    if made.mode == "RGBA" and made.kind in ("PNG", "WEBP", "TIFF"):
        colors, alpha = np.split(np.asarray(made.upright).astype(int), [3], axis=2)
        expected = (colors * alpha + 255 * (255 - alpha)) / 255
        assert np.abs(np.asarray(seen) - expected).max() <= 1


@FEW
@given(images())
def test_training_and_evaluation_see_the_same(tmp_path: Path, made: Made) -> None:
    path = tmp_path / "table.parquet"
    image = {"bytes": made.content, "path": None}
    texts = {"source": "s", "task": "t", "question": "?", "choices": ["a", "b"], "answer_index": 0, "image_id": "i"}
    write_questions([{"id": "q", "image": image, **texts}], path)
    [trained] = Pictures(path)({"image": ["q"]})["image"]
    evaluated = decode_image(read_questions(path)["image"][0], "q")
    assert trained.tobytes() == evaluated.tobytes() == decode(made.content).tobytes()


@MANY
@given(images(), st.floats(0, 1))
def test_an_image_that_is_cut_off_is_refused_or_nothing_of_it_is_missing(made: Made, share: float) -> None:
    try:
        seen = decode(made.content[: int(share * len(made.content))])
    except ImageError:
        return
    assert seen.tobytes() == decode(made.content).tobytes()


@MANY
@given(
    st.one_of(st.binary(max_size=300), st.sampled_from([b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"II*\0"]))
)
def test_any_bytes_are_an_image_or_an_error(content: bytes) -> None:
    try:
        assert decode(content).mode == "RGB"
    except ImageError as error:
        told = str(error)
    else:
        told = "(it is one): look at it"
    assert re.fullmatch(r"\(.+\): .+", told)


@FEW
@given(st.integers(1, 30), st.integers(1, 9000))
def test_no_side_is_more_than_200_times_the_other(short: int, long: int) -> None:
    buffer = io.BytesIO()
    Image.new("1", (short, long)).save(buffer, "PNG")
    try:
        width, height = decode(buffer.getvalue()).size
    except ImageError:
        assert max(short, long) > MAX_RATIO * min(short, long)
    else:
        assert max(width, height) <= MAX_RATIO * min(width, height)
