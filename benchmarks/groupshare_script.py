"""How much faster the script of groupshare's README is than with TRL's own trainer; seconds of one CPU thread.

    python benchmarks/groupshare_script.py    # groupshare and what it depends on are enough: nothing of the study

The script as it stands but for its sizes: 8 completions of 200 tokens for each of 2 prompts, beta 0.04, and a reward
that differs between completions. Its model's name stands for one of Gemma 3's classes with 5 million random weights,
whose images take 529 tokens. After a step that doesn't count, one of stock TRL is timed, and three of groupshare.
"""

import os
import re
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

os.environ |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}

import torch
import trl
from clocks import StepSeconds
from transformers import AutoModelForImageTextToText, Gemma3Processor
from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil

import groupshare

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "src/groupshare/README.md"
G, NEW, PROMPTS, SIDE = 8, 200, 2, 644
TEXT = {"hidden_size": 384, "intermediate_size": 1024, "num_hidden_layers": 2, "num_attention_heads": 6}
TEXT |= {
    "initializer_range": 0.02,
    "num_key_value_heads": 2,
    "head_dim": 64,
    "query_pre_attn_scalar": 64,
    "sliding_window": 512,
}
TOWER = {"hidden_size": 256, "intermediate_size": 1024, "num_attention_heads": 4, "num_hidden_layers": 1}
TOWER |= {"image_size": SIDE, "patch_size": 14, "initializer_range": 0.02}
TOKENS = (SIDE // 28) ** 2
CHANGES = {  # of the script
    r"num_generations=4, per_device_train_batch_size=12": "num_generations=G, per_device_train_batch_size=PROMPTS * G",
    r"max_completion_length=16, max_steps=2": "max_completion_length=NEW, max_steps=STEPS, beta=0.04, **QUIET",
    r"reward_funcs=names_it": "reward_funcs=reward, callbacks=[clock]",
    r"trainer = GroupSharingTrainer\(": "trainer = KIND(",
    r"\ntrainer\.train\(\)\n": "\n",
}
QUIET = {"report_to": "none", "disable_tqdm": True, "logging_steps": 1, "save_strategy": "no", "use_cpu": True}
QUIET |= {"gradient_checkpointing": False, "seed": 1}


def save_model(folder: Path) -> int:
    """Write the model and its processor; how many weights it has."""
    sys.path.insert(0, str(ROOT / "scripts/trl_tests"))
    from image_models import gemma3

    config, small = gemma3(large=False)
    told = config.to_dict()
    told |= {"mm_tokens_per_image": TOKENS}
    told["text_config"] |= TEXT
    told["vision_config"] |= TOWER
    torch.manual_seed(0)
    model = AutoModelForImageTextToText.from_config(type(config).from_dict(told))
    words = small.tokenizer
    model.generation_config.eos_token_id, model.generation_config.pad_token_id = words.eos_token_id, words.pad_token_id
    images = Gemma3ImageProcessorPil(size={"height": SIDE, "width": SIDE})
    model.save_pretrained(folder)
    Gemma3Processor(images, words, words.chat_template, image_seq_length=TOKENS).save_pretrained(folder)
    return model.num_parameters()


def reward(completion_ids: list[list[int]], **_: Any) -> list[float]:
    """Something that differs between completions."""
    return [(sum(ids) % 101) / 100 for ids in completion_ids]


def steps(script: str, kind: type[trl.GRPOTrainer], n: int) -> tuple[float, float, int]:
    """The median of n steps after one that doesn't count, the last loss, and tokens of a prompt."""
    clock = StepSeconds()
    given = {"KIND": kind, "STEPS": n + 1, "clock": clock, "reward": reward}
    given |= {"G": G, "NEW": NEW, "PROMPTS": PROMPTS, "QUIET": QUIET}
    exec(compile(script, str(README), "exec"), given)
    trainer = given["trainer"]
    never = set(trainer.generation_config.suppress_tokens or []) | set(trainer.eos_token_ids)
    trainer.generation_config.suppress_tokens = sorted(never)  # all completions are of full length
    trainer.train()
    log = [entry for entry in trainer.state.log_history if "loss" in entry]
    assert all(entry["completions/mean_length"] == NEW for entry in log)
    return median(clock.seconds[1:]), log[0]["loss"], round(log[0]["num_tokens"] / (PROMPTS * G)) - NEW


def main() -> None:
    """Measure and print a table."""
    torch.set_num_threads(1)
    [script, *_] = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)
    [name] = re.findall(r'MODEL = "(.*?)"', script)
    for old, new in CHANGES.items():
        script, found = re.subn(old, new, script)
        assert found == 1, f"{README}: {found} times {old}"
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        weights = save_model(Path(name))
        stock, loss, tokens = steps(script, trl.GRPOTrainer, 1)
        ours, own_loss, _ = steps(script, groupshare.GroupSharingTrainer, 3)
        os.chdir(ROOT)
    assert abs(loss - own_loss) < 1e-4, f"losses {loss} and {own_loss}"
    print(*(f"{package} {version(package)}" for package in ("torch", "transformers", "trl")), sep=", ")
    print("| tokens of a prompt | weights, million | stock TRL, s | groupshare, s | times as fast |")
    print("|---:|---:|---:|---:|---:|")
    print(f"| {tokens} | {weights / 1e6:.1f} | {stock:.1f} | {ours:.2f} | {stock / ours:.1f} |")


if __name__ == "__main__":
    main()
