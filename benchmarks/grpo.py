"""How much faster is GRPO that shares a group's prompt and image? Three trainers on the same weights and questions.

    python benchmarks/grpo.py [--quick] [--json] [--geometry paper|demo] [--prompts 8] [--threads 2]

- stock: TRL's GRPOTrainer.
- official: the loop of the paper's code (VisualThinker-R1-Zero): G calls of `generate` with one row each, logits over
  prompt and completion, a reference model in every step.
- ours: GroupSharingTrainer.

Each runs in a process of its own, one after the other. The models are random, of the demo's kind, so rollouts are as
long as they can be but for a rare early end; stock and ours draw the same tokens. `step` is a whole optimizer step
with rollout, reward, reference pass and update; `update` is its loss, backward pass and optimizer. The first step of a
process is not counted, but the official loop's is. Seconds are of the CPU, all threads together, which other programs
on the machine disturb least; `--clock wall` counts the wall's. Memory is the process's peak above what it held before
the first step.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from PIL import Image
from torch.nn import functional as F
from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

from visualzero.models.loading import load_model
from visualzero.models.processor import load_processor
from visualzero.models.tiny.architecture import build_model, train_tokenizer
from visualzero.prompts import question_text, template
from visualzero.training.sharing import GroupSharingTrainer

QUESTION = question_text("How many cubes are in the image?", ["0", "1", "2", "3"], "lettered")
PROMPT = f"{template('r1_zero')} {QUESTION}"  # what the tokenizer learns, so that the text takes about 60 tokens
BETA = 0.04


@dataclass(frozen=True)
class Geometry:
    """Sizes of a step. `small` is a model of 6 million weights, in which as in Qwen2-VL-2B the vision tower takes about
    twice the arithmetic of the prompt; otherwise it is the demo's model.
    """

    height: int
    width: int
    prompts: int
    group: int
    new_tokens: int
    small: bool


GEOMETRIES = {
    "paper": Geometry(height=448, width=896, prompts=1, group=8, new_tokens=200, small=True),  # 512 image tokens
    "demo": Geometry(height=112, width=112, prompts=8, group=8, new_tokens=96, small=False),  # 16 image tokens
}


def save_model(geometry: Geometry, folder: Path) -> None:
    """A model with random weights."""
    tokenizer = train_tokenizer([PROMPT])
    torch.manual_seed(0)
    model = build_model(tokenizer)
    if geometry.small:
        config = Qwen2VLConfig.from_dict(model.config.to_dict())
        text = {"hidden_size": 256, "intermediate_size": 704, "num_hidden_layers": 6, "num_attention_heads": 8}
        vision = {"depth": 2, "embed_dim": 192, "hidden_size": 256, "num_heads": 6}
        for part, changes in ((config.text_config, text), (config.vision_config, vision)):
            for name, value in changes.items():
                setattr(part, name, value)
        config.text_config.layer_types = ["full_attention"] * config.text_config.num_hidden_layers
        generation = model.generation_config
        model = Qwen2VLForConditionalGeneration(config)
        model.generation_config = generation
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def questions(geometry: Geometry, n: int) -> Dataset:
    """Prompts with images of noise."""
    noise = np.random.default_rng(0)
    shape = (geometry.height, geometry.width, 3)
    return Dataset.from_list(
        [
            {
                "prompt": [{"role": "user", "content": QUESTION}],
                "image": Image.fromarray(noise.integers(0, 255, shape, dtype=np.uint8)),
            }
            for _ in range(n)
        ]
    )


def reward(completion_ids: list[list[int]], **kwargs: Any) -> list[float]:
    """Something that differs between completions."""
    return [(sum(ids) % 101) / 100 for ids in completion_ids]


class Meter:
    """Patches into the vision tower, tokens into the decoder, images into the image processor."""

    def __init__(self, processor: Any, *models: Qwen2VLForConditionalGeneration):
        self.counts = {"vision_rows": 0, "decoder_tokens": 0}
        self.images = 0  # in the whole run: a loader may work ahead of its step
        for model in models:
            model.model.visual.register_forward_pre_hook(self._patches, with_kwargs=True)
            model.model.language_model.register_forward_pre_hook(self._tokens, with_kwargs=True)
        preprocess = processor.image_processor.preprocess

        def counted(images: Any, *args: Any, **kwargs: Any) -> Any:
            output = preprocess(images, *args, **kwargs)
            self.images += len(output["image_grid_thw"])
            return output

        processor.image_processor.preprocess = counted

    def _patches(self, module: Any, args: Any, kwargs: Any) -> None:
        self.counts["vision_rows"] += len(args[0] if args else kwargs["hidden_states"])

    def _tokens(self, module: Any, args: Any, kwargs: Any) -> None:
        self.counts["decoder_tokens"] += kwargs["inputs_embeds"].shape[:2].numel()

    def take(self) -> dict[str, int]:
        """The counts since the last call."""
        taken = dict(self.counts)
        self.counts.update(dict.fromkeys(self.counts, 0))
        return taken


class StepClock(TrainerCallback):
    """Seconds of each step, and of its update alone."""

    def __init__(self, clock: Callable[[], float]):
        self.clock = clock
        self.steps: list[dict[str, Any]] = []

    def watch(self, trainer: GRPOTrainer, meter: Meter) -> None:
        """The update begins when TRL has its inputs."""
        self.meter = meter
        prepare = trainer._prepare_inputs

        def timed(batch: Any) -> Any:
            inputs = prepare(batch)
            self.ready = self.clock()
            return inputs

        trainer._prepare_inputs = timed

    def on_step_begin(self, *args: Any, **kwargs: Any) -> None:
        """Start."""
        self.meter.take()
        self.begun = self.clock()

    def on_step_end(self, *args: Any, **kwargs: Any) -> None:
        """Stop."""
        now = self.clock()
        self.steps.append({"step": now - self.begun, "update": now - self.ready, "counters": self.meter.take()})


def train(kind: type[GRPOTrainer], geometry: Geometry, folder: Path, steps: int, clock: Callable[[], float]) -> Any:
    """`steps` steps and a first one that isn't counted, with a trainer of TRL's interface."""
    callback = StepClock(clock)
    processor = load_processor(folder, "r1_zero", 3136, 401408)
    trainer = kind(
        model=load_model(folder, "float32"),
        args=GRPOConfig(
            output_dir=tempfile.mkdtemp(),
            per_device_train_batch_size=geometry.prompts * geometry.group,
            num_generations=geometry.group,
            max_completion_length=geometry.new_tokens,
            max_steps=steps + 1,
            loss_type="grpo",
            beta=BETA,
            use_bias_correction_kl=False,
            learning_rate=1e-5,
            gradient_checkpointing=False,
            bf16=False,
            use_cpu=True,
            report_to="none",
            disable_tqdm=True,
            logging_steps=1,
            save_strategy="no",
        ),
        reward_funcs=[reward],
        train_dataset=questions(geometry, geometry.prompts * (steps + 1)),
        processing_class=processor,
        callbacks=[callback],
    )
    callback.watch(trainer, Meter(processor, trainer.model, trainer.ref_model))
    before = memory()
    trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    for step in callback.steps:
        step["counters"]["images_preprocessed"] = callback.meter.images // (steps + 1)
    return callback.steps[1:], peak_memory() - before, losses


def official(geometry: Geometry, folder: Path, steps: int, clock: Callable[[], float]) -> Any:
    """The loop of github.com/turningpoint-ai/VisualThinker-R1-Zero, src/open-r1-multimodal, on transformers 5."""
    model, reference = load_model(folder, "float32"), load_model(folder, "float32")
    processor = load_processor(folder, "r1_zero", 3136, 401408)
    meter = Meter(processor, model, reference)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5)
    ends = torch.tensor(model.generation_config.eos_token_id)
    pad = processor.tokenizer.pad_token_id
    before = memory()
    measured, losses = [], []
    for _ in range(steps):
        meter.take()
        begun, update = clock(), 0.0
        for row in questions(geometry, geometry.prompts):
            message = {
                "role": "user",
                "content": [{"type": "image", "image": row["image"]}, {"type": "text", "text": QUESTION}],
            }
            prompt = processor.apply_chat_template(
                [[message]], add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
            )
            width = prompt["input_ids"].shape[1]
            model.eval()
            rollouts = [
                model.generate(**prompt, do_sample=True, max_new_tokens=geometry.new_tokens)[0, width:]
                for _ in range(geometry.group)
            ]
            model.train()
            completions = torch.nn.utils.rnn.pad_sequence(rollouts, batch_first=True, padding_value=pad)
            ended = torch.isin(completions, ends)
            mask = (ended.cumsum(1) - ended.int() == 0).int()
            ids = torch.cat([prompt["input_ids"].expand(geometry.group, -1), completions], dim=1)
            inputs = {
                "input_ids": ids,
                "pixel_values": prompt["pixel_values"].repeat(geometry.group, 1),
                "image_grid_thw": prompt["image_grid_thw"].repeat(geometry.group, 1),
                "mm_token_type_ids": F.pad(
                    prompt["mm_token_type_ids"].expand(geometry.group, -1), (0, completions.shape[1])
                ),
            }
            with torch.no_grad():
                reference_logps = token_log_probs(reference, inputs)[:, width - 1 :]
            rewards = torch.tensor(reward([c[m.bool()].tolist() for c, m in zip(completions, mask, strict=True)]))
            advantages = ((rewards - rewards.mean()) / (rewards.std() + 1e-4))[:, None]
            ready = clock()
            logps = token_log_probs(model, inputs)[:, width - 1 :]
            kl = (reference_logps - logps).exp() - (reference_logps - logps) - 1
            token_loss = -((logps - logps.detach()).exp() * advantages - BETA * kl)
            loss = ((token_loss * mask).sum(1) / mask.sum(1)).mean() / geometry.prompts
            loss.backward()
            losses.append(loss.item())
            update += clock() - ready
        ready = clock()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        now = clock()
        counters = meter.take() | {"images_preprocessed": geometry.prompts}
        measured.append({"step": now - begun, "update": update + now - ready, "counters": counters})
    return measured, peak_memory() - before, losses


def token_log_probs(model: Qwen2VLForConditionalGeneration, inputs: dict[str, Any]) -> torch.Tensor:
    """Of every token but the first, with the logits of all of them at once."""
    logits = model(**inputs).logits[:, :-1]
    rows = [
        torch.gather(row.log_softmax(dim=-1), dim=1, index=ids[:, None]).squeeze(1)
        for row, ids in zip(logits, inputs["input_ids"][:, 1:], strict=True)
    ]
    return torch.stack(rows)


def memory() -> float:
    """MiB that the process holds now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


