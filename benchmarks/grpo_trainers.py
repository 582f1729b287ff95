"""The trainers that benchmarks/grpo.py compares: stock TRL, the loop of the paper's code, and ours; their meters."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from grpo_geometry import PIXELS, QUESTION, STYLE, Geometry, questions, reward
from grpo_memory import Memory
from torch.nn import functional as F
from transformers import Qwen2VLForConditionalGeneration, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

from groupshare import GroupSharingTrainer
from visualzero.models.freezing import freeze
from visualzero.models.loading import load_model
from visualzero.models.processor import load_processor

BETA = 0.04


@dataclass(frozen=True)
class Run:
    """What a trainer is to do: `steps` steps on `device` (cpu or cuda), timed with `clock` (seconds)."""

    geometry: Geometry
    folder: Path
    steps: int
    device: str
    clock: Callable[[], float]
    frozen: bool = False  # the vision tower

    def model(self) -> Any:
        """The model to train, in float32 on the CPU."""
        model = load_model(self.folder, "float32")
        freeze(model, ["vision"] if self.frozen else [])
        return model

    @property
    def large(self) -> bool:
        """Whether to train as on a cluster: bfloat16, gradient checkpointing."""
        return self.geometry.model == "2b"


@dataclass(frozen=True)
class Measured:
    """A trainer's steps (seconds of `step` and `update`, `counters`), peak memory (MiB), last loss, mean completion."""

    steps: list[dict[str, Any]]
    peak: float
    loss: float
    completion: float


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
    """Seconds of each step, and of its update: what is left without the rollout and its scoring."""

    def __init__(self, clock: Callable[[], float]):
        self.clock = clock
        self.steps: list[dict[str, Any]] = []

    def watch(self, trainer: GRPOTrainer, meter: Meter) -> None:
        """Time the making of each batch."""
        self.meter = meter
        make = trainer._generate_and_score_completions

        def timed(batch: Any) -> Any:
            begun = self.clock()
            made = make(batch)
            self.making += self.clock() - begun
            return made

        trainer._generate_and_score_completions = timed

    def on_step_begin(self, *args: Any, **kwargs: Any) -> None:
        """Start."""
        self.meter.take()
        self.making = 0.0
        self.begun = self.clock()

    def on_step_end(self, *args: Any, **kwargs: Any) -> None:
        """Stop."""
        step = self.clock() - self.begun
        self.steps.append({"step": step, "update": step - self.making, "counters": self.meter.take()})


def train(kind: Callable[..., GRPOTrainer], run: Run) -> Measured:
    """The steps of a run and a first one that isn't counted, with a trainer of TRL's interface."""
    geometry, processor = run.geometry, load_processor(run.folder, STYLE, *PIXELS)
    callback = StepClock(run.clock)
    micro_batches = geometry.prompts if run.large else 1  # of one group each, as in config/scale/paper.yaml
    trainer = kind(
        model=run.model(),
        args=GRPOConfig(
            output_dir=tempfile.mkdtemp(),
            per_device_train_batch_size=geometry.prompts * geometry.group // micro_batches,
            gradient_accumulation_steps=micro_batches,
            num_generations=geometry.group,
            max_completion_length=geometry.new_tokens,
            max_steps=run.steps + 1,
            loss_type="grpo",
            beta=BETA,
            use_bias_correction_kl=False,
            learning_rate=1e-5,
            gradient_checkpointing=run.large,
            bf16=run.large,
            use_cpu=run.device == "cpu",
            report_to="none",
            disable_tqdm=True,
            logging_steps=1,
            save_strategy="no",
        ),
        reward_funcs=[reward],
        train_dataset=questions(geometry, geometry.prompts * (run.steps + 1)),
        processing_class=processor,
        callbacks=[callback],
    )
    if geometry.model != "demo":  # random weights: let no completion end early
        trainer.generation_config.suppress_tokens = [*trainer.generation_config.suppress_tokens, *trainer.eos_token_ids]
    callback.watch(trainer, Meter(processor, trainer.model, trainer.ref_model))
    memory = Memory(run.device)
    trainer.train()
    log = [entry for entry in trainer.state.log_history if "loss" in entry][1:]
    for step in callback.steps:
        step["counters"]["images_preprocessed"] = callback.meter.images // (run.steps + 1)
    lengths = [entry["completions/mean_length"] for entry in log]
    return Measured(callback.steps[1:], memory.peak(), log[-1]["loss"], sum(lengths) / len(lengths))


