"""What the models stage refuses: missing or broken files, weights that are no numbers, tokens that don't fit."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from visualzero.config import ModelSource
from visualzero.errors import UserError
from visualzero.models import soundness
from visualzero.models.fetching import fetch_model
from visualzero.models.soundness import check_weights, sound

DTYPES = {
    "float64": torch.float64,
    "float32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "float8_e5m2": torch.float8_e5m2,
    "float8_e4m3fn": torch.float8_e4m3fn,
}


@pytest.fixture
def checkpoint(tiny_model: Path, tmp_path: Path) -> Path:
    """A copy that a test may break."""
    return Path(shutil.copytree(tiny_model, tmp_path / "tiny"))


def refused(folder: Path, match: str) -> None:
    """What fetching a folder says; nothing of it is left."""
    out = folder.parent / "base" / "model"
    with pytest.raises(UserError, match=match) as caught:
        fetch_model(ModelSource(path=str(folder), min_pixels=3136, max_pixels=12544), out, "0" * 16, "models.base")
    assert str(caught.value).startswith("models.base: ")
    assert "\n" not in str(caught.value)
    assert not out.parent.exists()


def edit(file: Path, **changes: object) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


# Weights


@pytest.mark.parametrize(
    ("dtype", "value"),
    [
        (dtype, value)
        for dtype in DTYPES
        for value in ("nan", "inf", "-inf")
        if dtype != "float8_e4m3fn" or value == "nan"
    ],
)
def test_weights_that_are_not_finite_are_named_by_tensor(tmp_path: Path, dtype: str, value: str) -> None:
    weights = torch.linspace(-400, 400, 1000, dtype=torch.float64)
    weights[:2] = torch.tensor([torch.finfo(DTYPES[dtype]).max, torch.finfo(DTYPES[dtype]).tiny], dtype=torch.float64)
    good, spoilt = (weights.to(DTYPES[dtype], copy=True) for _ in range(2))
    tensors = {"good": good, "ids": torch.full((9,), -1), "spoilt": spoilt}
    file = tmp_path / "model.safetensors"
    save_file(tensors, file)
    check_weights(file, "here", "copy it again")
    spoilt[777] = float(value)
    assert not spoilt.double().isfinite().all()
    save_file(tensors, file)
    with pytest.raises(UserError, match=r"here: model\.safetensors: tensor 'spoilt' is not finite .*: copy it again"):
        check_weights(file, "here", "copy it again")
    assert not sound(tmp_path)


def test_weights_are_read_piece_by_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soundness, "CHUNK", 64)
    sizes: list[int] = []
    read = np.fromfile
    monkeypatch.setattr(np, "fromfile", lambda *args: sizes.append(args[2]) or read(*args))
    tensor = torch.zeros(1000)
    save_file({"weight": tensor}, tmp_path / "model.safetensors")
    check_weights(tmp_path / "model.safetensors", "", "")
    assert sizes == [64] * 15 + [40]
    tensor[999] = torch.nan
    save_file({"weight": tensor}, tmp_path / "model.safetensors")
    with pytest.raises(UserError, match="tensor 'weight' is not finite"):
        check_weights(tmp_path / "model.safetensors", "", "")


def test_a_model_with_one_weight_that_is_not_finite_is_not_fetched(checkpoint: Path) -> None:
    weights = {name: tensor.half() for name, tensor in load_file(checkpoint / "model.safetensors").items()}
    weights["visual.merger.ln_q.weight"][5] = torch.nan
    save_file(weights, checkpoint / "model.safetensors", metadata={"format": "pt"})
    refused(
        checkpoint, r"model\.safetensors: tensor 'visual\.merger\.ln_q\.weight' is not finite \(it holds NaN or infin"
    )


@pytest.mark.parametrize("left", [0, 5, 100, 100_000, -1])
def test_truncated_weights_are_not_fetched(checkpoint: Path, left: int) -> None:
    weights = checkpoint / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:left])
    refused(
        checkpoint, r"model\.safetensors: truncated(: \d+ bytes of \d+|, or not safetensors \(\d+ bytes\)): copy or d"
    )


def test_what_is_no_safetensors_file_is_not_fetched(checkpoint: Path) -> None:
    (checkpoint / "model.safetensors").write_bytes(b"version https://git-lfs.github.com/spec/v1\n" * 3)
    refused(checkpoint, r"model\.safetensors: truncated, or not safetensors \(129 bytes\)")


# The other files


@pytest.mark.parametrize("missing", [("tokenizer.json",), ("tokenizer.json", "tokenizer_config.json")])
def test_missing_tokenizer_files_are_named(checkpoint: Path, missing: tuple[str, ...]) -> None:
    for name in missing:
        (checkpoint / name).unlink()
    refused(checkpoint, rf"tiny: no {', '.join(missing)}: copy all files of the model there")


def test_missing_parts_of_the_weights_are_named(checkpoint: Path) -> None:
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (checkpoint / "model.safetensors.index.json").write_text(json.dumps(index))
    (checkpoint / "model.safetensors").rename(checkpoint / "model-00001-of-00002.safetensors")
    refused(checkpoint, r"tiny: no model-00002-of-00002\.safetensors: copy all files of the model there")


def test_an_index_that_names_no_files_is_told(checkpoint: Path) -> None:
    (checkpoint / "model.safetensors.index.json").write_text('{"metadata": {}}')
    refused(checkpoint, r"tiny: model\.safetensors\.index\.json: no weight_map: copy or download the model again")


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json"])
@pytest.mark.parametrize(
    ("content", "told"),
    [(b"{", "not JSON"), (b"[]", "not a JSON object"), (b"\xff\xfe{}", "not JSON"), (b"", "not JSON")],
)
def test_a_file_that_is_no_json_is_named(checkpoint: Path, name: str, content: bytes, told: str) -> None:
    (checkpoint / name).write_bytes(content)
    refused(checkpoint, rf"tiny: {name}: {told}.*: copy or download the model again, or choose another one")


def without_images(checkpoint: Path) -> None:
    tokens = json.loads((checkpoint / "tokenizer.json").read_text())["added_tokens"]
    edit(checkpoint / "tokenizer.json", added_tokens=[token for token in tokens if "image" not in token["content"]])


def other_images(checkpoint: Path) -> None:
    edit(checkpoint / "config.json", image_token_id=7)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (without_images, r"tokenizer\.json: no token <\|image_pad\|>: choose a model that reads images so"),
        (other_images, r"an image is token 7 in config\.json and \d+ in tokenizer\.json: copy or download"),
    ],
)
def test_a_tokenizer_that_does_not_fit_the_model_is_told(
    checkpoint: Path, change: Callable[[Path], None], told: str
) -> None:
    change(checkpoint)
    refused(checkpoint, told)


# Nothing is cut


def test_a_tokenizer_that_would_cut_texts_is_told_when_it_is_fetched(
    checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truncation = {"direction": "Right", "max_length": 20, "strategy": "LongestFirst", "stride": 0}
    edit(checkpoint / "tokenizer.json", truncation=truncation)
    source = ModelSource(path=str(checkpoint), min_pixels=3136, max_pixels=12544)
    fetch_model(source, checkpoint.parent / "base" / "model", "0" * 16, "models.base")
    assert "its tokenizer would cut texts after 20 tokens: here no prompt is ever cut" in capsys.readouterr().err
