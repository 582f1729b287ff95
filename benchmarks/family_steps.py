"""How much faster a GRPO step is with sharing than in stock TRL, for each family of models; seconds of one CPU thread.

    python benchmarks/family_steps.py [--families gemma3 internvl] [--prompts 2] [--new 200]

Some 6 million random weights in each family's own classes, in Qwen2-VL-2B's proportions as near as the family lets them
be: a decoder of two layers, a tower of one. An image of 448 x 896 pixels is made into patches and tokens as by each
family's published processor: tiles of 384 (SmolVLM2) or 448 pixels (InternVL), a square of 896 (Gemma 3). As in `paper`
geometry of benchmarks/grpo.py: G = 8, 200 new tokens for every completion, beta 0.04, float32. Both draw the same
completions; a step of stock TRL is timed once, of ours three times, after one that doesn't count.
"""

import argparse
import copy
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from PIL import Image
from transformers.models.auto import AutoModelForCausalLM, AutoModelForImageTextToText
from trl import GRPOConfig, GRPOTrainer

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from clocks import StepSeconds

from groupshare import GroupSharingTrainer
from tiny_families import FAMILIES

G, HEIGHT, WIDTH = 8, 448, 896
TEXT = {"hidden_size": 384, "intermediate_size": 1024, "num_hidden_layers": 2, "num_attention_heads": 6}
TEXT |= {"num_key_value_heads": 2, "head_dim": 64, "layer_types": ["full_attention"] * 2}
MROPE = {"mrope_section": [8, 12, 12]}
TOWER = {"hidden_size": 256, "intermediate_size": 1024, "num_attention_heads": 4, "num_hidden_layers": 1}
QWEN = {"depth": 1, "num_heads": 4}
QWEN_PIXELS = {"size": {"shortest_edge": 3136, "longest_edge": HEIGHT * WIDTH}}
# Other than in tests/tiny_families.py: of the config, its decoder, its tower, the image processor, the processor.
SIZES: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "qwen2_vl": ({}, MROPE, QWEN | {"embed_dim": 256, "hidden_size": 384, "mlp_ratio": 4}, QWEN_PIXELS, {}),
    "qwen2_5_vl": (
        {},
        MROPE,
        QWEN
        | {"hidden_size": 256, "intermediate_size": 1024, "out_hidden_size": 384}
        | {"window_size": 112, "fullatt_block_indexes": [0]},
        QWEN_PIXELS,
        {},
    ),
    "qwen3_vl": (
        {},
        MROPE,
        QWEN
        | {"hidden_size": 256, "intermediate_size": 1024, "out_hidden_size": 384}
        | {"num_position_embeddings": 2304, "deepstack_visual_indexes": [0]},
        QWEN_PIXELS,
        {},
    ),
    "smolvlm": (
        {"scale_factor": 3},
        {},
        TOWER | {"image_size": 384, "patch_size": 14},
        {"size": {"longest_edge": 4 * 384}, "max_image_size": {"longest_edge": 384}},
        {"image_seq_len": 81},
    ),
    "internvl": (
        {"image_seq_length": 256},
        {},
        TOWER | {"image_size": [448, 448], "patch_size": [14, 14]},
        {"size": {"height": 448, "width": 448}, "max_patches": 12},
        {"image_seq_length": 256},
    ),
    "gemma3": (
        {"mm_tokens_per_image": 256},
        {"layer_types": ["sliding_attention", "full_attention"], "sliding_window": 512, "query_pre_attn_scalar": 64},
        TOWER | {"image_size": 896, "patch_size": 14},
        {"size": {"height": 896, "width": 896}},
        {"image_seq_length": 256},
    ),
    "deepseek_vl": (
        {},
        {},
        TOWER | {"image_size": 322, "patch_size": 14},
        {"size": {"height": 322, "width": 322}},
        {"num_image_tokens": 529},
    ),
    "qwen3": ({}, {}, {}, {}, {}),
}


