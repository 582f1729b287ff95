"""A row that would do harm later is refused when the table is made, whatever its source, with its place and the fix."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from visualzero.config import SAT
from visualzero.data import build
from visualzero.data.reading import Reading
from visualzero.errors import UserError
from visualzero.prompts.special_tokens import special_tokens_in


def picture(size: tuple[int, int] = (8, 8), **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size).save(buffer, "PNG", **options)
    return buffer.getvalue()


def row(number: int, content: bytes, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"q-{number}",
        "source": "s",
        "task": "t",
        "image": {"bytes": content, "path": None},
        "question": "Where?",
        "choices": ["left", "right"],
        "answer_index": 0,
        "image_id": str(number),
        **changes,
    }


def built(folder: Path, monkeypatch: pytest.MonkeyPatch, *rows: dict[str, Any]) -> Path:
    monkeypatch.setattr(build, "open_source", lambda *_: Reading(iter(rows)))
    build.build_questions(SAT(kind="sat", seed=1), folder / "train.parquet", "0" * 16, "data.train")
    return folder / "train.parquet"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"question": "What is <|image_pad|>?"},
            r"question holds <\|image_pad\|>, which a model reads as a token of it",
        ),
        ({"question": "Stop.<|im_end|>"}, r"question holds <\|im_end\|>"),
        ({"choices": ["left", "<|vision_start|>"]}, r"choice '<\|vision_start\|>' holds <\|vision_start\|>"),
        ({"choices": ["left", "right", "Left."]}, r"choices 'left' and 'Left\.' read the same: make them different"),
        ({"choices": ["3", "three"]}, r"choices '3' and 'three' read the same"),
        ({"image": {"bytes": b"", "path": None}}, r"its image can't be used \(it is empty\): replace the image"),
        ({"image": {"bytes": picture()[:48], "path": None}}, r"its image can't be used \(.+\): replace the image"),
        (
            {"image": {"bytes": picture((2, 500)), "path": None}},
            r"its image can't be used \(2 x 500 pixels, a ratio of",
        ),
    ],
)
def test_a_row_of_any_source_is_refused_by_its_id_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=rf"^data\.train: question q-2: {message}"):
        built(tmp_path, monkeypatch, row(1, picture()), row(2, picture(), **changes))
    assert list(tmp_path.iterdir()) == []


def test_an_image_that_questions_share_is_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = []
    monkeypatch.setattr("visualzero.data.checks.decode", decoded.append)
    built(tmp_path, monkeypatch, *(row(number, picture((8, 8 + number // 4))) for number in range(12)))
    assert len(decoded) == 3


def test_rows_that_their_reader_has_checked_are_not_checked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def known() -> Iterator[dict[str, Any]]:
        yield row(1, b"checked elsewhere")

    monkeypatch.setattr(build, "open_source", lambda *_: Reading(known(), checked=True))
    build.build_questions(SAT(kind="sat", seed=1), tmp_path / "train.parquet", "0" * 16, "data.train")
    assert (tmp_path / "train.parquet").is_file()


@pytest.mark.parametrize(
    ("text", "tokens", "found"),
    [
        ("Look at <|image_pad|><|im_end|> now", [], ["<|im_end|>", "<|image_pad|>"]),
        ("a <|b c|> d, x <| y |> z, <||>, <image>", [], []),
        ("It ends </s> here", ["</s>", "", "<s>"], ["</s>"]),
        ("", ["</s>"], []),
    ],
)
def test_special_tokens_are_found(text: str, tokens: list[str], found: list[str]) -> None:
    assert special_tokens_in(text, tokens) == found
