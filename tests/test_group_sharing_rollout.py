"""A rollout with shared prompts draws what `generate` draws, and computes no row that has ended."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import Qwen2VLForConditionalGeneration
from trl import GRPOTrainer

from groupshare import GroupSharingTrainer, attention, mixin
from groupshare.cohorts import Row
from groupshare.shared_prompts import SharedPrompts
from sharing_cases import G, measured, questions, trainer

pytestmark = [
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning"),
]


def ends_early(model: Qwen2VLForConditionalGeneration) -> None:
    """Every tenth token ends a completion or so, at a different step in each row."""
    model.generation_config.eos_token_id = list(range(40, 80))


def rollout(kind: type[GRPOTrainer], folder: Path, **settings: Any) -> tuple[list[list[int]], int]:
    """Completions, and the tokens that the decoder computed for them."""
    made = trainer(kind, folder, change=ends_early, max_completion_length=40, **settings)
    made._verified = True
    made.model.train()
    batch = next(iter(made.get_train_dataloader()))
    torch.manual_seed(5)
    with measured(made) as meter:
        inputs = made._generate_and_score_completions(batch)
    lengths = inputs["completion_mask"].sum(1).tolist()
    return [ids[:n].tolist() for ids, n in zip(inputs["completion_ids"], lengths, strict=True)], meter.tokens


@pytest.mark.parametrize(
    "settings",
    [{}, {"temperature": 0.6, "top_k": 20}, {"top_p": 0.8}, {"min_p": 0.05}, {"repetition_penalty": 1.3}],
    ids=str,
)
def test_the_same_seed_draws_the_same_completions_as_generate(tiny_model: Path, settings: dict[str, Any]) -> None:
    stock, _ = rollout(GRPOTrainer, tiny_model, **settings)
    ours, _ = rollout(GroupSharingTrainer, tiny_model, **settings)
    assert ours == stock
    assert len({len(ids) for ids in ours}) > 4  # they ended at different steps


def test_rows_that_have_ended_leave(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[int] = []
    reseat = SharedPrompts.reseat

    def watched(self: SharedPrompts, *arguments: Any) -> list[int]:
        order = reseat(self, *arguments)
        kept.extend([len(order)] if order else [])
        return order

    monkeypatch.setattr(SharedPrompts, "reseat", watched)
    ours, tokens = rollout(GroupSharingTrainer, tiny_model)
    _, stock_tokens = rollout(GRPOTrainer, tiny_model)
    assert kept == sorted(kept, reverse=True)
    assert kept[-1] < len(ours) / 2
    assert tokens < stock_tokens / 3


def chances_and_log_probs(
    folder: Path, monkeypatch: pytest.MonkeyPatch, **settings: Any
) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probabilities of the drawn tokens: as they were drawn, and as a pass that scores them has them."""
    made = trainer(GroupSharingTrainer, folder, num_iterations=2, **settings)
    monkeypatch.setattr(type(made), "_sampler_serves", False)
    made.model.train()
    torch.manual_seed(5)
    inputs = made._generate_and_score_completions(next(iter(made.get_train_dataloader())))
    inside = inputs["completion_mask"].bool()
    return inputs["sampling_per_token_logps"][inside], inputs["old_per_token_logps"][inside]


@pytest.mark.parametrize("settings", [{}, {"temperature": 0.6, "top_k": 20}, {"repetition_penalty": 1.3}], ids=str)
def test_completions_are_drawn_with_the_models_chances(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]
) -> None:
    """In bfloat16 as well, where prompts of different lengths meet tensors of different precision."""
    drawn, log_probs = chances_and_log_probs(tiny_model, monkeypatch, **settings)
    assert (drawn - log_probs).abs().max() < 1e-5
    rounded, rounded_log_probs = chances_and_log_probs(tiny_model, monkeypatch, bf16=True, **settings)
    assert 0 < (rounded - rounded_log_probs).abs().mean() < 0.02


@pytest.mark.parametrize(
    ("settings", "passes"),
    [
        ({}, 0),
        ({"num_iterations": 2}, 0),
        ({"num_iterations": 2, "bf16": True}, 0),
        ({"num_iterations": 2, "bf16": True, "importance_sampling_level": "sequence"}, 1),
    ],
    ids=str,
)
def test_the_samplers_log_probabilities_serve_as_the_old_policys(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], passes: int
) -> None:
    """But for ratios of whole sequences in half precision, which rounding would decide."""
    scored: list[int] = []
    score = mixin.shared_log_probs
    monkeypatch.setattr(mixin, "shared_log_probs", lambda *args: (scored.append(1), score(*args))[1])
    made = trainer(GroupSharingTrainer, tiny_model, **settings)
    made._verified = True
    made.model.train()
    torch.manual_seed(5)
    inputs = made._generate_and_score_completions(next(iter(made.get_train_dataloader())))
    assert len(scored) == passes
    assert ("old_per_token_logps" in inputs) == ("num_iterations" in settings)
    if settings and not passes:
        assert inputs["old_per_token_logps"].equal(inputs["sampling_per_token_logps"])


@pytest.mark.parametrize("settings", [{}, {"num_iterations": 2}], ids=str)
def test_each_step_on_policy_logs_how_far_the_sampler_is_from_training(
    tiny_model: Path, settings: dict[str, Any]
) -> None:
    made = trainer(GroupSharingTrainer, tiny_model, rows=questions(8), max_steps=4, **settings)
    made.train()
    logged = [entry.get(mixin.DIFFERENCE) for entry in made.state.log_history if "loss" in entry]
    on_policy = logged[::2] if settings else logged
    assert all(value is not None and 0 < value < 1e-5 for value in on_policy)
    assert settings == {} or logged[1::2] == [None, None]


