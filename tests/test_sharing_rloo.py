"""RLOO with sharing: loss, gradients, metrics and trained weights are those of stock TRL."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import Qwen2VLForConditionalGeneration
from trl import RLOOTrainer

from groupshare import GroupSharing, RLOOSharingTrainer, SharingError, logprobs
from sharing_cases import G, Update, completions, in_double_precision, questions, trainer, update

pytestmark = [
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning"),
]
RAGGED = [5, 12, 2, 7, 1, 4, 9, 9, 12, 3, 6, 8]


def moved(model: Qwen2VLForConditionalGeneration) -> None:
    """Weights that are not those that the reference model has."""
    torch.manual_seed(7)
    with torch.no_grad():
        for weights in model.parameters():
            weights.add_(1e-2 * torch.randn_like(weights))


def one(
    kind: type[RLOOTrainer], folder: Path, lengths: list[int] = RAGGED, noise: float = 0.0, **settings: Any
) -> tuple[Update, dict[str, float]]:
    """An update in double precision, and what was logged of it; `noise` is added to the weights after the rollout."""
    made = trainer(kind, folder, **settings)
    for model in filter(None, (made.model, made.ref_model)):
        model.double()

    def between() -> None:
        torch.manual_seed(3)
        made._metrics["train"] = defaultdict(list)
        with torch.no_grad():
            for weights in made.model.parameters():
                weights.add_(noise * torch.randn_like(weights))

    with in_double_precision():
        done = update(made, completions(lengths, made.eos_token_ids[0]), between)
    return done, {name: values[-1] for name, values in made._metrics["train"].items()}


CASES: dict[str, dict[str, Any]] = {
    "ragged groups, images of different sizes": {},
    "a reference model": {"beta": 0.04, "change": moved},
    "several iterations": {"num_iterations": 2, "noise": 1e-3},
    "clipped ratios": {"num_iterations": 2, "noise": 1e-2, "epsilon": 1e-3, "beta": 0.04, "change": moved},
    "normalized advantages": {"normalize_advantages": True},
    "completions cut off are masked": {"mask_truncated_completions": True},
    "all completions cut off": {"mask_truncated_completions": True, "lengths": [5, 7, 1, 3] * 3},
    "gradient checkpointing": {"gradient_checkpointing": True},
    "a temperature": {"temperature": 0.7},
}


@cache
def stock_of(folder: Path, case: str) -> tuple[Update, dict[str, float]]:
    """What stock TRL makes of a case, once for all that is compared with it."""
    return one(RLOOTrainer, folder, **CASES[case])


@pytest.fixture(scope="module", autouse=True)
def kept_no_longer() -> Iterator[None]:
    yield
    stock_of.cache_clear()


@pytest.mark.parametrize("tokens", [10_000, 60], ids=["one pass", "several passes"])
@pytest.mark.parametrize("case", CASES)
def test_loss_gradients_and_metrics_are_those_of_stock_trl(tiny_model: Path, case: str, tokens: int) -> None:
    stock, logged = stock_of(tiny_model, case)
    ours, told = one(RLOOSharingTrainer, tiny_model, arguments={"tokens_per_pass": tokens}, **CASES[case])
    assert stock.log_probs.dtype == torch.float64
    assert stock.gradients
    assert max(ours.distance(stock).values()) < 1e-9
    assert ours.tokens < stock.tokens
    assert told == pytest.approx(logged, rel=1e-6, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("tokens", [10_000, 60], ids=["one pass", "several passes"])
def test_a_step_of_several_micro_batches_learns_what_stock_trl_learns(tiny_model: Path, tokens: int) -> None:
    """Sampling, rewards, accumulation and the optimizer's step, from one seed."""
    settings = {
        "per_device_train_batch_size": G,
        "gradient_accumulation_steps": 3,
        "optim": "sgd",
        "learning_rate": 0.1,
    }
    trained = []
    for kind, arguments in ((RLOOTrainer, {}), (RLOOSharingTrainer, {"tokens_per_pass": tokens})):
        made = trainer(kind, tiny_model, arguments=arguments, **settings)
        before = [weights.detach().clone() for weights in made.model.parameters()]
        made.train()
        trained.append([after.detach() - old for after, old in zip(made.model.parameters(), before, strict=True)])
    stock, ours = trained
    length = torch.cat([step.flatten() for step in stock]).norm()
    assert length > 1e-4
    assert torch.cat([(a - b).flatten() for a, b in zip(ours, stock, strict=True)]).norm() < 1e-4 * length


def test_an_evaluation_before_any_training_gives_what_stock_trl_gives(tiny_model: Path) -> None:
    told = []
    for kind in (RLOOTrainer, RLOOSharingTrainer):
        made = trainer(kind, tiny_model)
        del made.current_gradient_accumulation_steps  # training sets it
        torch.manual_seed(1)
        metrics = made.evaluate(questions())
        told.append(
            {name: metrics[f"eval_{name}"] for name in ("loss", "reward", "entropy", "completions/mean_length")}
        )
    stock, ours = told
    assert ours == pytest.approx(stock, rel=1e-4, abs=1e-5)


def test_a_run_checks_itself_and_stops_at_a_mistake(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = trainer(RLOOSharingTrainer, tiny_model, max_steps=2)
    made.train()
    assert made._verified
    groups = logprobs.Groups  # a group's completions as one: each sees those before it
    monkeypatch.setattr(logprobs, "Groups", lambda prompts, ragged, d: groups(prompts, [[sum(r)] for r in ragged], d))
    with pytest.raises(SharingError, match="log-probabilities differ"):
        trainer(RLOOSharingTrainer, tiny_model).train()


def test_a_trainer_of_ones_own_shares_by_a_word_before_its_base(tiny_model: Path) -> None:
    class Doubled(RLOOTrainer):
        def _calculate_rewards(self, *args: Any) -> torch.Tensor:
            return 2 * super()._calculate_rewards(*args)

    class Sharing(GroupSharing, Doubled):
        pass

    kinds: list[Callable[..., RLOOTrainer]] = [Doubled, Sharing]
    (stock, _), (ours, _) = (one(kind, tiny_model) for kind in kinds)
    plain, _ = stock_of(tiny_model, next(iter(CASES)))
    assert max(ours.distance(stock).values()) < 1e-9
    assert ours.distance(plain)["gradients"] > 0.1
