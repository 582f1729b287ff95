"""Inputs that can't be used: images, tables, model folders and configs. Each has to be refused in one line."""

import io
import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image

from faults.study import Study

ROW = {"image": "a.png", "question": "Which one?", "choices": ["left", "right"], "answer": "left"}
Made = tuple[str, ...]  # arguments of the command that reads it


def refusals(chance: random.Random) -> Iterator[tuple[str, str, Callable[[Study], Made]]]:
    """What an input is, in words, the output that must not be made of it, and how it is laid in a study's folder."""
    for name, content in _images(chance).items():
        yield f"an image that is {name}", "data/train.parquet", _table_with(content, [ROW])
    for name, rows in _tables().items():
        yield f"a table with {name}", "data/train.parquet", _table_with(_png(chance), rows)
    for name, spoil in _models().items():
        yield f"a model folder with {name}", "models/base", _model_with(spoil, chance)
    for name, overrides in _configs().items():
        yield f"a config with {name}", "data/train.parquet", _config_with(overrides)


def _png(chance: random.Random, size: tuple[int, int] = (40, 30), kind: str = "PNG") -> bytes:
    picture = Image.frombytes("RGB", size, chance.randbytes(size[0] * size[1] * 3))
    buffer = io.BytesIO()
    picture.save(buffer, kind)
    return buffer.getvalue()


def _images(chance: random.Random) -> dict[str, bytes]:
    whole = _png(chance)
    broken = bytearray(whole)
    broken[60] ^= 255
    bomb = whole[:16] + (60_000).to_bytes(4, "big") * 2 + whole[24:]
    return {
        "cut off": whole[: len(whole) // 2],
        "empty": b"",
        "a text": b"no image at all\n",
        "a page of HTML": b"<!DOCTYPE html><html><body>404</body></html>",
        "damaged in its data": bytes(broken),
        "as large as a house": bomb,
        "401 times as wide as high": _png(chance, (401, 1)),
        "a header alone": whole[:33],
        "SVG": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "a JPEG that is cut off": _png(chance, (64, 64), "JPEG")[:300],
    }


def _tables() -> dict[str, list[dict[str, object]] | bytes]:
    return {
        "a question that holds an image token": [ROW | {"question": "Is <|image_pad|> left?"}],
        "a choice that ends the turn": [ROW | {"choices": ["left<|im_end|>", "right"], "answer": "right"}],
        "NaN among its choices": b'{"image": "a.png", "question": "?", "choices": ["a", NaN], "answer": "a"}\n',
        "infinity as its task": json.dumps(ROW | {"task": float("inf")}).encode(),
        "one choice": [ROW | {"choices": ["left"]}],
        "choices that no text tells apart": [ROW | {"choices": ["Left", "left "], "answer": "Left"}],
        "an answer that is none of its choices": [ROW | {"answer": "up"}],
        "an image that isn't there": [ROW | {"image": "b.png"}],
        "an image outside its folder": [ROW | {"image": "../../../../etc/hostname"}],
        "two images in a row": [ROW | {"image": ["a.png", "a.png"]}],
        "a row twice": [ROW | {"id": "x"}, ROW | {"id": "x"}],
        "no rows": b"\n\n",
        "half a row": b'{"image": "a.png", "question": ',
        "a list for a row": b'["a.png"]\n',
        "text that isn't UTF-8": b'{"image": "a.png", "question": "\xff"}\n',
        "rows without an answer": [{key: value for key, value in ROW.items() if key != "answer"}],
    }


def _models() -> dict[str, Callable[[Path, random.Random], None]]:
    def written(name: str, content: bytes) -> Callable[[Path, random.Random], None]:
        return lambda folder, chance: _write(folder / name, content)

    def gone(name: str) -> Callable[[Path, random.Random], None]:
        return lambda folder, chance: (folder / name).unlink()

    def cut(folder: Path, chance: random.Random) -> None:
        weights = folder / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[: chance.randrange(weights.stat().st_size)])

    def not_a_number(folder: Path, chance: random.Random) -> None:
        import torch
        from safetensors.torch import load_file, save_file

        weights = load_file(folder / "model.safetensors")
        name = chance.choice(sorted(weights))
        weights[name].view(-1)[chance.randrange(weights[name].numel())] = chance.choice((torch.nan, torch.inf))
        save_file(weights, folder / "model.safetensors", {"format": "pt"})

    def other_type(folder: Path, chance: random.Random) -> None:
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | {"model_type": "llama"}))

    return {
        "weights that are cut off": cut,
        "a weight that is no number": not_a_number,
        "another type of model": other_type,
        "a config that is no JSON": written("config.json", b"{"),
        "a config that is a list": written("config.json", b"[]"),
        "no tokenizer": gone("tokenizer.json"),
        "no weights": gone("model.safetensors"),
        "weights of no length": written("model.safetensors", b""),
    }


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _configs() -> dict[str, list[str]]:
    return {
        "a key that doesn't exist": ["grpo.stepps=3"],
        "a text for a number": ["grpo.steps=many"],
        "steps below one": ["sft.steps=0"],
        "a learning rate that is no number": ["sft.learning_rate=.nan"],
        "a benchmark called train": [
            'data.benchmarks={"train": {"source": {"kind": "toyspace", "split": "bench", "n": 8}}}'
        ],
        "a reward of an unknown term": ["rewards={r1: {terms: {beauty: 1.0}}}"],
        "YAML that ends too early": ["grpo={steps: 3"],
    }


def _table_with(image: bytes, rows: list[dict[str, object]] | bytes) -> Callable[[Study], Made]:
    def lay(study: Study) -> Made:
        folder = study.folder / "mine"
        folder.mkdir()
        (folder / "a.png").write_bytes(image)
        text = rows if isinstance(rows, bytes) else "".join(json.dumps(row) + "\n" for row in rows).encode()
        (folder / "rows.jsonl").write_bytes(text)
        return ("--set", "data.train={kind: local, path: mine/rows.jsonl}", "questions", "train")

    return lay


def _model_with(spoil: Callable[[Path, random.Random], None], chance: random.Random) -> Callable[[Study], Made]:
    def lay(study: Study) -> Made:
        folder = study.folder / "mine"
        shutil.copytree(study.folder / "models/tiny-base", folder)
        (folder / "manifest.json").unlink()
        spoil(folder, chance)
        return ("--set", "models.base.path=mine", "model", "base")

    return lay


def _config_with(overrides: list[str]) -> Callable[[Study], Made]:
    def lay(study: Study) -> Made:
        return (*(part for override in overrides for part in ("--set", override)), "questions", "train")

    return lay