@pytest.mark.parametrize("tokens", [10_000, 60])
@pytest.mark.parametrize("level", ["token", "sequence"])
def test_the_samplers_difference_is_a_mean_over_tokens_whatever_ratios_are_taken_of_and_in_however_many_passes(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch, level: str, tokens: int
) -> None:
    drawn: list[Row] = []
    roll = mixin.rollout

    def apart(*arguments: Any) -> list[Row]:
        drawn.extend(roll(*arguments))
        for row in drawn:
            row.log_probs = [value + 0.1 * len(row.tokens) for value in row.log_probs]
        return drawn

    passes: list[int] = []
    score = mixin.shared_log_probs

    def scoring(*arguments: Any) -> Any:
        passes.append(torch.is_grad_enabled())
        return score(*arguments)

    monkeypatch.setattr(mixin, "rollout", apart)
    monkeypatch.setattr(mixin, "shared_log_probs", scoring)
    settings = {"importance_sampling_level": level, "num_iterations": 2, "max_completion_length": 40}
    arguments = {"tokens_per_pass": tokens}
    made = trainer(GroupSharingTrainer, tiny_model, change=ends_early, arguments=arguments, **settings)
    made._verified = True
    made.train()
    assert (sum(passes) > 1) == (tokens == 60)
    lengths = torch.tensor([len(row.tokens) for row in drawn], dtype=torch.float64)
    shifts = 0.1 * lengths
    [logged] = [entry[mixin.DIFFERENCE] for entry in made.state.log_history if mixin.DIFFERENCE in entry]
    assert logged == pytest.approx(float((lengths * shifts).sum() / lengths.sum()), abs=1e-4)
    assert logged != pytest.approx(float(shifts.mean()), abs=1e-2), "no mean over completions"


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 0.05)], ids=str)
def test_attention_on_other_devices_is_that_on_a_cpu(dtype: torch.dtype, tolerance: float, padded: bool) -> None:
    draw = torch.Generator().manual_seed(0)
    query, key, value = (torch.randn(2, 3, length, 8, generator=draw).to(dtype) for length in (4, 9, 9))
    mask = torch.zeros(2, 1, 1, 9, dtype=dtype)
    mask[1, ..., 5:] = float("-inf")
    arguments = (query, key, value, mask if padded else None)
    outputs = zip(attention.attend_apart(*arguments), attention.attend_apart_step_by_step(*arguments), strict=True)
    for here, elsewhere in outputs:
        torch.testing.assert_close(elsewhere, here, rtol=0, atol=tolerance)


def test_no_image_token_is_drawn(tiny_model: Path) -> None:
    made = trainer(GroupSharingTrainer, tiny_model)
    image = made.model.config.image_token_id

    def only_images(model: Qwen2VLForConditionalGeneration) -> None:
        with torch.no_grad():
            model.lm_head.weight[image] = 100 * model.lm_head.weight.abs().max()

    made = trainer(GroupSharingTrainer, tiny_model, change=only_images)
    made.model.train()
    inputs = made._generate_and_score_completions(next(iter(made.get_train_dataloader())))
    assert not (inputs["completion_ids"] == image).any()


@pytest.mark.parametrize("settings", [{}, {"beta": 0.04, "num_iterations": 2}], ids=str)
def test_runs_with_the_same_seed_coincide(tiny_model: Path, settings: dict[str, Any]) -> None:
    """Four steps of two micro-batches each: rewards are equal, gradients nearly so."""
    sizes = {"per_device_train_batch_size": 2 * G, "gradient_accumulation_steps": 2, "max_steps": 4}
    histories = []
    for kind in (GRPOTrainer, GroupSharingTrainer):
        made = trainer(kind, tiny_model, change=ends_early, rows=questions(8), **sizes | settings)
        made.train()
        histories.append([entry for entry in made.state.log_history if "loss" in entry])
    stock, ours = histories
    for name in ("reward", "reward_std", "completions/mean_length", "num_tokens"):
        assert [entry.get(name) for entry in ours] == [entry.get(name) for entry in stock], name
    assert [entry["grad_norm"] for entry in ours] == pytest.approx([entry["grad_norm"] for entry in stock], rel=1e-3)


def test_evaluation_works_too(tiny_model: Path) -> None:
    losses = []
    for kind in (GRPOTrainer, GroupSharingTrainer):
        made = trainer(kind, tiny_model, per_device_eval_batch_size=3 * G, beta=0.04)
        torch.manual_seed(5)
        losses.append(made.evaluate(questions())["eval_reward"])
    assert losses[0] == losses[1]


def test_reading_ahead_in_a_process_of_its_own_changes_nothing(tiny_model: Path) -> None:
    sizes = {"per_device_train_batch_size": G, "gradient_accumulation_steps": 2, "max_steps": 3}
    histories = []
    for workers in (0, 1):
        made = trainer(GroupSharingTrainer, tiny_model, rows=questions(6), dataloader_num_workers=workers, **sizes)
        made.train()
        entries = [entry for entry in made.state.log_history if "loss" in entry]
        histories.append([(entry["reward"], entry["loss"], entry["grad_norm"]) for entry in entries])
    assert histories[0] == histories[1]
