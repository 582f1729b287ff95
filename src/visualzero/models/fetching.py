"""The models stage: an initial checkpoint, from a folder or from the hub, checked and laid beside the other results.

Only safetensors, JSON and plain text are taken: no pickled weights, no code.
"""

import json
import shutil
from pathlib import Path
from typing import Any

from visualzero.config import ModelSource
from visualzero.errors import UserError
from visualzero.hub import Repo, fetch
from visualzero.manifest import read_manifest, verify, write_json, write_manifest
from visualzero.progress import say

WANTED = ("*.safetensors", "*.json", "*.txt", "*.jinja")
WEIGHTS, INDEX, GENERATION = "model.safetensors", "model.safetensors.index.json", "generation_config.json"
NEEDED = ("config.json", "tokenizer.json")
# What Qwen2-VL's repositories have beside; the index is there where the weights are in several files.
BESIDE = (INDEX, GENERATION, "tokenizer_config.json", "vocab.json", "merges.txt", "preprocessor_config.json")


def fetch_model(source: ModelSource, out: Path, fingerprint: str, key: str) -> None:
    """Lay a checkpoint in the folder `out` and write `manifest.json` beside it, last; `key` names it in the config.

    Its `generation_config.json` keeps only which tokens begin, end and pad a text. Qwen2-VL's also asks for sampling
    with top_k 1 and a repetition penalty, which libraries apply wherever a call leaves such things open.

    Raises:
        UserError: if there is no checkpoint, it isn't Qwen2-VL, or it isn't what its manifest or the hub says.
    """
    if source.path is not None:
        files, facts = _in_folder(Path(source.path), key)
    else:
        files, facts = _on_hub(Repo("model", str(source.repo), source.revision, source.sha256, key))
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    for name, file in files.items():
        shutil.copyfile(file, out / name)
    if GENERATION in files:
        write_json(out / GENERATION, neutral(json.loads(files[GENERATION].read_text(encoding="utf-8"))))
    write_manifest(
        out.parent / "manifest.json", sorted(out.iterdir()), fingerprint, source=source.model_dump(), **facts
    )
    say(f"{out}: {source.path or f'{source.repo} at {source.revision}'}")


def neutral(generation: dict[str, Any]) -> dict[str, Any]:
    """A generation config without opinions on sampling."""
    return {name: generation[name] for name in ("bos_token_id", "eos_token_id", "pad_token_id") if name in generation}


def _in_folder(folder: Path, key: str) -> tuple[dict[str, Path], dict[str, Any]]:
    """Files of a checkpoint folder; its own manifest, where it has one, is verified and its fingerprint recorded."""
    if not (folder / "config.json").is_file() or not list(folder.glob("*.safetensors")):
        raise UserError(f"{folder}: no checkpoint (config.json and *.safetensors): correct models.*.path")
    _check_kind(folder / "config.json", str(folder), key)
    checksum = folder / "manifest.json"
    if checksum.is_file():
        verify(checksum)
    files = {file.name: file for pattern in WANTED for file in folder.glob(pattern) if file != checksum}
    return files, {"origin": read_manifest(checksum)["fingerprint"] if checksum.is_file() else None}


def _on_hub(repo: Repo) -> tuple[dict[str, Path], dict[str, Any]]:
    """Files of a checkpoint on the hub, of which the digests as they came are recorded."""
    files = fetch(repo, NEEDED, BESIDE)
    _check_kind(files["config.json"].path, repo.name, repo.key)  # before gigabytes of the wrong model are downloaded
    weights = [WEIGHTS]
    if INDEX in files:
        index = json.loads(files[INDEX].path.read_text(encoding="utf-8"))
        weights = sorted(set(index["weight_map"].values()))
    files |= fetch(repo, weights)
    return {name: file.path for name, file in files.items()}, {
        "downloads": {name: file.sha256 for name, file in sorted(files.items())}
    }


def _check_kind(config: Path, name: str, key: str) -> None:
    kind = json.loads(config.read_text(encoding="utf-8")).get("model_type")
    if kind != "qwen2_vl":
        raise UserError(f"{key}: {name}: a model of type '{kind}': choose one of type 'qwen2_vl'")
