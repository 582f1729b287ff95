"""Sharing in every family of models: log-probabilities, gradients and completions are those of stock TRL."""

import tempfile
from collections.abc import Callable
from typing import Any

import pytest
import torch
from datasets import Dataset
from trl import GRPOConfig, GRPOTrainer

from groupshare import GroupSharingTrainer, SharingError, attention, logprobs
from groupshare.groups import Groups
from groupshare.questions import as_rope_takes
from sharing_cases import SETTINGS, TEXTS, completions, in_double_precision, questions, reward, update
from tiny_families import FAMILIES, tiny

pytestmark = [
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning"),
]
SEEING = [family for family in FAMILIES if family != "qwen3"]
RAGGED = [5, 12, 2, 7, 1, 4, 9, 9, 12, 3, 6, 8]


def trainer(
    kind: type[GRPOTrainer], family: str, rows: Dataset, dtype: torch.dtype = torch.float32, **settings: Any
) -> GRPOTrainer:
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
    return Dataset.from_list(
        [
            {"prompt": prompt, "images": images}
            for prompt, images in zip(prompts, [pictures[:2], pictures[2:], pictures[1:]], strict=True)
        ]
    )


def conversations() -> Dataset:
    """Text alone, in turns."""
    return questions().remove_columns("image")


def texts() -> Dataset:
    """Text alone, without turns."""
    return Dataset.from_list([{"prompt": text} for text in TEXTS])


def usual(family: str) -> Dataset:
    """Questions with an image each, or without for a model that sees none."""
    return conversations() if family == "qwen3" else questions()


ROWS: dict[str, Callable[[], Dataset]] = {
    "one image": questions,
    "two images": with_two_images,
    "conversations": conversations,
    "texts": texts,
}
PAIRS = [
    *((family, rows) for family in SEEING for rows in ("one image", "two images", "conversations")),
    *(("qwen3", rows) for rows in ("conversations", "texts")),
]


@pytest.mark.parametrize(("family", "rows"), PAIRS)
def test_loss_and_gradients_are_those_of_stock_trl(
    family: str, rows: str, record_property: Callable[[str, float], None]
) -> None:
    updates = []
    for kind in (GRPOTrainer, GroupSharingTrainer):
        made = trainer(kind, family, ROWS[rows]())
        updates.append(update(made, completions(RAGGED, made.eos_token_ids[0])))
    stock, ours = updates
    assert stock.gradients
    distance = max(ours.distance(stock).values())
    record_property("distance", distance)
    assert distance < 1e-5


@pytest.mark.parametrize("family", FAMILIES)
def test_layers_that_are_computed_again_give_the_same_gradients(family: str) -> None:
    updates = []
    for again in (False, True):
        made = trainer(GroupSharingTrainer, family, usual(family), gradient_checkpointing=again)
        updates.append(update(made, completions(RAGGED, made.eos_token_ids[0])))
    once, twice = updates
    assert max(twice.distance(once).values()) < 1e-5


@pytest.mark.parametrize("family", FAMILIES)
def test_the_same_seed_draws_the_same_completions_as_generate(family: str) -> None:
    drawn = []
    for kind in (GRPOTrainer, GroupSharingTrainer):
        made = trainer(kind, family, usual(family), max_completion_length=24)
        made._verified = True
        made.model.train()
        batch = next(iter(made.get_train_dataloader()))
        torch.manual_seed(5)
        inputs = made._generate_and_score_completions(batch)
        lengths = inputs["completion_mask"].sum(1).tolist()
        drawn.append([ids[:n].tolist() for ids, n in zip(inputs["completion_ids"], lengths, strict=True)])
    assert drawn[0] == drawn[1]


