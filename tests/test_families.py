"""Sharing in every family of models: log-probabilities, gradients and completions are those of stock TRL."""

import tempfile
from collections.abc import Callable
from typing import Any

import pytest
import torch
from datasets import Dataset
from PIL import Image
from trl import GRPOConfig, GRPOTrainer

from sharing_cases import G, SETTINGS, TEXTS, completions, questions, reward, update
from tiny_families import FAMILIES, tiny
from visualzero.training.sharing import GroupSharingTrainer

pytestmark = [
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning"),
]
RAGGED = [5, 12, 2, 7, 1, 4, 9, 9, 12, 3, 6, 8]


def trainer(kind: type[GRPOTrainer], family: str, rows: Dataset, dtype: torch.dtype = torch.float32, **settings: Any) -> GRPOTrainer:
    """A trainer of `kind` on a tiny model of `family`."""
    model, processor = tiny(family, dtype)
    made = kind(
        model=model,
        args=GRPOConfig(output_dir=tempfile.mkdtemp(), **SETTINGS | settings),
        reward_funcs=[reward],
        train_dataset=rows,
        processing_class=processor,
    )
    made.current_gradient_accumulation_steps = 1
    return made


def with_two_images() -> Dataset:
    """A prompt with two images of different sizes, one with one."""
    pictures = questions()["image"]
    prompts = [[{"role": "user", "content": text}] for text in TEXTS[:3]]
    return Dataset.from_list([{"prompt": prompt, "images": images} for prompt, images in zip(prompts, [pictures[:2], pictures[2:], pictures[1:]], strict=True)])


ROWS: dict[str, Callable[[], Dataset]] = {"one image": questions, "two images": with_two_images}


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("family", FAMILIES)
def test_loss_and_gradients_are_those_of_stock_trl(family: str, rows: str) -> None:
    updates = []
    for kind in (GRPOTrainer, GroupSharingTrainer):
        made = trainer(kind, family, ROWS[rows]())
        updates.append(update(made, completions(RAGGED, made.eos_token_ids[0])))
    stock, ours = updates
    assert stock.gradients
    print(ours.distance(stock))
    assert max(ours.distance(stock).values()) < 1e-5


@pytest.mark.parametrize("family", FAMILIES)
def test_the_same_seed_draws_the_same_completions_as_generate(family: str) -> None:
    drawn = []
    for kind in (GRPOTrainer, GroupSharingTrainer):
        made = trainer(kind, family, questions(), max_completion_length=24)
        made._verified = True
        made.model.train()
        batch = next(iter(made.get_train_dataloader()))
        torch.manual_seed(5)
        inputs = made._generate_and_score_completions(batch)
        lengths = inputs["completion_mask"].sum(1).tolist()
        drawn.append([ids[:n].tolist() for ids, n in zip(inputs["completion_ids"], lengths, strict=True)])
    assert drawn[0] == drawn[1]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_run_checks_itself_and_learns(family: str) -> None:
    made = trainer(GroupSharingTrainer, family, questions(6), max_steps=2)
    made.train()
    assert made._verified