def built(family: str) -> tuple[Any, Any]:
    """A model of a family, and its processor."""
    config, processor = FAMILIES[family]()
    whole, text, tower, pixels, settings = SIZES[family]
    told = config.to_dict()
    told |= whole
    if family == "qwen3":
        told |= TEXT | {"rope_parameters": {"rope_type": "default", "rope_theta": 1e4}}
    else:
        rope = told["text_config"].get("rope_parameters") or {}
        told["text_config"] |= TEXT | {name: value for name, value in text.items() if name != "mrope_section"}
        if "mrope_section" in text:
            told["text_config"]["rope_parameters"] = rope | {"mrope_section": text["mrope_section"]}
        told["vision_config"] |= tower
    torch.manual_seed(0)
    auto = AutoModelForCausalLM if family == "qwen3" else AutoModelForImageTextToText
    model = auto.from_config(type(config).from_dict(told), attn_implementation="sdpa")
    words = getattr(processor, "tokenizer", processor)
    model.generation_config.eos_token_id = model.generation_config.pad_token_id = words.eos_token_id
    folder = tempfile.mkdtemp()  # where TRL finds the reference model
    model.save_pretrained(folder)
    model = auto.from_pretrained(folder, attn_implementation="sdpa")
    processor = copy.deepcopy(processor)
    for name, value in pixels.items():
        kept = getattr(processor.image_processor, name, None)
        setattr(processor.image_processor, name, type(kept)(**value) if hasattr(kept, "longest_edge") else value)
    if settings:
        processor = type(processor)(processor.image_processor, words, chat_template=processor.chat_template, **settings)
    return model, processor


def questions(n: int, sees: bool) -> Dataset:
    """One question about noise; without an image a text of about as many tokens."""
    asked = "How many cubes are in the image? Select from the following choices. (A) 0 (B) 1 (C) 2 (D) 3"
    noise = np.random.default_rng(0)
    rows = []
    for _ in range(n):
        row: dict[str, Any] = {"prompt": [{"role": "user", "content": asked if sees else asked * 22}]}
        if sees:
            row["image"] = Image.fromarray(noise.integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8))
        rows.append(row)
    return Dataset.from_list(rows)


def steps(kind: type[GRPOTrainer], family: str, prompts: int, new: int, n: int) -> tuple[float, float, int]:
    """The median of n steps after one that doesn't count, the first loss, and tokens of a prompt."""
    model, processor = built(family)
    clock = StepSeconds()
    trainer = kind(
        model=model,
        args=GRPOConfig(
            output_dir=tempfile.mkdtemp(),
            per_device_train_batch_size=prompts * G,
            num_generations=G,
            max_completion_length=new,
            max_steps=n + 1,
            loss_type="grpo",
            beta=0.04,
            learning_rate=1e-5,
            gradient_checkpointing=False,
            bf16=False,
            use_cpu=True,
            report_to="none",
            disable_tqdm=True,
            logging_steps=1,
            save_strategy="no",
            seed=1,
        ),
        reward_funcs=[lambda completion_ids, **_: [(sum(ids) % 101) / 100 for ids in completion_ids]],
        train_dataset=questions(prompts * (n + 1), family != "qwen3"),
        processing_class=processor,
        callbacks=[clock],
    )
    never = set(trainer.generation_config.suppress_tokens or []) | set(trainer.eos_token_ids)
    trainer.generation_config.suppress_tokens = sorted(never)
    trainer.train()
    log = [entry for entry in trainer.state.log_history if "loss" in entry]
    assert all(entry["completions/mean_length"] == new for entry in log)
    tokens = round(log[0]["num_tokens"] / (prompts * G)) - new
    return median(clock.seconds[1:]), log[0]["loss"], tokens


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--families", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--prompts", type=int, default=2, help="per step (default: %(default)s)")
    parser.add_argument("--new", type=int, default=200, help="tokens of every completion (default: %(default)s)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("| family | tokens of a prompt | weights, million | stock TRL, s | ours, s | times as fast |")
    print("|---|---:|---:|---:|---:|---:|")
    for family in options.families:
        stock, loss, tokens = steps(GRPOTrainer, family, options.prompts, options.new, 1)
        ours, own_loss, _ = steps(GroupSharingTrainer, family, options.prompts, options.new, 3)
        assert abs(loss - own_loss) < 1e-4, f"{family}: losses {loss} and {own_loss}"
        weights = sum(p.numel() for p in built(family)[0].parameters()) / 1e6
        print(f"| {family} | {tokens} | {weights:.1f} | {stock:.1f} | {ours:.2f} | {stock / ours:.1f} |", flush=True)


if __name__ == "__main__":
    main()
