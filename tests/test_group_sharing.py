"""Sharing a group's prompt and image changes nothing: loss and gradients are those of stock TRL."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import Qwen2VLForConditionalGeneration
from trl import GRPOTrainer

from groupshare import GroupSharingTrainer, SharingError, logprobs
from groupshare.questions import COLUMN, Question, QuestionRows
from sharing_cases import G, Update, completions, in_double_precision, measured, questions, trainer, update
from visualzero.models.freezing import freeze

pytestmark = [
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning"),
]
RAGGED = (5, 12, 2, 7, 1, 4, 9, 9, 12, 3, 6, 8)


def updated(kind: type[GRPOTrainer], folder: Path, lengths: tuple[int, ...], noise: float, **settings: Any) -> Update:
    """An update; `noise` is added to the weights after the rollout."""
    made = trainer(kind, folder, **settings)

    def between() -> None:
        torch.manual_seed(3)
        with torch.no_grad():
            for weights in filter(lambda weights: weights.requires_grad, made.model.parameters()):
                weights.add_(noise * torch.randn_like(weights))

    return update(made, completions([*lengths], made.eos_token_ids[0]), between)


@cache
def stock_of(folder: Path, lengths: tuple[int, ...], noise: float, **settings: Any) -> Update:
    """The update of stock TRL, made once for all that is compared with it."""
    return updated(GRPOTrainer, folder, lengths, noise, **settings)


@pytest.fixture(scope="module", autouse=True)
def kept_no_longer() -> Iterator[None]:
    yield
    stock_of.cache_clear()


def ours_of(
    folder: Path,
    lengths: tuple[int, ...] = RAGGED,
    tokens_per_pass: int = 10_000,
    noise: float = 0.0,
    arguments: dict[str, Any] | None = None,
    **settings: Any,
) -> Update:
    """Our update."""
    given = (arguments or {}) | {"tokens_per_pass": tokens_per_pass}
    return updated(GroupSharingTrainer, folder, lengths, noise, arguments=given, **settings)


def both(
    folder: Path,
    lengths: tuple[int, ...] = RAGGED,
    tokens_per_pass: int = 10_000,
    noise: float = 0.0,
    **settings: Any,
) -> tuple[Update, Update]:
    """The update of stock TRL and ours; `noise` is added to the weights after the rollout."""
    if "arguments" in settings:  # which no cache takes
        stock = updated(GRPOTrainer, folder, lengths, noise, **settings)
    else:
        stock = stock_of(folder, lengths, noise, **settings)
    return stock, ours_of(folder, lengths, tokens_per_pass, noise, **settings)


CASES: dict[str, dict[str, Any]] = {
    "ragged groups, images of different sizes": {},
    "completions cut off are masked": {"mask_truncated_completions": True},
    "all completions cut off": {"mask_truncated_completions": True, "lengths": (5, 7, 1, 3) * 3},
    "a reference model": {"beta": 0.04},
    "several iterations": {"num_iterations": 2, "noise": 1e-3},
    "iterations and a reference model": {"num_iterations": 2, "beta": 0.04, "noise": 1e-3},
    "gradient checkpointing": {"gradient_checkpointing": True},
    "frozen vision": {"change": lambda model: freeze(model, ["vision"])},
    "frozen language": {"change": lambda model: freeze(model, ["language"])},
    "a temperature": {"temperature": 0.7},
    "an entropy bonus": {"entropy_coef": 0.1},
    "dapo": {"loss_type": "dapo"},
    "dr_grpo": {"loss_type": "dr_grpo"},
    "bnpo": {"loss_type": "bnpo"},
    "sequence-level ratios": {"importance_sampling_level": "sequence", "num_iterations": 2, "noise": 1e-3},
    "gspo": {
        "importance_sampling_level": "sequence",
        "num_iterations": 2,
        "noise": 1e-3,
        "epsilon": 3e-4,
        "epsilon_high": 4e-4,
    },
    "cispo": {"loss_type": "cispo", "epsilon_high": 5.0},
    "cispo, several iterations, most weights clipped": {
        "loss_type": "cispo",
        "epsilon_high": 0.9,
        "num_iterations": 2,
        "noise": 1e-3,
    },
}


@pytest.mark.parametrize("case", CASES)
def test_loss_and_gradients_are_those_of_stock_trl(tiny_model: Path, case: str) -> None:
    stock, ours = both(tiny_model, **CASES[case])
    assert stock.gradients
    assert max(ours.distance(stock).values()) < 1e-5


@pytest.mark.parametrize(
    ("loss", "tokens"), [("grpo", 1), ("grpo", 60), ("dapo", 60), ("dr_grpo", 60), ("bnpo", 60), ("cispo", 60)]
)
def test_passes_add_up_to_the_micro_batch(tiny_model: Path, loss: str, tokens: int) -> None:
    """With one token per pass every completion is a group of its own."""
    stock, ours = both(tiny_model, tokens_per_pass=tokens, loss_type=loss, beta=0.04)
    assert max(ours.distance(stock).values()) < 1e-5


def test_passes_of_completions_with_ratios_of_their_own_add_up(tiny_model: Path) -> None:
    settings = {"importance_sampling_level": "sequence", "num_iterations": 2, "noise": 1e-3, "beta": 0.04}
    stock, ours = both(tiny_model, tokens_per_pass=60, **settings)
    assert max(ours.distance(stock).values()) < 1e-5


def test_bfloat16_differs_by_no_more_than_rounding(tiny_model: Path) -> None:
    stock, ours = both(tiny_model, bf16=True)
    exact = stock_of(tiny_model, RAGGED, 0.0)
    noise = max(stock.distance(exact).values())
    assert 0 < max(ours.distance(exact).values()) < 2 * noise


def test_adapters_get_the_gradients_of_stock_trl(tiny_model: Path) -> None:
    peft = pytest.importorskip("peft")
    config = peft.LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj", "down_proj"])
    stock, ours = both(tiny_model, arguments={"peft_config": config}, beta=0.04, noise=1e-3)
    assert all("lora" in name for name in stock.gradients)
    assert max(ours.distance(stock).values()) < 1e-5


# What would go wrong, and that the comparison sees it.


def leaking(monkeypatch: pytest.MonkeyPatch) -> None:
    """A group's completions as one: each sees those before it."""
    groups = logprobs.Groups
    monkeypatch.setattr(logprobs, "Groups", lambda prompts, ragged, d: groups(prompts, [[sum(r)] for r in ragged], d))


