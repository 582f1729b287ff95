"""Sizes of a model, and how many parameters follow from them."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

from visualzero.config import ModelSource
from visualzero.errors import UserError
from visualzero.models.families import FAMILIES
from visualzero.models.families.family import Family
from visualzero.planning.defaults import completed
from visualzero.planning.published import BUILT_IN
from visualzero.planning.towers import TOWERS, Vision


@dataclass(frozen=True)
class Language:
    """The decoder: grouped-query attention with heads of `head` numbers, a gated MLP, RMS norms.

    `bias` is on q, k and v alone; `head_norms` are those of q and k; a layer has so many other `norms`.
    """

    layers: int
    width: int
    heads: int
    kv_heads: int
    mlp: int
    vocabulary: int
    tied: bool
    head_width: int
    bias: bool = True
    head_norms: bool = False
    norms: int = 2

    @property
    def q_width(self) -> int:
        """Width of the queries of all heads."""
        return self.heads * self.head_width

    @property
    def kv_width(self) -> int:
        """Width of the keys, and of the values."""
        return self.kv_heads * self.head_width

    @property
    def cached(self) -> int:
        """Numbers in the cache of keys and values, for each token."""
        return 2 * self.layers * self.kv_width

    @property
    def layer(self) -> int:
        """Weights of a layer's matrices."""
        return 2 * self.width * (self.q_width + self.kv_width) + 3 * self.width * self.mlp

    @property
    def head(self) -> int:
        """Weights of the matrix that turns a hidden state into logits."""
        return self.vocabulary * self.width

    @property
    def parameters(self) -> int:
        """All parameters; a tied head is the embedding."""
        biases = self.q_width + 2 * self.kv_width if self.bias else 0
        layer = self.layer + biases + (2 * self.head_width if self.head_norms else 0) + self.norms * self.width
        return self.head * (1 if self.tied else 2) + self.layers * layer + self.width

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Read a complete config.json.

        Raises:
            UserError: for a decoder of a kind that isn't known.
        """
        text = config["text_config"]
        heads, kind = text["num_attention_heads"], text["model_type"]
        if kind not in KINDS:
            raise UserError(f"a decoder of type {kind}: plan knows {', '.join(sorted(KINDS))}")
        return cls(
            layers=text["num_hidden_layers"],
            width=text["hidden_size"],
            heads=heads,
            kv_heads=text.get("num_key_value_heads") or heads,
            mlp=text["intermediate_size"],
            vocabulary=text["vocab_size"],
            tied=config.get("tie_word_embeddings", text.get("tie_word_embeddings", False)),
            head_width=text.get("head_dim") or text["hidden_size"] // heads,
            **KINDS[kind],
        )


_QWEN2: dict[str, Any] = {"bias": True}
_QWEN3: dict[str, Any] = {"bias": False, "head_norms": True}
KINDS: dict[str, dict[str, Any]] = {  # of decoders, by their model types
    **dict.fromkeys(("qwen2", "qwen2_vl_text", "qwen2_5_vl_text"), _QWEN2),
    **dict.fromkeys(("qwen3", "qwen3_vl_text"), _QWEN3),
    "llama": {"bias": False},
    "gemma3_text": {"bias": False, "head_norms": True, "norms": 4},
}


@dataclass(frozen=True)
class Architecture:
    """A model by its sizes; `source` says where they were read."""

    vision: Vision
    language: Language
    source: str
    config: Mapping[str, Any] = field(repr=False, compare=False)

    @property
    def family(self) -> Family:
        """Its family, which says how images are sized."""
        return FAMILIES[self.config["model_type"]]

    @cached_property
    def parameters(self) -> int:
        """All parameters."""
        return self.vision.parameters + self.language.parameters

    def trainable(self, frozen: Iterable[str]) -> int:
        """Parameters that are trained when the parts `frozen` (vision, language) are not."""
        parts = {"vision": self.vision.parameters, "language": self.language.parameters}
        return sum(size for part, size in parts.items() if part not in frozen)

    def visual_tokens(self, max_pixels: int) -> int:
        """Tokens that an image has at most, within `max_pixels`."""
        family = self.family
        if not family.sees:
            return 0
        pixels = SimpleNamespace(**family.pixel_settings(self.config, {}, 1, max_pixels))
        processor = SimpleNamespace(image_processor=pixels, **family.processor_settings(self.config))
        return family.most_image_tokens(processor)

    @classmethod
    def from_config(cls, config: Mapping[str, Any], source: str) -> Self:
        """Read a checkpoint's config.json.

        Older files have the decoder's sizes at the top, newer ones under `text_config`. What the family's configuration
        class has a default for may be missing.

        Raises:
            UserError: if it is not the config of a model that the study can run.
        """
        kind = config.get("model_type")
        if kind not in TOWERS:
            raise UserError(f"{source}: model_type is {kind}: plan knows {', '.join(sorted(TOWERS))}")
        try:
            whole = completed(config, kind)
            return cls(TOWERS[kind](whole), Language.from_config(whole), source, whole)
        except KeyError as error:
            raise UserError(f"{source}: no key {error}: give the config.json of a whole checkpoint") from None


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