@pytest.mark.parametrize("family", FAMILIES)
def test_an_update_that_goes_on_from_the_rollouts_prompts_has_the_same_gradients(family: str) -> None:
    updates = []
    for goes_on in (True, False):
        made = trainer(GroupSharingTrainer, family, usual(family), dtype=torch.float64)
        made._verified, made._goes_on = True, goes_on
        made.model.train()
        torch.manual_seed(5)
        inputs = made._generate_and_score_completions(next(iter(made.get_train_dataloader())))
        assert all(bool(question.kept) == goes_on for question in inputs["questions"])
        loss = made.compute_loss(made.model, inputs)
        loss.backward()
        gradients = {name: p.grad for name, p in made.model.named_parameters() if p.grad is not None}
        updates.append((float(loss), gradients))
    (loss, ours), (true, theirs) = updates
    assert loss == pytest.approx(true, abs=1e-9)
    assert ours.keys() == theirs.keys()
    size = max(float(grad.abs().max()) for grad in theirs.values())
    assert size > 0
    assert max(float((ours[name] - grad).abs().max()) for name, grad in theirs.items()) < 1e-6 * size


@pytest.mark.parametrize("family", FAMILIES)
def test_a_run_checks_itself_and_learns(family: str) -> None:
    made = trainer(GroupSharingTrainer, family, usual(family), max_steps=2)
    made.train()
    assert made._verified


def test_layers_that_can_not_share_are_refused_by_name() -> None:
    model, words = tiny("qwen3")
    model.config.layer_types = ["full_attention", "linear_attention", "full_attention"]
    arguments = GRPOConfig(output_dir=tempfile.mkdtemp(), **SETTINGS)
    with pytest.raises(SharingError, match="Qwen3ForCausalLM has layers of linear_attention, which can't share"):
        GroupSharingTrainer(model, [reward], arguments, train_dataset=texts(), processing_class=words)


# What would go wrong, and that the comparison sees it.


def causal_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens of an image that see only those before them."""
    monkeypatch.setattr(attention.Rule, "of_prompt", lambda rule, start, length: None)


def no_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """Completions that see all of their prompt in every layer."""
    masks = Groups._masks
    monkeypatch.setattr(Groups, "_masks", lambda groups, window: masks(groups, None))


def tiles_in_another_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiles of the images turned round."""
    join = logprobs.joined

    def turned(images: Any) -> dict[str, torch.Tensor]:
        return {
            name: value.flip(0).flip(1) if name == "pixel_values" else value for name, value in join(images).items()
        }

    monkeypatch.setattr(logprobs, "joined", turned)


def places_in_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    """Positions that count on through the stream, where completions are far from their prompts."""

    def counted(positions: torch.Tensor) -> torch.Tensor:
        return as_rope_takes(torch.arange(positions.shape[1]).expand(len(positions), -1))

    monkeypatch.setattr(logprobs, "as_rope_takes", counted)


@pytest.mark.parametrize(
    ("family", "mistake"),
    [
        *(("gemma3", mistake) for mistake in (causal_images, no_window)),
        *((family, tiles_in_another_order) for family in SEEING),
        *((family, places_in_the_stream) for family in FAMILIES),
    ],
)
def test_mistakes_are_seen(
    family: str, mistake: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = trainer(GroupSharingTrainer, family, usual(family))
    mistake(monkeypatch)
    with pytest.raises(SharingError, match=r"log-probabilities differ"):
        made.train()


@pytest.mark.parametrize(("family", "rows"), PAIRS)
def test_in_double_precision_the_difference_vanishes(
    family: str, rows: str, record_property: Callable[[str, float], None]
) -> None:
    updates = []
    for kind in (GRPOTrainer, GroupSharingTrainer):
        made = trainer(kind, family, ROWS[rows](), dtype=torch.float64)
        with in_double_precision():
            updates.append(update(made, completions(RAGGED, made.eos_token_ids[0])))
    stock, ours = updates
    assert stock.log_probs.dtype == torch.float64
    distance = max(ours.distance(stock).values())
    record_property("distance", distance)
    assert distance < 1e-9
