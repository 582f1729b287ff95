"""The models stage: an initial checkpoint, from a folder or from the hub, checked and laid beside the other results.

Only safetensors, JSON and plain text are taken: no pickled weights, no code. What later stages need is checked here:
the files are there, JSON is JSON, weights are whole and finite, the tokenizer knows images.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from visualzero.config import ModelSource
from visualzero.errors import UserError
from visualzero.hub import Repo, fetch
from visualzero.manifest import read_manifest, verify, write_json, write_manifest
from visualzero.models.families import family_of
from visualzero.models.soundness import check_weights, read_json
from visualzero.progress import say

WANTED = ("*.safetensors", "*.json", "*.txt", "*.jinja")
WEIGHTS, INDEX, GENERATION = "model.safetensors", "model.safetensors.index.json", "generation_config.json"
CONFIG, TOKENIZER, SETTINGS = "config.json", "tokenizer.json", "tokenizer_config.json"
NEEDED = (CONFIG, TOKENIZER, SETTINGS)
# What Qwen's repositories have beside; the index is there where the weights are in several files.
BESIDE = (INDEX, GENERATION, "vocab.json", "merges.txt", "preprocessor_config.json")
FIX = "copy or download the model again, or choose another one"


def fetch_model(source: ModelSource, out: Path, fingerprint: str, key: str) -> None:
    """Lay a checkpoint in the folder `out` and write `manifest.json` beside it, last; `key` names it in the config.

    Its `generation_config.json` keeps only which tokens begin, end and pad a text. Qwen2-VL's also asks for sampling
    with top_k 1 and a repetition penalty, which libraries apply wherever a call leaves such things open.

    Raises:
        UserError: if there is no checkpoint, its family isn't known, it isn't what its manifest or the hub says, or a
            file of it is missing, broken or holds weights that aren't finite.
    """
    if source.path is not None:
        files, facts = _in_folder(Path(source.path), key)
    else:
        files, facts = _on_hub(Repo("model", str(source.repo), source.revision, source.sha256, key))
    _check(files, f"{key}: {source.path or source.repo}")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    for name, file in files.items():
        shutil.copyfile(file, out / name)
    if GENERATION in files:
        write_json(out / GENERATION, neutral(read_json(files[GENERATION], key, FIX)))
    write_manifest(
        out.parent / "manifest.json", sorted(out.iterdir()), fingerprint, source=source.model_dump(), **facts
    )
    say(f"{out}: {source.path or f'{source.repo} at {source.revision}'}")


def neutral(generation: dict[str, Any]) -> dict[str, Any]:
    """A generation config without opinions on sampling."""
    return {name: generation[name] for name in ("bos_token_id", "eos_token_id", "pad_token_id") if name in generation}


def _in_folder(folder: Path, key: str) -> tuple[dict[str, Path], dict[str, Any]]:
    """Files of a checkpoint folder; its own manifest, where it has one, is verified and its fingerprint recorded."""
    if not (folder / CONFIG).is_file() or not list(folder.glob("*.safetensors")):
        raise UserError(f"{folder}: no checkpoint (config.json and *.safetensors): correct models.*.path")
    _check_kind(folder / CONFIG, str(folder), key)
    checksum = folder / "manifest.json"
    if checksum.is_file():
        verify(checksum)
    files = {file.name: file for pattern in WANTED for file in folder.glob(pattern) if file != checksum}
    needed = {*NEEDED, *_shards(files, f"{key}: {folder}")}
    if missing := sorted(needed - files.keys()):
        raise UserError(f"{key}: {folder}: no {', '.join(missing)}: copy all files of the model there")
    return files, {"origin": read_manifest(checksum)["fingerprint"] if checksum.is_file() else None}


def _on_hub(repo: Repo) -> tuple[dict[str, Path], dict[str, Any]]:
    """Files of a checkpoint on the hub, of which the digests as they came are recorded."""
    files = fetch(repo, NEEDED, BESIDE)
    _check_kind(files[CONFIG].path, repo.name, repo.key)  # before gigabytes of the wrong model are downloaded
    paths = {name: file.path for name, file in files.items()}
    files |= fetch(repo, _shards(paths, f"{repo.key}: {repo.name}") or [WEIGHTS])
    return {name: file.path for name, file in files.items()}, {
        "downloads": {name: file.sha256 for name, file in sorted(files.items())}
    }


def _shards(files: Mapping[str, Path], where: str) -> list[str]:
    """The files that the index of the weights names, if there is an index."""
    if INDEX not in files:
        return []
    places = read_json(files[INDEX], where, FIX).get("weight_map")
    if not isinstance(places, dict):
        raise UserError(f"{where}: {INDEX}: no weight_map: {FIX}")
    return sorted(set(places.values()))


def _check_kind(config: Path, name: str, key: str) -> None:
    family_of(read_json(config, f"{key}: {name}", FIX).get("model_type"), f"{key}: {name}")


def _check(files: Mapping[str, Path], where: str) -> None:
    """Check the content of a checkpoint's files."""
    content = {name: read_json(file, where, FIX) for name, file in files.items() if name.endswith(".json")}
    added = content[TOKENIZER].get("added_tokens", [])
    ids = {token.get("content"): token.get("id") for token in added if isinstance(token, dict)}
    family = family_of(content[CONFIG].get("model_type"), where)
    if missing := [token for token in family.tokens if token not in ids]:
        raise UserError(f"{where}: {TOKENIZER}: no token {', '.join(missing)}: choose a model that reads images so")
    known = ids.get(family.placeholder)
    for name in ("image_token_id", "image_token_index"):  # as families and versions call it
        if (stated := content[CONFIG].get(name)) not in (None, known):
            raise UserError(f"{where}: an image is token {stated} in {CONFIG} and {known} in {TOKENIZER}: {FIX}")
    limit = (content[TOKENIZER].get("truncation") or {}).get("max_length") or content[SETTINGS].get("max_length")
    if limit:
        say(f"{where}: its tokenizer would cut texts after {limit} tokens: here no prompt is ever cut")
    for name in sorted(files):
        if name.endswith(".safetensors"):
            check_weights(files[name], where, FIX)
