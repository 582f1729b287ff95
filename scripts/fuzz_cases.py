"""The cases of scripts/fuzz: whole images and tables, what damages them, and what reads them."""

import io
import json
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from visualzero.data.image import decode, decoded_size
from visualzero.data.local import read_local
from visualzero.data.question import read_questions, write_questions
from visualzero.report.questions import QuestionTable

NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
WORDS = (
    *("null", "NaN", "-Infinity", "1e999", "1" * 5000, "[]", "{}", "[" * 3000, '"', "\\", "\\ud800", "\\u0000", "\x00"),
    *(
        "true",
        "0.10",
        '["a.png","b.png"]',
        "../a.png",
        "/etc/passwd",
        "a" * 5000,
        "|",
        ",",
        "\n",
        "\r\n",
        "\r",
        "\ufeff",
    ),
    *(
        "<|im_end|>",
        "(A)",
        "A. ",
        "Options:",
        "(((((((",
        "\u2028",
        "é",
        "image",
        "choices",
        "answer",
        "\t",
        "  ",
        ".",
        "\\",
    ),
)


def encoded(picture: Image.Image, kind: str, **options: Any) -> bytes:
    """A picture as a file."""
    buffer = io.BytesIO()
    picture.copy().save(buffer, kind, **options)  # a copy, since some encoders leave their settings on a picture
    return buffer.getvalue()


def frames(picture: Image.Image) -> dict[str, Any]:
    """Options that save a second frame."""
    return {"save_all": True, "append_images": [picture.rotate(90)]}


