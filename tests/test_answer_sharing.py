"""SFT in a stream against stock TRL: loss, every gradient and what is logged, for every family; and what is refused."""

import tempfile
from typing import Any

import numpy as np
import pytest
import torch
from datasets import Dataset
from PIL import Image
from trl import SFTConfig, SFTTrainer
from trl.trainer.sft_trainer import DataCollatorForVisionLanguageModeling

from groupshare import AnswerSharing, SharingError
from groupshare.trainers import SFTSharingTrainer
from sharing_cases import TEXTS, in_double_precision
from tiny_families import FAMILIES, tiny

pytestmark = pytest.mark.usefixtures("one_thread")
ANSWERS = ["two", "the red ball", "A cube.", "blue"]
SIZES = [(84, 112), (56, 84)]  # height, width


def rows(images: int = 1) -> list[dict[str, Any]]:
    """Five questions, of which the first, third and last are about the same images."""
    noise = np.random.default_rng(0)
    pictures = [
        [Image.fromarray(noise.integers(0, 255, (*size, 3), dtype=np.uint8)) for _ in range(images)] for size in SIZES
    ]
    return [
        {
            "prompt": [{"role": "user", "content": TEXTS[i % 3]}],
            "completion": [{"role": "assistant", "content": ANSWERS[i % 4]}],
            "images": pictures[i % 2],
        }
        for i in range(5)
    ]


def trainer(kind: type[SFTTrainer], family: str, dtype: torch.dtype, images: int = 1, **settings: Any) -> SFTTrainer:
    model, processor = tiny(family)
    sees = family != "qwen3"
    model.to(dtype)
    return kind(
        model=model,
        args=SFTConfig(
            output_dir=tempfile.mkdtemp(),
            per_device_train_batch_size=5,
            max_length=None,
            completion_only_loss=True,
            dataset_kwargs={"skip_prepare_dataset": True},
            remove_unused_columns=False,
            bf16=False,
            gradient_checkpointing=settings.pop("gradient_checkpointing", False),
            use_cpu=True,
            report_to="none",
            save_strategy="no",
            **settings,
        ),
        data_collator=DataCollatorForVisionLanguageModeling(processor, completion_only_loss=True) if sees else None,
        train_dataset=Dataset.from_list(rows(images)).with_transform(_as_it_is),
        processing_class=processor,
    )


def _as_it_is(batch: dict[str, Any]) -> dict[str, Any]:
    return batch


def learnt(made: SFTTrainer, examples: list[dict[str, Any]]) -> tuple[float, dict[str, torch.Tensor], dict[str, Any]]:
    """Loss, gradients and metrics of one batch."""
    made.model.train()
    batch = made._prepare_inputs(made.data_collator([dict(example) for example in examples]))
    loss = made.compute_loss(made.model, batch)
    made.model.zero_grad()
    loss.backward()
    grads = {name: weights.grad.clone() for name, weights in made.model.named_parameters() if weights.grad is not None}
    return loss.item(), grads, {name: values[-1] for name, values in made._metrics["train"].items()}


SEEING = [family for family in FAMILIES if family != "qwen3"]


@pytest.mark.parametrize("images", [1, 2])
@pytest.mark.parametrize("family", SEEING)
def test_a_batch_is_learnt_as_stock_trl_learns_it(family: str, images: int) -> None:
    examples = rows(images)
    with in_double_precision():
        (loss, grads, said), (true, expected, logged) = (
            learnt(trainer(kind, family, torch.float64, images), examples) for kind in (SFTSharingTrainer, SFTTrainer)
        )
    assert loss == pytest.approx(true, rel=1e-9)
    assert grads.keys() == expected.keys()
    largest = max(float(grad.abs().max()) for grad in expected.values())
    for name, grad in expected.items():
        torch.testing.assert_close(
            grads[name], grad, rtol=0, atol=1e-9 * largest, msg=lambda text, at=name: f"{at}: {text}"
        )
    assert said == pytest.approx(logged, rel=1e-6)


@pytest.mark.parametrize("settings", [{}, {"gradient_checkpointing": True}, {"loss_type": "dft"}], ids=str)
def test_in_single_precision_too(settings: dict[str, Any]) -> None:
    (loss, grads, _), (true, expected, _) = (
        learnt(trainer(kind, "qwen2_vl", torch.float32, **settings), rows()) for kind in (SFTSharingTrainer, SFTTrainer)
    )
    assert loss == pytest.approx(true, rel=1e-5)
    largest = max(float(grad.abs().max()) for grad in expected.values())
    assert max(float((grads[name] - grad).abs().max()) for name, grad in expected.items()) < 1e-5 * largest


def test_an_image_is_seen_and_its_part_of_prompts_computed_once_for_all_its_questions() -> None:
    made = trainer(SFTSharingTrainer, "qwen2_vl", torch.float32)
    samples = made.data_collator([dict(example) for example in rows()])["samples"]
    made._verified = True
    seen, tokens = [], []
    tower, layer = made.model.model.visual, made.model.model.language_model.layers[0]
    tower.register_forward_pre_hook(lambda module, args: seen.append(len(args[0])))
    layer.register_forward_pre_hook(lambda module, args: tokens.append(args[0].shape[1]))
    learnt(made, rows())
    patches = {sample.images: int(sample.row["image_grid_thw"].prod()) for sample in samples}
    assert seen == [sum(patches.values())]
    assert len(patches) == 2
    alone = sum(len(sample.ids) - 1 for sample in samples)
    image = [int(sum(sample.row["mm_token_type_ids"][0])) for sample in samples]
    assert alone - tokens[0] > 2 * image[0] + image[1]  # these, and the words before the first that differs


def test_images_that_are_taken_for_one_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    made = trainer(SFTSharingTrainer, "smolvlm", torch.float32)
    batch = made.data_collator([dict(example) for example in rows()[:2]])
    for sample in batch["samples"]:
        object.__setattr__(sample, "images", "all the same")
    with pytest.raises(
        SharingError, match=r"log-probabilities differ from the model's own by [0-9.e-]+ on average: this model can't"
    ):
        made.compute_loss(made.model, batch)


def test_prompts_that_are_learnt_are_told() -> None:
    made = trainer(SFTSharingTrainer, "qwen2_vl", torch.float32)
    made.data_collator.collate.completion_only_loss = False
    with pytest.raises(SharingError, match="what is learnt includes the prompt"):
        made.data_collator([dict(example) for example in rows()])


def test_what_asks_for_logits_of_prompts_is_told() -> None:
    with pytest.raises(SharingError, match="label smoothing and a loss of one's own ask for logits of prompts"):
        trainer(SFTSharingTrainer, "qwen2_vl", torch.float32, label_smoothing_factor=0.1)


def test_it_trains_to_the_weights_of_stock_trl() -> None:
    made = [
        trainer(kind, "qwen2_vl", torch.float32, max_steps=3, learning_rate=1e-3, adam_epsilon=1e-3, seed=1)
        for kind in (SFTSharingTrainer, SFTTrainer)
    ]
    assert isinstance(made[0], AnswerSharing)
    for one in made:
        one.train()
    ours, stock = (dict(one.model.named_parameters()) for one in made)
    assert max(float((ours[name] - weights).abs().max()) for name, weights in stock.items()) < 1e-5
    logs = [[entry for entry in one.state.log_history if "loss" in entry] for one in made]
    assert [entry["num_tokens"] for entry in logs[0]] == [entry["num_tokens"] for entry in logs[1]]