def official(run: Run, checkpointing: bool) -> Measured:
    """The loop of github.com/turningpoint-ai/VisualThinker-R1-Zero, src/open-r1-multimodal, on transformers 5.

    Its script run_grpo_SAT.sh trains with gradient `checkpointing`.
    """
    geometry, clock, group = run.geometry, run.clock, run.geometry.group
    model, reference = (run.model().to(run.device) for _ in range(2))
    if checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    precision = torch.autocast(run.device, torch.bfloat16, enabled=run.large)
    processor = load_processor(run.folder, STYLE, *PIXELS)
    meter = Meter(processor, model, reference)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5)
    ends = torch.tensor(model.generation_config.eos_token_id, device=run.device)
    never = [processor.image_token_id, processor.video_token_id]  # the original samples them, and then stops
    if geometry.model != "demo":
        never += ends.tolist()
    asked = list(questions(geometry, geometry.prompts))
    with precision:
        model.eval().generate(**_inputs(processor, asked[0]["image"], run.device), max_new_tokens=8)  # to warm up
    memory = Memory(run.device)
    steps, lengths = [], []
    for _ in range(run.steps):
        meter.take()
        begun, update = clock(), 0.0
        for row in asked:
            prompt = _inputs(processor, row["image"], run.device)
            width = prompt["input_ids"].shape[1]
            model.eval()
            with precision:
                sampling = {"do_sample": True, "max_new_tokens": geometry.new_tokens, "suppress_tokens": never}
                rollouts = [model.generate(**prompt, **sampling)[0, width:] for _ in range(group)]
            model.train()
            pad = processor.tokenizer.pad_token_id
            completions = torch.nn.utils.rnn.pad_sequence(rollouts, batch_first=True, padding_value=pad)
            ended = torch.isin(completions, ends)
            mask = (ended.cumsum(1) - ended.int() == 0).int()
            types = prompt["mm_token_type_ids"].expand(group, -1)
            inputs = {
                "input_ids": torch.cat([prompt["input_ids"].expand(group, -1), completions], dim=1),
                "pixel_values": prompt["pixel_values"].repeat(group, 1),
                "image_grid_thw": prompt["image_grid_thw"].repeat(group, 1),
                "mm_token_type_ids": F.pad(types, (0, completions.shape[1])),
            }
            with torch.no_grad(), precision:
                reference_logps = token_log_probs(reference, inputs)[:, width - 1 :]
            kept = [c[m.bool()].tolist() for c, m in zip(completions, mask, strict=True)]
            lengths += map(len, kept)
            rewards = torch.tensor(reward(kept), device=run.device)
            advantages = ((rewards - rewards.mean()) / (rewards.std() + 1e-4))[:, None]
            ready = clock()
            with precision:
                logps = token_log_probs(model, inputs)[:, width - 1 :]
            kl = (reference_logps - logps).exp() - (reference_logps - logps) - 1
            token_loss = -((logps - logps.detach()).exp() * advantages - BETA * kl)
            loss = ((token_loss * mask).sum(1) / mask.sum(1)).mean() / geometry.prompts
            loss.backward()
            last = loss.item()
            update += clock() - ready
        ready = clock()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        now = clock()
        counters = meter.take() | {"images_preprocessed": geometry.prompts}
        steps.append({"step": now - begun, "update": update + now - ready, "counters": counters})
    return Measured(steps, memory.peak(), last, sum(lengths) / len(lengths))


def _inputs(processor: Any, image: Any, device: str) -> dict[str, torch.Tensor]:
    content = [{"type": "image", "image": image}, {"type": "text", "text": QUESTION}]
    inputs = processor.apply_chat_template(
        [[{"role": "user", "content": content}]],
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
    )
    return {name: value.to(device) for name, value in inputs.items()}


def token_log_probs(model: Qwen2VLForConditionalGeneration, inputs: dict[str, Any]) -> torch.Tensor:
    """Of every token but the first, with the logits of all of them at once."""
    logits = model(**inputs).logits[:, :-1]
    rows = [
        torch.gather(row.log_softmax(dim=-1), dim=1, index=ids[:, None]).squeeze(1)
        for row, ids in zip(logits, inputs["input_ids"][:, 1:], strict=True)
    ]
    return torch.stack(rows)


def ours(run: Run) -> Measured:
    """Ours; on a CPU in passes whose activations its caches hold longer."""
    return train(partial(GroupSharingTrainer, tokens_per_pass=16_384 if run.device == "cuda" else 4608), run)


TRAINERS: dict[str, Callable[[Run], Measured]] = {
    "stock": partial(train, GRPOTrainer),
    "official": partial(official, checkpointing=True),
    "official-uncheckpointed": partial(official, checkpointing=False),
    "ours": ours,
}