def images() -> list[bytes]:
    """Whole images of each format, mode and compression."""
    noise = Image.effect_noise((24, 16), 60)
    color = Image.merge("RGB", (noise, noise.rotate(180), noise.transpose(Image.Transpose.FLIP_LEFT_RIGHT)))
    clear = color.copy()
    clear.putalpha(noise)
    deep = noise.convert("I").point(lambda value: value * 257).convert("I;16")
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a sideways one"
    made = [
        *(encoded(color.convert(mode), "PNG") for mode in ("1", "L", "P", "RGB")),
        encoded(noise, "PNG", transparency=7),
        encoded(clear, "PNG", exif=exif),
        encoded(clear.convert("LA"), "PNG"),
        encoded(clear.quantize(16), "PNG"),
        encoded(deep, "PNG"),
        encoded(color, "PNG", **frames(color)),
        *(encoded(color.convert(mode), "JPEG", exif=exif) for mode in ("L", "RGB", "CMYK")),
        encoded(color, "JPEG", progressive=True, quality=30),
        encoded(color, "MPO", **frames(color)),
        encoded(color, "WEBP", exif=exif),
        encoded(clear, "WEBP", lossless=True),
        encoded(color, "WEBP", **frames(color)),
        *(encoded(color.convert(mode), "GIF") for mode in ("1", "L", "P")),
        encoded(clear, "GIF"),
        encoded(color, "GIF", **frames(color)),
        *(encoded(color.convert(mode), "BMP") for mode in ("1", "L", "P", "RGB")),
        encoded(clear, "BMP"),
        *(encoded(color.convert(mode), "TIFF", exif=exif) for mode in ("1", "L", "P", "RGB", "CMYK", "YCbCr", "LAB")),
        *(encoded(color, "TIFF", compression=name) for name in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")),
        encoded(noise.convert("1"), "TIFF", compression="group4"),
        *(encoded(one, "TIFF") for one in (clear, deep, noise.convert("I"), noise.convert("F"))),
        encoded(color, "TIFF", **frames(color)),
        *(encoded(color.convert(mode), "PPM") for mode in ("1", "L", "RGB")),
        b"P3 2 2 255 0 0 0 255 255 255 1 2 3 9 9 9\n",
    ]
    return made + ([encoded(color, "AVIF", exif=exif)] if ".avif" in Image.registered_extensions() else [])


ROWS = [
    {"image": "a.png", "question": "Where is it?", "choices": ["left", "right"], "answer": "right", "task": "Where"},
    {"image": "b.jpg", "question": "How many?", "choices": [1, 2.5, "three"], "answer": "(B)", "id": 7, "source": None},
    {"image": "a.png", "question": "„Groß“?", "choices": [True, False], "answer": True, "image_id": "x"},
]
CSV = 'image,question,choices,answer\na.png,"Which, if\nany?",left|right,left\nb.jpg,How many?,"[""1"", ""2|3""]",(B)\n'


def flip(data: bytearray, rng: random.Random, others: list[bytes]) -> None:
    """Another bit, or another byte."""
    at = rng.randrange(len(data))
    data[at] = data[at] ^ (1 << rng.randrange(8)) if rng.random() < 0.5 else rng.randrange(256)


def number(data: bytearray, rng: random.Random, others: list[bytes]) -> None:
    """A number that is easily mistaken, of one to four bytes."""
    kind, size = rng.choice((("B", 1), ("<H", 2), (">H", 2), ("<I", 4), (">I", 4)))
    at = rng.randrange(len(data))
    data[at : at + size] = struct.pack(kind, rng.choice(NUMBERS) & (256**size - 1))


def cut(data: bytearray, rng: random.Random, others: list[bytes]) -> None:
    """A piece less, or all from there on."""
    at = rng.randrange(len(data))
    del data[at : at + rng.choice((1, 2, 4, 16, len(data)))]


def again(data: bytearray, rng: random.Random, others: list[bytes]) -> None:
    """A piece twice, or many times."""
    at = rng.randrange(len(data))
    data[at:at] = data[at : at + rng.choice((1, 4, 32))] * rng.choice((1, 1, 2, 50))


def splice(data: bytearray, rng: random.Random, others: list[bytes]) -> None:
    """A piece of another one."""
    other = rng.choice(others)
    begin, at = rng.randrange(len(other)), rng.randrange(len(data))
    data[at : at + rng.choice((0, 4, 16))] = other[begin : begin + rng.choice((4, 16, 64))]


def word(data: bytearray, rng: random.Random, others: list[bytes]) -> None:
    """A text that means something to a table."""
    at = rng.randrange(len(data))
    data[at : at + rng.choice((0, 0, 1, 4))] = rng.choice(WORDS).encode()


def mutated(whole: bytes, rng: random.Random, others: list[bytes], kinds: list[Callable[..., None]]) -> bytes:
    """A few mutations, near the beginning as often as anywhere."""
    data = bytearray(whole)
    for _ in range(rng.choice((0, 1, 1, 2, 3, 8))):
        if not data:
            break
        if rng.random() < 0.5 and len(data) > 64:
            head = data[:64]
            rng.choice(kinds)(head, rng, others)
            data[:64] = head
        else:
            rng.choice(kinds)(data, rng, others)
    return bytes(data)


def with_checksums(data: bytes) -> bytes:
    """A PNG whose chunks have their right checksums again, so that more than those are tried."""
    made, at = bytearray(data), 8
    while at + 12 <= len(made):
        (length,) = struct.unpack_from(">I", made, at)
        end = at + 8 + length
        if end + 4 > len(made):
            break
        struct.pack_into(">I", made, end, zlib.crc32(made[at + 4 : end]))
        at = end + 4
    return bytes(made)


class Cases:
    """Draws a case from its seed: what is read, and the reading of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.images = images()
        (folder / "a.png").write_bytes(self.images[0])
        (folder / "b.jpg").write_bytes(self.images[10])
        self.tables = {
            "jsonl": ["".join(json.dumps(row) + "\n" for row in ROWS).encode()],
            "csv": [CSV.encode(), ("\ufeff" + CSV.replace("\n", "\r\n")).encode()],
            "parquet": [self._parquet()],
        }

    def _parquet(self) -> bytes:
        path = self.folder / "whole.parquet"
        rows = [
            {"id": f"q{n}", "source": "s", "task": "t", "image": {"bytes": image, "path": None}, "question": "?"}
            | {"choices": ["a", "b"], "answer_index": 0, "image_id": str(n)}
            for n, image in enumerate(self.images[:4])
        ]
        write_questions(rows, path)
        return path.read_bytes()

    def draw(self, seed: int) -> tuple[str, bytes, Callable[[], object]]:
        """The kind of a case, its bytes, and what reads them."""
        rng = random.Random(seed)
        kinds = [flip, number, cut, again, splice]
        if rng.random() < 0.6:
            data = mutated(rng.choice(self.images), rng, self.images, kinds)
            if data.startswith(b"\x89PNG") and rng.random() < 0.7:
                data = with_checksums(data)
            return "image", data, lambda: read_image(data)
        kind = rng.choice(("jsonl", "jsonl", "csv", "csv", "parquet"))
        whole = self.tables[kind]
        data = mutated(rng.choice(whole), rng, whole, kinds if kind == "parquet" else [*kinds, word, word, word, word])
        path = self.folder / f"case.{kind}"
        path.write_bytes(data)
        return kind, data, lambda: read_table(path) if kind == "parquet" else list(read_local(path))


def read_image(data: bytes) -> None:
    """Decode; the size that is known beforehand has to be that of the picture."""
    picture = decode(data)
    assert picture.mode == "RGB", picture.mode
    assert picture.size == decoded_size(data), f"{picture.size} is not {decoded_size(data)}"


def read_table(path: Path) -> None:
    """Read a Question table as every stage does, and then as the report."""
    ids = read_questions(path)["id"]
    QuestionTable(path).get(ids)