def peak_memory() -> float:
    """MiB that the process held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


TRAINERS: dict[str, Callable[..., Any]] = {
    "stock": partial(train, GRPOTrainer),
    "official": official,
    "ours": partial(train, GroupSharingTrainer),
}


def floor(geometry: Geometry, folder: Path) -> float:
    """Arithmetic (FLOP) of a forward pass that computes image and prompt once: weights and attention scores."""
    model = load_model(folder, "float32")
    text, vision = model.config.text_config, model.config.vision_config
    patches = geometry.height * geometry.width // vision.patch_size**2
    prompt = patches // 4 + len(load_processor(folder, "r1_zero", 3136, 401408).tokenizer(QUESTION)["input_ids"])
    tower = sum(p.numel() for p in model.model.visual.blocks.parameters())
    layers = sum(p.numel() for p in model.model.language_model.layers.parameters())
    head = text.vocab_size * text.hidden_size
    new = geometry.new_tokens
    tower_flop = 2 * tower * patches + 4 * patches**2 * vision.embed_dim * vision.depth
    prompt_flop = 2 * layers * prompt + 2 * prompt**2 * text.hidden_size * text.num_hidden_layers
    scores = 4 * text.hidden_size * text.num_hidden_layers * new * (prompt + new / 2)
    completion_flop = 2 * (layers + head) * new + scores
    return geometry.prompts * (tower_flop + prompt_flop + geometry.group * completion_flop)


def machine_rate(clock: Callable[[], float]) -> float:
    """FLOP per second of a large matrix product."""
    a = torch.randn(1536, 1536)
    a @ a
    begun = clock()
    for _ in range(3):
        a @ a
    return 3 * 2 * 1536**3 / (clock() - begun)


def one_process(name: str, geometry: Geometry, folder: Path, steps: int, clock: Callable[[], float]) -> dict[str, Any]:
    """A trainer's best step."""
    measured, peak, losses = TRAINERS[name](geometry, folder, steps, clock)
    best = min(measured, key=lambda step: step["step"])
    update = min(step["update"] for step in measured)
    return {
        "step_s": best["step"],
        "update_s": update,
        "new_tokens_per_s": geometry.prompts * geometry.group * geometry.new_tokens / best["step"],
        "peak_mib": peak,
        "counters": best["counters"],
        "loss": losses[-1],
        "update_of_floor": 3 * floor(geometry, folder) / machine_rate(clock) / update,
    }


