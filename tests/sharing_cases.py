"""What the tests of group sharing have in common: stock TRL and ours on the same weights, questions and completions."""

import inspect
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from datasets import Dataset
from PIL import Image
from torch.overrides import TorchFunctionMode
from transformers import Qwen2VLForConditionalGeneration
from trl import GRPOConfig, GRPOTrainer, RLOOConfig, RLOOTrainer
from trl.trainer import utils

from visualzero.models.loading import load_model
from visualzero.models.processor import load_processor

G = 4
TEXTS = [
    "How many cubes are in the image? Select from the following choices. (A) 0 (B) 1 (C) 2 (D) 3",
    "Which object is closer to the camera taking this photo, the red ball or the blue cone?",
    "A cube.",
]
SIZES = [(84, 112), (56, 56), (112, 84)]  # height, width: 12, 4 and 12 image tokens
SETTINGS: dict[str, Any] = {
    "per_device_train_batch_size": 3 * G,
    "num_generations": G,
    "max_completion_length": 12,
    "max_steps": 1,
    "seed": 1,
    "beta": 0.0,
    "loss_type": "grpo",
    "learning_rate": 1e-3,
    "gradient_checkpointing": False,
    "bf16": False,
    "use_cpu": True,
    "report_to": "none",
    "disable_tqdm": True,
    "logging_steps": 1,
    "save_strategy": "no",
    "remove_unused_columns": False,
}


def questions(n: int = 3) -> Dataset:
    """Prompts and images of different sizes."""
    pixels = np.random.default_rng(0)
    return Dataset.from_list(
        [
            {
                "prompt": [{"role": "user", "content": TEXTS[i % 3]}],
                "image": Image.fromarray(pixels.integers(0, 255, (*SIZES[i % 3], 3), dtype=np.uint8)),
            }
            for i in range(n)
        ]
    )


def reward(completion_ids: list[list[int]], **kwargs: Any) -> list[float]:
    """Differs within a group."""
    return [(sum(ids) % 101) ** 0.5 for ids in completion_ids]


def trainer(
    kind: type[GRPOTrainer | RLOOTrainer],
    folder: Path,
    change: Callable[[Qwen2VLForConditionalGeneration], None] = lambda model: None,
    rows: Dataset | None = None,
    arguments: dict[str, Any] | None = None,
    reward_func: Callable[..., list[float]] = reward,
    **settings: Any,
) -> GRPOTrainer:
    """A trainer of `kind` on the model of `folder`, changed by `change`."""
    model = load_model(folder, "float32")
    change(model)
    config = RLOOConfig if issubclass(kind, RLOOTrainer) else GRPOConfig
    usual = {name: value for name, value in SETTINGS.items() if name in config.__dataclass_fields__}
    made = kind(
        model=model,
        args=config(output_dir=tempfile.mkdtemp(), **usual | settings),
        reward_funcs=[reward_func],
        train_dataset=questions() if rows is None else rows,
        processing_class=load_processor(folder, "r1_zero", 3136, 12544),
        **(arguments or {}),
    )
    made.current_gradient_accumulation_steps = 1
    return made


def completions(lengths: list[int], end: int) -> list[list[int]]:
    """Random tokens; a completion of an even length ends with `end`, one of an odd length was cut off."""
    draw = np.random.default_rng(2)
    made = [draw.integers(50, 150, length).tolist() for length in lengths]
    return [ids if len(ids) % 2 else [*ids[:-1], end] for ids in made]


@dataclass
class Update:
    """What a pass over a batch gives."""

    log_probs: torch.Tensor
    entropy: torch.Tensor
    loss: float
    gradients: dict[str, torch.Tensor]
    tokens: int  # that the decoder computed for the loss

    def distance(self, other: "Update") -> dict[str, float]:
        """The largest differences, relative to the largest value; gradients' by parameter, in norm."""
        largest = max(float(g.norm()) for g in other.gradients.values())
        assert self.gradients.keys() == other.gradients.keys()
        return {
            "log_probs": relative(self.log_probs, other.log_probs),
            "entropy": relative(self.entropy, other.entropy),
            "loss": abs(self.loss - other.loss) / max(abs(other.loss), 0.1),  # terms around 1 that cancel
            "gradients": max(
                float((self.gradients[name] - g).norm()) / max(float(g.norm()), 1e-2 * largest, 1e-12)
                for name, g in other.gradients.items()
            ),
        }


