"""Sizes of a Qwen2-VL, and how many parameters follow from them."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from visualzero.config import ModelSource
from visualzero.errors import UserError


@dataclass(frozen=True)
class Vision:
    """The vision tower: patches go through `depth` blocks, then merge x merge of them become one token."""

    depth: int
    width: int
    heads: int
    mlp: int
    patch: int
    merge: int
    pixel_values: int  # numbers of one patch, over its channels and frames
    out: int

    @property
    def block(self) -> int:
        """Weights of a block's matrices."""
        return 4 * self.width**2 + 2 * self.width * self.mlp

    @property
    def merger(self) -> int:
        """Weights of the merger's matrices, which see a token (merge x merge patches) at a time."""
        joined = self.merge**2 * self.width
        return joined**2 + joined * self.out

    @property
    def patches_per_token(self) -> int:
        """Patches that one visual token stands for."""
        return self.merge**2

    @property
    def parameters(self) -> int:
        """All parameters: matrices, biases and layer norms."""
        joined = self.merge**2 * self.width
        block = self.block + (3 + 1 + 1) * self.width + self.mlp + 4 * self.width
        return self.pixel_values * self.width + self.depth * block + self.merger + 2 * self.width + joined + self.out


@dataclass(frozen=True)
class Language:
    """The decoder: grouped-query attention and a gated MLP, RMS norms, biases on q, k and v alone."""

    layers: int
    width: int
    heads: int
    kv_heads: int
    mlp: int
    vocabulary: int
    tied: bool

    @property
    def kv_width(self) -> int:
        """Width of the keys, and of the values."""
        return self.width // self.heads * self.kv_heads

    @property
    def cached(self) -> int:
        """Numbers in the cache of keys and values, for each token."""
        return 2 * self.layers * self.kv_width

    @property
    def layer(self) -> int:
        """Weights of a layer's matrices."""
        return 2 * self.width**2 + 2 * self.width * self.kv_width + 3 * self.width * self.mlp

    @property
    def head(self) -> int:
        """Weights of the matrix that turns a hidden state into logits."""
        return self.vocabulary * self.width

    @property
    def parameters(self) -> int:
        """All parameters; a tied head is the embedding."""
        layer = self.layer + self.width + 2 * self.kv_width + 2 * self.width
        return self.head * (1 if self.tied else 2) + self.layers * layer + self.width


@dataclass(frozen=True)
class Architecture:
    """A Qwen2-VL by its sizes; `source` says where they were read."""

    vision: Vision
    language: Language
    source: str

    @cached_property
    def parameters(self) -> int:
        """All parameters."""
        return self.vision.parameters + self.language.parameters

    def trainable(self, frozen: Iterable[str]) -> int:
        """Parameters that are trained when the parts `frozen` (vision, language) are not."""
        parts = {"vision": self.vision.parameters, "language": self.language.parameters}
        return sum(size for part, size in parts.items() if part not in frozen)

    @classmethod
    def from_config(cls, config: Mapping[str, Any], source: str) -> Self:
        """Read a checkpoint's config.json.

        Older files have the decoder's sizes at the top, newer ones under `text_config`. Sizes that Qwen2-VL's
        configuration class has a default for, and that all its models share, may be missing.

        Raises:
            UserError: if it is not the config of a Qwen2-VL.
        """
        text = config.get("text_config", config)
        try:
            if config["model_type"] != "qwen2_vl":
                raise UserError(f"{source}: model_type is {config['model_type']}: plan knows qwen2_vl only")
            seen = config["vision_config"]
            patch, frames, channels = seen.get("patch_size", 14), seen.get("temporal_patch_size", 2), 3
            vision = Vision(
                depth=seen["depth"],
                width=seen["embed_dim"],
                heads=seen["num_heads"],
                mlp=int(seen["embed_dim"] * seen.get("mlp_ratio", 4)),
                patch=patch,
                merge=seen.get("spatial_merge_size", 2),
                pixel_values=channels * frames * patch**2,
                out=seen["hidden_size"],
            )
            language = Language(
                layers=text["num_hidden_layers"],
                width=text["hidden_size"],
                heads=text["num_attention_heads"],
                kv_heads=text["num_key_value_heads"],
                mlp=text["intermediate_size"],
                vocabulary=text["vocab_size"],
                tied=config.get("tie_word_embeddings", text.get("tie_word_embeddings", False)),
            )
        except KeyError as error:
            raise UserError(f"{source}: no key {error}: give the config.json of a Qwen2-VL checkpoint") from None
        return cls(vision, language, source)


# What config.json says in Qwen/Qwen2-VL-2B and Qwen/Qwen2-VL-2B-Instruct, which have the same sizes; so a plan needs no
# download. With these the published parameter count comes out: 2,208,985,600.
QWEN2_VL_2B: dict[str, Any] = {
    "model_type": "qwen2_vl",
    "hidden_size": 1536,
    "intermediate_size": 8960,
    "num_attention_heads": 12,
    "num_hidden_layers": 28,
    "num_key_value_heads": 2,
    "tie_word_embeddings": True,
    "vocab_size": 151936,
    "vision_config": {"depth": 32, "embed_dim": 1280, "hidden_size": 1536, "mlp_ratio": 4, "num_heads": 16},
}
BUILT_IN = {"Qwen/Qwen2-VL-2B": QWEN2_VL_2B, "Qwen/Qwen2-VL-2B-Instruct": QWEN2_VL_2B}


def checkpoint(source: ModelSource, fetched: Path) -> Path:
    """The folder to look into for an initial model: its own, or else where the models stage puts it."""
    return Path(source.path) if source.path is not None else fetched


def architecture_of(source: ModelSource, fetched: Path) -> Architecture:
    """The architecture of an initial model: from its checkpoint if that is there, else what is built in.

    Raises:
        UserError: if it is neither there nor known.
    """
    file = checkpoint(source, fetched) / "config.json"
    if file.is_file():
        return Architecture.from_config(json.loads(file.read_text(encoding="utf-8")), str(file))
    if source.repo in BUILT_IN:
        return Architecture.from_config(BUILT_IN[source.repo], f"built in for {source.repo}")
    raise UserError(
        f"{file}: no such file, and the model's sizes are not built in: correct models.*, or fetch it first"
    )
