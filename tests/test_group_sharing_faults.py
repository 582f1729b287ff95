"""What group sharing once got wrong in silence: a data set's own columns, settings that it overlooked, metrics."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import IterableDataset
from transformers import Qwen2VLForConditionalGeneration
from trl import GRPOTrainer

from groupshare import GroupSharingTrainer, SharingError
from sharing_cases import G, completions, measured, questions, reward, trainer, update

pytestmark = [
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning"),
]
RAGGED = [5, 12, 2, 7, 1, 4, 9, 9, 12, 3, 6, 8]


def advantages_of_tokens(made: GRPOTrainer) -> None:
    """Advantages of each token, which TRL lets subclasses give; those of the second group are zero."""
    score = made._generate_and_score_completions

    def scored(inputs: list[dict[str, Any]]) -> dict[str, Any]:
        output: dict[str, Any] = score(inputs)
        width = output["completion_ids"].shape[1]
        wave = torch.linspace(0, 2, width).sin() * output["advantages"][:, None]
        wave[G : 2 * G] = 0
        return output | {"advantages": wave}

    made._generate_and_score_completions = scored


def test_advantages_of_each_token_are_those_of_its_row(tiny_model: Path) -> None:
    updates = []
    for kind in (GRPOTrainer, GroupSharingTrainer):
        made = trainer(kind, tiny_model)
        advantages_of_tokens(made)
        updates.append(update(made, completions(RAGGED, made.eos_token_ids[0])))
    stock, ours = updates
    assert max(ours.distance(stock).values()) < 1e-5
    assert 0 < ours.tokens < stock.tokens


def test_a_column_that_is_called_question_reaches_the_reward(tiny_model: Path) -> None:
    seen = []

    def watching(completion_ids: list[list[int]], question: list[str], **columns: Any) -> list[float]:
        seen.extend(question)
        return reward(completion_ids)

    rows = questions().add_column("question", ["first", "second", "third"])
    trainer(GroupSharingTrainer, tiny_model, rows=rows, reward_func=watching).train()
    assert sorted(set(seen)) == ["first", "second", "third"]


def test_an_adapter_of_the_patch_embedding_learns(tiny_model: Path) -> None:
    peft = pytest.importorskip("peft")
    config = peft.LoraConfig(r=2, target_modules=["patch_embed.proj"], init_lora_weights=False)
    updates = []
    for kind in (GRPOTrainer, GroupSharingTrainer):
        torch.manual_seed(0)
        made = trainer(kind, tiny_model, arguments={"peft_config": config})
        updates.append(update(made, completions(RAGGED, made.eos_token_ids[0])))
    stock, ours = updates
    assert all(gradient.any() for gradient in ours.gradients.values())
    assert max(ours.distance(stock).values()) < 1e-5


def test_attention_dropout_is_not_forgotten(tiny_model: Path) -> None:
    def dropping(model: Qwen2VLForConditionalGeneration) -> None:
        for layer in model.model.language_model.layers:
            layer.self_attn.attention_dropout = 0.5

    made, plain = (trainer(GroupSharingTrainer, tiny_model, change=change) for change in (dropping, lambda model: None))
    ids = completions(RAGGED, made.eos_token_ids[0])
    first, second, without = (update(one, ids).log_probs for one in (made, made, plain))
    assert not torch.allclose(first, second)
    assert not torch.allclose(first, without)


@pytest.mark.parametrize(
    "settings",
    [{"min_new_tokens": 8}, {"no_repeat_ngram_size": 1}, {"typical_p": 0.3}, {"bad_words_ids": [[60], [61]]}],
)
def test_what_a_models_own_generation_config_asks_for_is_done(
    tiny_model: Path, settings: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    def configured(model: Qwen2VLForConditionalGeneration) -> None:
        model.generation_config.update(**settings)

    drawn = []
    for kind in (GRPOTrainer, GroupSharingTrainer):
        made = trainer(kind, tiny_model, change=configured)
        [batch] = list(made.get_train_dataloader())[:1]
        torch.manual_seed(5)
        drawn.append(made._generate_and_score_completions(batch)["completion_ids"])
    assert torch.equal(*drawn)
    assert next(iter(settings)) in caplog.text


def test_a_generation_config_that_was_saved_with_its_defaults_asks_for_nothing(
    tiny_model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def saved(model: Qwen2VLForConditionalGeneration) -> None:
        model.generation_config.update(output_attentions=False, output_hidden_states=False)

    assert trainer(GroupSharingTrainer, tiny_model, change=saved)._can_sample
    assert caplog.text == ""


def test_a_model_with_a_generate_of_its_own_samples_by_it(tiny_model: Path, caplog: pytest.LogCaptureFixture) -> None:
    def says_one_word(model: Qwen2VLForConditionalGeneration) -> None:
        model.generate = lambda input_ids, **inputs: torch.cat([input_ids, torch.full((len(input_ids), 5), 60)], dim=1)

    made = trainer(GroupSharingTrainer, tiny_model, change=says_one_word)
    batch = made._generate_and_score_completions(next(iter(made.get_train_dataloader())))
    assert batch["completion_ids"].tolist() == [[60] * 5] * 3 * G
    assert "has one of its own" in caplog.text


def test_a_setting_of_the_models_own_that_our_sampler_knows_is_obeyed(tiny_model: Path) -> None:

    def configured(model: Qwen2VLForConditionalGeneration) -> None:
        model.generation_config.update(min_p=0.9)

    drawn = []
    for kind, change in (
        (GRPOTrainer, configured),
        (GroupSharingTrainer, configured),
        (GRPOTrainer, lambda model: None),
    ):
        made = trainer(kind, tiny_model, change=change)
        assert kind is GRPOTrainer or made._shares_rollout
        [batch] = list(made.get_train_dataloader())[:1]
        torch.manual_seed(5)
        drawn.append(made._generate_and_score_completions(batch)["completion_ids"])
    stock, ours, plain = drawn
    assert torch.equal(stock, ours)
    assert not torch.equal(stock, plain)


@pytest.mark.parametrize("level", ["token", "sequence"])
def test_metrics_of_several_passes_are_those_of_one(tiny_model: Path, level: str) -> None:
    logged = []
    settings = {"beta": 0.04, "num_iterations": 2, "epsilon": 1e-3, "importance_sampling_level": level}
    for tokens in (None, 10_000, 60):
        kind = GRPOTrainer if tokens is None else GroupSharingTrainer
        made = trainer(kind, tiny_model, arguments={"tokens_per_pass": tokens} if tokens else {}, **settings)

        def between(made: GRPOTrainer = made) -> None:
            torch.manual_seed(3)
            made._metrics["train"] = defaultdict(list)
            with torch.no_grad():
                for weights in made.model.parameters():
                    weights.add_(1e-2 * torch.randn_like(weights))

        update(made, completions(RAGGED, made.eos_token_ids[0]), between)
        logged.append({name: values[-1] for name, values in made._metrics["train"].items()})
        assert all(len(values) == 1 for values in made._metrics["train"].values())
    stock, whole, cut = logged
    assert {"kl", "entropy", "clip_ratio/low_mean", "clip_ratio/low_min", "clip_ratio/high_max"} <= stock.keys()
    assert stock["kl"] > 0
    assert stock["clip_ratio/region_mean"] > 0
    assert whole == pytest.approx(stock, rel=1e-4, nan_ok=True)
    assert cut == pytest.approx(stock, rel=1e-4, nan_ok=True)


def test_a_group_that_is_cut_off_can_be_alone_in_a_pass(tiny_model: Path) -> None:
    lengths = [5, 7, 1, 3, *RAGGED[4:]]  # odd: without an end
    settings = {"mask_truncated_completions": True, "beta": 0.04}
    updates = []
    for kind, arguments in ((GRPOTrainer, {}), (GroupSharingTrainer, {"tokens_per_pass": 60})):
        made = trainer(kind, tiny_model, arguments=arguments, **settings)
        updates.append(update(made, completions(lengths, made.eos_token_ids[0])))
    stock, ours = updates
    assert max(ours.distance(stock).values()) < 1e-5


def test_two_trainers_of_one_model_leave_it_as_one_does(tiny_model: Path) -> None:
    made = trainer(GroupSharingTrainer, tiny_model)
    hooks = len(made.model.model.language_model._forward_hooks)
    again = GroupSharingTrainer(
        model=made.model,
        args=made.args,
        reward_funcs=[reward],
        train_dataset=questions(),
        processing_class=made.processing_class,
    )
    again.current_gradient_accumulation_steps = 1
    assert len(made.model.model.language_model._forward_hooks) == hooks
    assert update(again, completions(RAGGED, made.eos_token_ids[0])).loss


def test_a_stream_of_rows_is_shared_too(tiny_model: Path) -> None:
    """One question is prepared once for its group, and computed once."""
    rows = questions()
    stream = IterableDataset.from_generator(lambda: iter(rows))
    made = trainer(GroupSharingTrainer, tiny_model, rows=stream)
    plain = trainer(GroupSharingTrainer, tiny_model, rows=rows)
    made.model.train()
    [batch] = list(made.get_train_dataloader())[:1]
    with measured(made) as meter:
        inputs = made._generate_and_score_completions(batch)
    assert meter.images == len(rows)
    assert len({id(question) for question in inputs["questions"]}) == len(rows)
    [batch] = list(plain.get_train_dataloader())[:1]
    assert len({id(q) for q in plain._generate_and_score_completions(batch)["questions"]}) == len(rows)


def test_another_attention_than_sdpa_is_refused(tiny_model: Path) -> None:
    def eager(model: Qwen2VLForConditionalGeneration) -> None:
        model.set_attn_implementation("eager")

    with pytest.raises(SharingError, match=r"the model's attention is 'eager'.*attn_implementation='sdpa'"):
        trainer(GroupSharingTrainer, tiny_model, change=eager)


def test_before_any_batch_the_log_probs_of_rows_are_trls(tiny_model: Path) -> None:
    ids = torch.arange(50, 66).view(2, 8)
    found = []
    for kind in (GRPOTrainer, GroupSharingTrainer):
        made = trainer(kind, tiny_model, entropy_coef=0.1)
        logps, entropies, _ = made._get_per_token_logps_and_entropies(
            made.model, ids, torch.ones_like(ids), 4, compute_entropy=True
        )
        assert entropies.requires_grad
        found.append(torch.stack([logps, entropies]).detach())
    stock, ours = found
    torch.testing.assert_close(ours, stock)