def text_positions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Image tokens counted like text."""
    changed(monkeypatch, lambda q: replace(q, positions=torch.arange(len(q.input_ids)).expand(3, -1)))


def another_image(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same image upside down."""
    changed(monkeypatch, lambda q: replace(q, images=q.images | {"pixel_values": q.images["pixel_values"].flip(0)}))


def a_later_image_upside_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """Right for the first group of a stream."""
    stream = logprobs.laid_out

    def changed_stream(*args: Any) -> tuple[dict[str, Any], Any]:
        inputs, attention = stream(*args)
        first = int(inputs["image_grid_thw"][0].prod())
        inputs["pixel_values"] = torch.cat([inputs["pixel_values"][:first], inputs["pixel_values"][first:].flip(0)])
        return inputs, attention

    monkeypatch.setattr(logprobs, "laid_out", changed_stream)


def prompts_without_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    """Log-probabilities are right, and the prompt and its image learn nothing from completions."""

    class Detached(logprobs.Groups):
        def attend(self, layer: Any, query: Any, key: Any, value: Any, *args: Any) -> torch.Tensor:
            prompts = torch.arange(key.shape[2]) < sum(self.prompts)
            key, value = (torch.where(prompts[:, None], x.detach(), x) for x in (key, value))
            return super().attend(layer, query, key, value, *args)

    monkeypatch.setattr(logprobs, "Groups", Detached)


def changed(monkeypatch: pytest.MonkeyPatch, change: Callable[[Question], Question]) -> None:
    placed = Question.placed
    monkeypatch.setattr(Question, "placed", lambda *args: change(placed(*args)))


