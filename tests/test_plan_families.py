"""What `visualzero plan` counts of each family: transformers' own models have as many parameters."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.models.auto import CONFIG_MAPPING, AutoModelForCausalLM, AutoModelForImageTextToText

from tiny_families import FAMILIES, hub_folder
from visualzero.models.processor import load_processor, most_image_tokens
from visualzero.planning.architecture import Architecture
from visualzero.planning.cost import prefill_flops
from visualzero.planning.defaults import OWN, TEXT, VISION
from visualzero.planning.prompts import text_tokens


def content(config: PreTrainedConfig) -> dict[str, Any]:
    """All that a config.json may say."""
    whole: dict[str, Any] = json.loads(config.to_json_string(use_diff=False))
    return whole


def without_weights(config: PreTrainedConfig) -> PreTrainedModel:
    auto = AutoModelForImageTextToText if hasattr(config, "vision_config") else AutoModelForCausalLM
    with torch.device("meta"):
        return auto.from_config(config)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_parameter_is_counted(family: str) -> None:
    config, _ = FAMILIES[family]()
    model = without_weights(config)
    planned = Architecture.from_config(content(config), family)
    assert planned.parameters == model.num_parameters()
    decoder = {id(p) for part in (model.get_decoder(), model.get_output_embeddings()) for p in part.parameters()}
    assert planned.vision.parameters == sum(p.numel() for p in model.parameters() if id(p) not in decoder)


@pytest.mark.parametrize("family", FAMILIES)
def test_an_image_has_as_many_tokens_as_the_processor_says(family: str, tmp_path: Path) -> None:
    hub_folder(family, tmp_path)
    planned = Architecture.from_config(json.loads((tmp_path / "config.json").read_text()), family)
    tokens = planned.visual_tokens(12544)
    assert tokens == most_image_tokens(load_processor(tmp_path, "plain", 3136, 12544))
    assert prefill_flops(planned, tokens, tokens + 20) > 2 * planned.language.layers * planned.language.layer * 20
    assert 20 < text_tokens("plain", "lettered", tmp_path / "tokenizer.json", planned.family) < 400


def test_a_head_that_gemma_3_does_not_use_is_counted_where_it_is_there() -> None:
    config, _ = FAMILIES["gemma3"]()
    config.vision_config.vision_use_head = True
    assert Architecture.from_config(content(config), "gemma3").parameters == without_weights(config).num_parameters()


def test_what_a_config_leaves_out_is_what_transformers_takes() -> None:
    for kind, own in OWN.items():
        theirs = content(CONFIG_MAPPING[kind]())
        assert {name: theirs[name] for name in own} == own
    for kind, own in VISION.items():
        theirs = content(CONFIG_MAPPING[kind]())["vision_config"]
        assert {name: theirs.get(name, True) for name in own} == own  # Siglip's head is asked for by no name
    for kind, own in TEXT.items():
        theirs = content(CONFIG_MAPPING[kind]())
        assert {name: theirs[name] for name in own} == own