def relative(a: torch.Tensor, b: torch.Tensor) -> float:
    """The largest difference, relative to the largest value."""
    return float((a - b).abs().max()) / max(float(b.abs().max()), 1e-12)


def update(made: GRPOTrainer, ids: list[list[int]], between: Callable[[], None] = lambda: None) -> Update:
    """Loss and gradients on the completions `ids`; `between` runs after they were scored and before the loss."""
    made.model.train()
    made._generate_single_turn = lambda *args, **kwargs: ids if isinstance(made, RLOOTrainer) else (ids, None)
    loader = made.get_train_dataloader()
    batch = made._generate_and_score_completions(next(iter(loader)))
    between()
    inside = batch["completion_mask"].bool()
    ids_and_masks = [torch.cat([batch[f"prompt_{x}"], batch[f"completion_{x}"]], dim=1) for x in ("ids", "mask")]
    taken = inspect.signature(GRPOTrainer._get_per_token_logps_and_entropies).parameters
    images = {name: value for name, value in batch.items() if name in taken}
    with torch.no_grad():
        log_probs, entropy, _ = made._get_per_token_logps_and_entropies(
            made.model, *ids_and_masks, inside.shape[1], compute_entropy=True, **images
        )
    with measured(made) as meter:
        loss = made.compute_loss(made.model, batch)
    made.accelerator.backward(loss)
    gradients = {name: p.grad for name, p in made.model.named_parameters() if p.grad is not None}
    return Update(log_probs * inside, entropy * inside, float(loss.detach()), gradients, meter.tokens)


@dataclass
class Meter:
    """What went through a model and its processor."""

    vision_rows: int = 0
    tokens: int = 0
    images: int = 0


@contextmanager
def measured(made: GRPOTrainer) -> Iterator[Meter]:
    """Count patches into the vision tower, tokens into the decoder and images into the image processor."""
    meter = Meter()
    model = made.accelerator.unwrap_model(made.model)
    model = model.get_base_model() if hasattr(model, "get_base_model") else model
    processor = getattr(made.processing_class, "image_processor", SimpleNamespace(preprocess=None))  # or a tokenizer
    preprocess = processor.preprocess

    def count_images(images: Any, *args: Any, **kwargs: Any) -> Any:
        output = preprocess(images, *args, **kwargs)
        meter.images += len(output.get("image_grid_thw", output["pixel_values"]))
        return output

    def count_patches(module: Any, args: Any, kwargs: Any) -> None:
        meter.vision_rows += len(args[0] if args else kwargs["hidden_states"])

    def count_tokens(module: Any, args: Any, kwargs: Any) -> None:
        tokens = kwargs["input_ids"] if kwargs.get("inputs_embeds") is None else kwargs["inputs_embeds"]
        meter.tokens += tokens.shape[0] * tokens.shape[1]

    tower = getattr(model.base_model, "visual", None)
    hooks = [
        *([tower.register_forward_pre_hook(count_patches, with_kwargs=True)] if tower else []),
        model.get_decoder().register_forward_pre_hook(count_tokens, with_kwargs=True),
    ]
    processor.preprocess = count_images
    yield meter
    processor.preprocess = preprocess
    for hook in hooks:
        hook.remove()


class _Doubles(TorchFunctionMode):
    """Whatever is cast to float32 becomes double precision instead."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function is torch.Tensor.float:
            return args[0].double()
        wide = {torch.float32: torch.float64}
        if function in (torch.Tensor.to, torch.nn.functional.softmax):
            args = tuple(wide.get(one, one) if isinstance(one, torch.dtype) else one for one in args)
            kwargs = {name: wide.get(one, one) if name == "dtype" else one for name, one in (kwargs or {}).items()}
        return function(*args, **(kwargs or {}))


class _Head:
    """TRL's fused head, which computes in float32, in the precision of what it gets."""

    @staticmethod
    def apply(hidden: torch.Tensor, weight: torch.Tensor, bias: None, targets: torch.Tensor, *rest: Any) -> Any:
        logs = (hidden @ weight.T).log_softmax(-1)
        entropy = -(logs.exp() * logs).sum(-1)
        return logs.gather(1, targets[:, None])[:, 0], entropy, None, None, logs.argmax(-1) == targets


@contextmanager
def in_double_precision() -> Iterator[None]:
    """Let models in double precision compute in it throughout."""
    with patch.object(utils, "_ChunkedLogProbFunction", _Head), _Doubles():
        yield
