"""Loss and gradient of every published policy gradient of the study are those of its paper's formula.

The trainer is the one that `train_grpo` makes from the config; of it, only the model's log-probabilities are replaced,
by recorded ones in double precision. The formulas are written out in published_losses.py.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from typing import Any

import pytest
import torch

import published_losses as published
from groupshare.questions import Question
from published_losses import Loss, advantages, on_policy, slopes
from recorded_losses import Batch, Rows, recorded
from training_runs import MakeRun, make_run, trainer_of
from visualzero.training.policy_trainer import PolicyTrainer

pytestmark = pytest.mark.usefixtures("one_thread")
__all__ = ["make_run"]  # the fixture
TOLERANCE = 1e-6
PAPO = {"perception": {"weight": 0.02, "entropy": 0.03}}


@dataclass(frozen=True)
class Variant:
    """An arm with changes to its recipe, its formula, and ways to spoil its trainer that have to be seen."""

    arm: str
    loss: Loss
    spoilt: dict[str, dict[str, Any]]
    grpo: dict[str, Any] | None = None


VARIANTS = {
    "grpo": Variant(
        "base-grpo",
        published.grpo(beta=0.04),
        {"a mean over all tokens": {"loss_type": "dapo"}, "no KL": {"beta": 0.0}, "no clipping": {"epsilon_high": 9.0}},
    ),
    "dr. grpo": Variant(
        "base-grpo-dr",
        published.dr_grpo,
        {"a mean over a completion": {"loss_type": "grpo"}, "another limit": {"max_completion_length": 16}},
    ),
    "dapo": Variant(
        "base-grpo-dapo",
        published.dapo(),
        {"a mean over a completion": {"loss_type": "grpo"}, "clipped alike": {"epsilon_high": 0.2}},
    ),
    "gspo": Variant(
        "base-gspo",
        published.gspo,
        {"tokens' ratios": {"importance_sampling_level": "token"}, "clipped as GRPO": {"epsilon_low": 0.2}},
    ),
    "cispo": Variant(  # the arm's bound of 5 is far beyond what was recorded
        "base-cispo",
        published.cispo(bound=1.5),
        {"gradients clipped": {"loss_type": "dapo"}, "a bound counted from 0": {"epsilon_high": 0.5}},
        {"epsilon_high": 0.5},
    ),
    "papo-g": Variant("base-grpo", published.grpo(0.04, 0.02, 0.03), {"a mean over all": {"loss_type": "dapo"}}, PAPO),
    "papo-d": Variant("base-grpo-dapo", published.dapo(0.02, 0.03), {"clipped alike": {"epsilon_high": 0.2}}, PAPO),
}
MakeTrainer = Callable[..., PolicyTrainer]


@pytest.fixture
def make_trainer(make_run: MakeRun) -> MakeTrainer:
    """A function that makes an arm's trainer as `train_grpo` does."""

    def make(arm: str, **grpo: Any) -> PolicyTrainer:
        settings = {"micro_batch": 8, "max_completion": published.LIMIT} | grpo
        return trainer_of(make_run(arm, f"run=[{arm}]", *(f"arms.{arm}.grpo.{k}={v}" for k, v in settings.items())))

    return make


def padded(rows: Rows) -> torch.Tensor:
    """Rows of unequal length `[B, C]`; what they lack is zero."""
    return torch.tensor([[*row, *[0.0] * (published.LIMIT - len(row))] for row in rows], dtype=torch.float64)


