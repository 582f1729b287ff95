"""Training, evaluation, its batches and the report look at one and the same picture."""

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasets import Dataset
from PIL import Image

from visualzero.data.question import read_questions, write_questions
from visualzero.evaluation.answering.asking import Asked
from visualzero.models.processor import load_processor
from visualzero.report.questions import QuestionTable
from visualzero.training.pictures import Pictures


def encoded(picture: Image.Image, format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format, **options)
    return buffer.getvalue()


def sideways() -> bytes:
    """A JPEG of 40 x 20 that is a photograph of 20 x 40: its left half is the upper one."""
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = Image.new("RGB", (40, 20), "red")
    picture.paste("blue", (20, 0, 40, 20))
    return encoded(picture, "JPEG", exif=exif, quality=95)


IMAGES = {
    "sideways": sideways(),
    "broken EXIF": encoded(Image.new("RGB", (20, 40), "red"), "PNG", exif=b"Exif\0\0broken"),
    "transparent": encoded(Image.new("RGBA", (20, 40), (0, 0, 0, 0)), "PNG"),
    "16 bits": encoded(Image.fromarray(np.linspace(0, 65535, 800).astype(np.uint16).reshape(40, 20)), "PNG"),
    "palette": encoded(Image.new("P", (20, 40), 3), "GIF"),
}


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "table.parquet"
    common = {"source": "s", "task": "t", "question": "?", "choices": ["a", "b"], "answer_index": 0}
    rows = [{**common, "id": name, "image": {"bytes": IMAGES[name], "path": None}, "image_id": name} for name in IMAGES]
    write_questions(rows, path)
    return path


@pytest.mark.parametrize("name", IMAGES)
def test_every_stage_sees_the_same_picture(table: Path, name: str) -> None:
    image = read_questions(table).set_index("id")["image"][name]
    asked = Asked(name, "", image, ("a", "b")).picture()
    assert (asked.mode, asked.size) == ("RGB", (20, 40))

    trained = Dataset.from_dict({"image": [name]}).with_transform(Pictures(table))
    for row in (trained[0], next(iter(trained)), trained.__getitems__([0])[0]):
        assert row["image"].tobytes() == asked.tobytes()

    shown = QuestionTable(table).get([name])[name]
    thumbnail = Image.open(io.BytesIO(base64.b64decode(shown.image.partition(",")[2])))
    assert thumbnail.convert("RGB").tobytes() == asked.tobytes(), "a small picture is shown as it is"


def test_what_is_left_and_what_is_right_is_the_same_everywhere(table: Path) -> None:
    picture = Pictures(table)({"image": ["sideways"]})["image"][0]
    top, bottom = picture.getpixel((10, 5)), picture.getpixel((10, 35))
    assert top[0] > 200 > 50 > top[2]
    assert bottom[2] > 200 > 50 > bottom[0]


def test_a_loaders_worker_gets_the_table_rather_than_its_images(table: Path) -> None:
    kind, arguments = Pictures(table).__reduce__()
    assert arguments == (table, False, False)
    assert kind(*arguments).encoded.keys() == IMAGES.keys()


@pytest.mark.parametrize("size", [(1, 1), (1, 27), (1, 200), (5, 1000), (27, 13)])
def test_the_smallest_and_the_most_oblong_pictures_can_be_processed(size: tuple[int, int]) -> None:
    processor = load_processor(Path("models/tiny-base"), "plain", 56 * 56, 112 * 112)
    made = processor.image_processor(images=[Image.new("RGB", size)], return_tensors="np")
    patches = processor.image_processor.get_number_of_image_patches(*size[::-1])
    assert len(made["pixel_values"]) == patches >= 4