def chosen(name: str, options: argparse.Namespace) -> Geometry:
    """A geometry with the number of prompts that was asked for."""
    geometry = GEOMETRIES[name]
    return replace(geometry, prompts=options.prompts or geometry.prompts)


def compare(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """All trainers at one geometry, each in its own process."""
    geometry = chosen(name, options)
    with tempfile.TemporaryDirectory() as folder:
        save_model(geometry, Path(folder))
        results = {}
        for trainer in options.trainers:
            steps = 1 if trainer == "official" or options.quick else options.steps
            command = [sys.executable, __file__, "--one", trainer, "--model", folder, "--geometry", name]
            command += ["--steps", str(steps), "--clock", options.clock, "--threads", str(options.threads)]
            command += ["--prompts", str(geometry.prompts)]
            environment = os.environ | {"OMP_NUM_THREADS": str(options.threads), "TQDM_DISABLE": "1"}
            done = subprocess.run(command, env=environment, capture_output=True, text=True)
            if done.returncode:
                raise SystemExit(f"{trainer} at {name} geometry failed:\n{done.stderr}")
            results[trainer] = json.loads(done.stdout.splitlines()[-1])
    ours = results["ours"]
    ratios = {}
    if "stock" in results:
        stock = results["stock"]
        ratios |= {f"{part}_ratio": stock[f"{part}_s"] / ours[f"{part}_s"] for part in ("update", "step")}
        ratios["peak_memory_ratio"] = stock["peak_mib"] / ours["peak_mib"]
    if "official" in results:
        ratios["official_ratio"] = results["official"]["step_s"] / ours["step_s"]
    return {"geometry": asdict(geometry), "trainers": results, **ratios}


def table(name: str, result: dict[str, Any]) -> str:
    """A geometry's results for people."""
    lines = [f"{name}: " + ", ".join(f"{key} {value}" for key, value in result["geometry"].items())]
    lines.append(
        f"{'':10}{'step s':>9}{'update s':>10}{'tokens/s':>10}{'peak MiB':>10}{'patches':>9}{'tokens':>9}{'images':>8}"
    )
    for trainer, r in result["trainers"].items():
        counts = r["counters"]
        lines.append(
            f"{trainer:10}{r['step_s']:9.2f}{r['update_s']:10.2f}{r['new_tokens_per_s']:10.0f}{r['peak_mib']:10.0f}"
            f"{counts['vision_rows']:9}{counts['decoder_tokens']:9}{counts['images_preprocessed']:8}"
        )
    lines.append("  ".join(f"{key} {value:.2f}" for key, value in result.items() if key.endswith("_ratio")))
    lines.append(f"our update reaches {result['trainers']['ours']['update_of_floor']:.0%} of a matrix product's speed")
    return "\n".join(lines)


def main() -> None:
    """Run the comparison that the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--geometry", choices=GEOMETRIES, help="only this one")
    parser.add_argument("--prompts", type=int, help="prompts per step; the paper's steps have 8")
    parser.add_argument("--trainers", nargs="+", choices=TRAINERS, default=list(TRAINERS))
    parser.add_argument("--quick", action="store_true", help="one step each, in less than three minutes")
    parser.add_argument("--steps", type=int, default=3, help="steps of which the best counts")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--clock", choices=["cpu", "wall"], default="cpu")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", choices=TRAINERS, help=argparse.SUPPRESS)
    parser.add_argument("--model", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        torch.set_num_threads(options.threads)
        clock = time.process_time if options.clock == "cpu" else time.perf_counter
        geometry = chosen(options.geometry, options)
        print(json.dumps(one_process(options.one, geometry, options.model, options.steps, clock)))
        return
    names = [options.geometry] if options.geometry else list(GEOMETRIES)
    results = {name: compare(name, options) for name in names}
    print(json.dumps(results) if options.json else "\n\n".join(table(name, r) for name, r in results.items()))


if __name__ == "__main__":
    main()