def loss_and_slopes(trainer: PolicyTrainer, batch: Batch, a: list[float], passes: int = 1) -> tuple[float, Rows]:
    """The trainer's loss of a batch, over so many micro-batches, and its gradient by each log-probability."""
    lengths = [len(row) for row in batch.log_probs]
    logs = padded(batch.log_probs).requires_grad_()
    mask = torch.tensor([[int(t < length) for t in range(published.LIMIT)] for length in lengths])
    rows = torch.arange(len(lengths))[:, None]

    def log_probs(model: Any, input_ids: torch.Tensor, *args: Any, **kwargs: Any) -> tuple[Any, Any, None]:
        found = logs[input_ids[:, -1]]  # the last token of a completion says which one it is
        return found, torch.zeros_like(found), None

    trainer._stock_log_probs = log_probs
    groups = [Question(torch.zeros(3, dtype=torch.long)) for _ in range(0, len(lengths), published.G)]
    inputs = {
        "prompt_ids": rows,
        "prompt_mask": rows,
        "completion_ids": rows.expand(-1, published.LIMIT),
        "completion_mask": mask,
        "advantages": torch.tensor(a, dtype=torch.float64),
        "ref_per_token_logps": padded(batch.ref),
        "masked_per_token_logps": padded(batch.masked),
        "questions": [groups[row // published.G] for row in range(len(lengths))],
    }
    if batch.old != batch.log_probs:  # else TRL takes the policy's own
        inputs["old_per_token_logps"] = padded(batch.old)
    trainer.current_gradient_accumulation_steps = passes
    total, size = 0.0, len(lengths) // passes
    for start in range(0, len(lengths), size):
        part = {name: value[start : start + size] for name, value in inputs.items()}
        loss = trainer.compute_loss(trainer.model, part | {"num_items_in_batch": mask.sum()})
        loss.backward()
        total += float(loss.detach())
    assert logs.grad is not None
    return total, [row[:length] for row, length in zip(logs.grad.tolist(), lengths, strict=True)]


@pytest.fixture(autouse=True)
def recorded_log_probs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the trainer asks the model, it is told what was recorded; what is above that stays the trainer's own."""
    monkeypatch.setattr(
        "groupshare.GroupSharingTrainer._get_per_token_logps_and_entropies",
        lambda self, *args, **kwargs: self._stock_log_probs(*args, **kwargs),
    )


def apart(found: tuple[float, Rows], expected: tuple[float, Rows]) -> float:
    """The largest difference of the losses and of the gradients; both are of the order of 1 to 0.01."""
    pairs = zip(chain(*found[1]), chain(*expected[1]), strict=True)
    return max(abs(found[0] - expected[0]), *(abs(a - b) for a, b in pairs))


def formula(loss: Loss, batch: Batch, a: list[float]) -> tuple[float, Rows]:
    return loss(batch, a, batch.log_probs), slopes(loss, batch, a)


def test_the_recorded_batch_is_clipped_on_both_sides() -> None:
    batch, a = recorded(), advantages(recorded().rewards)
    pairs = [(p - q, a[i]) for i, row in enumerate(batch.log_probs) for p, q in zip(row, batch.old[i], strict=True)]
    ratios = [(torch.tensor(difference).exp().item(), advantage) for difference, advantage in pairs]
    assert any(ratio < 0.8 and advantage < 0 for ratio, advantage in ratios)
    assert any(1.2 < ratio < 1.28 and advantage > 0 for ratio, advantage in ratios)
    assert any(ratio > 1.5 and advantage > 0 for ratio, advantage in ratios)
    assert any(0.8 < ratio < 1.2 for ratio, _ in ratios)


@pytest.mark.parametrize("name", VARIANTS)
def test_loss_and_gradient_are_those_of_the_papers_formula(make_trainer: MakeTrainer, name: str) -> None:
    variant, batch = VARIANTS[name], recorded()
    trainer = make_trainer(variant.arm, **variant.grpo or {})
    a = advantages(batch.rewards, scaled=trainer.scale_rewards != "none")
    for learnt in (batch, on_policy(batch)):
        expected = formula(variant.loss, learnt, a)
        assert apart(loss_and_slopes(trainer, learnt, a), expected) < TOLERANCE
        trainer.tokens_per_pass = 20  # several passes of a micro-batch
        assert apart(loss_and_slopes(trainer, learnt, a), expected) < TOLERANCE
        trainer.tokens_per_pass = 10_000
    for how, settings in variant.spoilt.items():
        with pytest.MonkeyPatch.context() as patch:
            for key, value in settings.items():
                patch.setattr(trainer, key, value)
            assert apart(loss_and_slopes(trainer, batch, a), formula(variant.loss, batch, a)) > 1e3 * TOLERANCE, how


@pytest.mark.parametrize("name", VARIANTS)
def test_micro_batches_add_up_to_the_papers_formula(make_trainer: MakeTrainer, name: str) -> None:
    variant, batch = VARIANTS[name], recorded()
    trainer = make_trainer(variant.arm, micro_batch=4, **variant.grpo or {})
    a = advantages(batch.rewards, scaled=trainer.scale_rewards != "none")
    found = loss_and_slopes(trainer, batch, a, passes=2)
    assert apart(found, formula(variant.loss, batch, a)) < TOLERANCE


def test_the_gradient_of_gpg_is_that_of_its_formula(make_trainer: MakeTrainer) -> None:
    """Its loss is not: there the ratio, which is 1, stands for the log-probability, and both have one gradient."""
    batch = on_policy(recorded())
    a = advantages(batch.rewards, scaled=False, share=0.5)
    expected = slopes(published.gpg, batch, a)
    trainer = make_trainer("base-gpg")
    _, found = loss_and_slopes(trainer, batch, a)
    assert apart((0.0, found), (0.0, expected)) < TOLERANCE
    trainer.loss_type = "grpo"
    _, spoilt = loss_and_slopes(trainer, batch, a)
    assert apart((0.0, spoilt), (0.0, expected)) > 1e3 * TOLERANCE


@pytest.mark.parametrize(("one", "other"), [("base-gspo", "base-grpo-reused"), ("base-cispo", "base-grpo-dapo")])
def test_losses_that_differ_by_ratios_have_one_gradient_while_a_batch_is_learnt_first(
    make_trainer: MakeTrainer, one: str, other: str
) -> None:
    batch = on_policy(recorded())
    a = advantages(batch.rewards)
    (_, found), (_, expected) = (loss_and_slopes(make_trainer(arm), batch, a) for arm in (one, other))
    assert apart((0.0, found), (0.0, expected)) < TOLERANCE


@pytest.mark.parametrize(
    ("arm", "expected"),
    [
        ("base-grpo", lambda rewards: advantages(rewards)),
        ("base-grpo-dr", lambda rewards: advantages(rewards, scaled=False)),
        ("base-gpg", lambda rewards: advantages(rewards, scaled=False, share=0.5)),  # one group of two is equal
    ],
    ids=["base-grpo", "base-grpo-dr", "base-gpg"],
)
def test_advantages_are_those_of_the_papers_formula(
    make_trainer: MakeTrainer, arm: str, expected: Callable[[list[float]], list[float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    rewards = [0.0, 1.0, 1.0, 2.0, 1.0, 1.0, 1.0, 1.0]
    trainer = make_trainer(arm)
    trainer._verified = True  # there are no log-probabilities to compare
    trainer._generate_single_turn = lambda *args, **kwargs: ([[20, 21]] * 8, None)
    trainer._stock_log_probs = lambda *args, **kwargs: (torch.zeros(8, 2), torch.zeros(8, 2), None)
    monkeypatch.setattr(
        type(trainer), "_calculate_rewards", lambda self, *args: torch.tensor(rewards).unsqueeze(1).repeat(1, 2) / 2
    )
    batch = trainer._generate_and_score_completions(next(iter(trainer.get_train_dataloader())))
    assert batch["advantages"].tolist() == pytest.approx(expected(rewards), abs=1e-6)


def test_a_batch_is_recorded_with_as_many_tokens_of_each_policy() -> None:
    batch = recorded()
    lengths = [len(row) for row in batch.log_probs]
    assert all([len(row) for row in rows] == lengths for rows in (batch.old, batch.ref, batch.masked))
    assert (len(lengths), max(lengths)) == (2 * published.G, published.LIMIT)