@pytest.mark.parametrize("mistake", [leaking, text_positions, another_image])
def test_mistakes_are_seen(
    tiny_model: Path, mistake: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    mistake(monkeypatch)
    monkeypatch.setattr(GroupSharingTrainer, "_verify", lambda *args: True)
    stock, ours = both(tiny_model)
    distance = ours.distance(stock)
    assert min(distance["log_probs"], distance["gradients"]) > 1e-2


@pytest.mark.parametrize(
    ("mistake", "told"),
    [
        (leaking, "log-probabilities"),
        (text_positions, "log-probabilities"),
        (a_later_image_upside_down, "log-probabilities"),
        (prompts_without_gradients, "gradients"),
    ],
)
def test_a_run_checks_its_first_batch_and_stops(
    tiny_model: Path, mistake: Callable[[pytest.MonkeyPatch], None], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mistake(monkeypatch)
    with pytest.raises(SharingError, match=rf"group sharing: {told} differ .* TRL's own trainer"):
        trainer(GroupSharingTrainer, tiny_model).train()


def test_a_batch_that_was_cut_off_as_a_whole_does_not_count_as_checked(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaking(monkeypatch)
    made = trainer(GroupSharingTrainer, tiny_model, mask_truncated_completions=True)
    update(made, completions([5, 7, 1, 3] * 3, made.eos_token_ids[0]))
    assert not made._verified
    with pytest.raises(SharingError, match="log-probabilities differ"):
        update(made, completions([5, 7, 1, 3, *RAGGED[4:]], made.eos_token_ids[0]))


def test_tools_are_refused(tiny_model: Path) -> None:
    with pytest.raises(SharingError, match="tools"):
        trainer(GroupSharingTrainer, tiny_model, arguments={"tools": [print]})


# What is computed.


def test_a_step_computes_each_image_and_each_prompt_once_per_pass(tiny_model: Path) -> None:
    """One rollout, one reference pass and one update of three groups; stock TRL does G times the work."""
    made = trainer(GroupSharingTrainer, tiny_model, beta=0.04)
    made._verified = True
    made._goes_on = False
    made.model.train()
    [batch] = list(made.get_train_dataloader())[:1]
    prompts = sum(len(q.input_ids) for q in {id(row[COLUMN]): row[COLUMN] for row in batch}.values())
    patches = 4 * (12 + 4 + 12)
    with measured(made) as rollout:
        inputs = made._generate_and_score_completions(batch)
    tokens = int(inputs["completion_mask"].sum())
    assert rollout.vision_rows == patches  # the reference model is another
    assert rollout.tokens - prompts <= 3 * G * 12
    with measured(made) as pass_:
        made.compute_loss(made.model, inputs)
    assert (pass_.vision_rows, pass_.tokens) == (patches, prompts - 3 + tokens)
    assert rollout.images == pass_.images == 0  # preprocessed by the loader


def test_an_update_on_policy_goes_on_from_what_the_rollout_has_computed_of_image_and_prompt(tiny_model: Path) -> None:
    made = trainer(GroupSharingTrainer, tiny_model, beta=0.04)
    made._verified = True
    made.model.train()
    inputs = made._generate_and_score_completions(next(iter(made.get_train_dataloader())))
    with measured(made) as pass_:
        made.compute_loss(made.model, inputs)
    assert (pass_.vision_rows, pass_.tokens) == (0, int(inputs["completion_mask"].sum()))
    with measured(made) as again:  # its graph has served
        made.compute_loss(made.model, inputs)
    assert again.vision_rows == 4 * (12 + 4 + 12)


@pytest.mark.parametrize(
    ("settings", "keeps"),
    [
        ({}, True),
        ({"gradient_accumulation_steps": 3, "per_device_train_batch_size": G}, True),
        ({"num_iterations": 2}, False),  # the second update's weights are others
        ({"steps_per_generation": 2, "per_device_train_batch_size": 6}, False),  # those of the second micro-batch
        ({"gradient_checkpointing": True}, False),
    ],
    ids=str,
)
def test_prompts_are_kept_where_the_update_has_the_rollouts_weights_as_far_as_there_is_room(
    tiny_model: Path, settings: dict[str, Any], keeps: bool
) -> None:
    made = trainer(GroupSharingTrainer, tiny_model, **settings)
    made._verified = True
    made.model.train()
    batch = next(iter(made.get_train_dataloader()))
    first, second, third = (len(q.input_ids) for q in {id(row[COLUMN]): row[COLUMN] for row in batch}.values())
    for room, kept in ((first + second + third, 3), (first + second + third - 1, 2), (first - 1, 0)):
        made.tokens_per_pass = room
        inputs = made._generate_and_score_completions(batch)
        found = {id(question): bool(question.kept) for question in inputs["questions"]}
        assert sum(found.values()) == kept * keeps


def test_the_check_of_the_first_batch_leaves_the_update_as_it_is(tiny_model: Path) -> None:
    """A run that goes on from a checkpoint checks its first batch too, and has to come to the same bytes."""
    losses = []
    for checked in (True, False):
        made = trainer(GroupSharingTrainer, tiny_model)
        made._verified = not checked
        made.model.train()
        torch.manual_seed(5)
        inputs = made._generate_and_score_completions(next(iter(made.get_train_dataloader())))
        with measured(made) as pass_:
            loss = made.compute_loss(made.model, inputs)
        loss.backward()
        assert pass_.vision_rows == 0
        gradients = {name: p.grad for name, p in made.model.named_parameters() if p.grad is not None}
        losses.append((loss, gradients))
    (loss, ours), (true, theirs) = losses
    assert loss.equal(true)
    assert ours.keys() == theirs.keys()
    assert all(ours[name].equal(theirs[name]) for name in theirs)


def test_a_frozen_tower_looks_at_each_image_once_in_a_step_for_rollout_reference_and_update(tiny_model: Path) -> None:
    made = trainer(GroupSharingTrainer, tiny_model, lambda model: freeze(model, ["vision"]), beta=0.04)
    made._verified = True
    made.model.train()
    [batch] = list(made.get_train_dataloader())[:1]
    looked = Counter[str]()
    for name, model in (("policy", made.model), ("reference", made.ref_model)):
        tower = made.accelerator.unwrap_model(model).base_model.visual
        tower.register_forward_pre_hook(lambda module, args, name=name: looked.update({name: len(args[0])}))
    inputs = made._generate_and_score_completions(batch)
    made.accelerator.backward(made.compute_loss(made.model, inputs))
    assert looked == {"policy": 4 * (12 + 4 + 12)}


def test_a_run_preprocesses_each_question_once(tiny_model: Path) -> None:
    rows = questions(6)
    made = trainer(GroupSharingTrainer, tiny_model, rows=rows, max_steps=2, num_iterations=1)
    with measured(made) as meter:
        made.train()
    assert meter.images == len(rows)


def test_rows_of_a_batch_are_read_once_and_the_repeats_are_one_object() -> None:
    read = []

    class Rows:
        def __getitem__(self, index: int) -> dict[str, Any]:
            read.append(index)
            return {"index": index}

    rows = QuestionRows(Rows(), lambda row: object())
    first = rows.__getitems__([4, 4, 7, 7])
    again = rows.__getitems__([4, 4, 7, 7])
    assert read == [4, 7]
    assert first[0][COLUMN] is first[1][COLUMN] is again[0][COLUMN] is not first[2][COLUMN]
    rows.__getitems__([5])
    assert list(rows.kept) == [5]


def test_completions_without_advantage_are_left_out(tiny_model: Path) -> None:
    """The first group's rewards are equal, so it has no gradient."""

    def rewards(completion_ids: list[list[int]], **kwargs: Any) -> list[float]:
        return [1.0] * G + [float(i % 3) for i in range(len(completion_ids) - G)]

    stock, ours = both(tiny_model, reward_func=rewards)
    assert max(ours.distance(stock).values()) < 1e-5
    assert ours.tokens < ours_of(tiny_model, beta=0.04, reward_func=rewards).tokens


def test_a_batch_without_any_advantage_has_a_zero_gradient(tiny_model: Path) -> None:
    ours = ours_of(tiny_model, reward_func=lambda completion_ids, **kwargs: [1.0] * len(completion_ids))
    assert ours.loss == 0
    assert all(not gradient.any() for gradient in ours.gradients.values())


def test_in_double_precision_the_difference_vanishes(tiny_model: Path) -> None:
    """The two are one computation in another order."""

    def double(model: Qwen2VLForConditionalGeneration) -> None:
        model.double()

    with in_double_precision():
        stock, ours = both(tiny_model, change=double)
    assert stock.log_probs.dtype == torch.float64
    assert max(ours.distance(stock).values()) < 1e-9
