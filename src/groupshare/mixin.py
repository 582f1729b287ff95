"""TRL's trainers of groups, doing what a group shares once.

In stock TRL every completion is a row of its own: each pass encodes the image and computes the prompt G times. Here a
prompt and its image are computed once per group and pass, in the rollout and in every log-probability pass, and their
gradients are the sum over the group, as they are in stock TRL. Rewards, advantages, losses and logging are TRL's.
"""

from contextlib import nullcontext
from dataclasses import replace
from functools import cached_property
from typing import Any

import torch
from accelerate.utils import DistributedType, gather_object
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset
from transformers import PreTrainedModel
from trl import RLOOTrainer
from trl.extras.profiling import profiling_context
from trl.models import unwrap_model_for_generation
from trl.trainer.utils import split_tensor_dict

from groupshare.attention import install
from groupshare.errors import SharingError
from groupshare.logprobs import passes_of, shared_log_probs
from groupshare.pass_metrics import DIFFERENCE, PassMetrics
from groupshare.passes import Passes
from groupshare.prefill import kept_within
from groupshare.questions import (
    COLUMN,
    Preparer,
    Question,
    QuestionRows,
    groups_of,
    images_of,
    questions_of,
    rope_index_of,
)
from groupshare.rollout import can_sample, rollout, settings_of
from groupshare.towers import is_frozen
from groupshare.verification import select


class GroupSharing(Passes):
    """Put before TRL's `GRPOTrainer` or `RLOOTrainer`: the same results up to rounding, each group's work done once.

        class MyTrainer(GroupSharing, GRPOTrainer): ...

    Micro-batches hold whole groups where `per_device_train_batch_size` is a multiple of `num_generations`. A micro-
    batch runs in passes of at most `tokens_per_pass` tokens, each with its own backward pass, so memory doesn't grow
    with the micro-batch. Completions whose advantage is zero are left out where they can't change the loss (beta 0, no
    entropy bonus); `entropy` and clip ratios are then logged over the rest.

    The first batch of a run is also computed TRL's way, for a part of two groups.

    Raises:
        SharingError: when that comparison fails, for tools and environments, which change prompts between turns, for a
            model whose attention is not SDPA, and for the balance loss of mixtures of experts.
    """

    _buffered_inputs: list[dict[str, Any]] | None
    # What GRPO's trainer has and RLOO's has not: its ratios are of completions, its loss their mean, without a bonus.
    chat_template: str | None = None
    importance_sampling_level = "sequence"
    loss_type = "grpo"
    top_entropy_quantile = 1.0
    aux_loss_enabled = False
    _entropy_bonus_enabled = False

    def __init__(self, *args: Any, tokens_per_pass: int = 16_384, **kwargs: Any):
        if kwargs.get("tools") or kwargs.get("environment_factory") or kwargs.get("rollout_func"):
            raise SharingError("tools, environments and rollout functions, which change prompts, are not supported")
        super().__init__(*args, **kwargs)
        if self.aux_loss_enabled:
            raise SharingError("the balance loss of a mixture of experts (router_aux_loss_coef) is not supported")
        self.tokens_per_pass = tokens_per_pass
        self._verified = False
        self._questions: list[Question] = []  # one per row of the batch at hand
        self._rows: list[dict[str, Any]] = []  # the dataset's, of the batch at hand
        self._sampled: list[list[float]] | None = None  # log-probabilities, until TRL asks for the old policy's
        self._drawn_with: Tensor | None = None  # those of the micro-batch at hand, as long as it is on-policy
        for model in filter(None, (self.model, self.ref_model)):
            install(self._plain(model))

    @property
    def _is_rloo(self) -> bool:
        """Whether TRL's methods give what RLOO's give: completions alone, without log-probabilities and tools."""
        return isinstance(self, RLOOTrainer)

    def _plain(self, model: nn.Module) -> PreTrainedModel:
        model = self.accelerator.unwrap_model(model)
        return model.get_base_model() if hasattr(model, "get_base_model") else model

    # Data: each question read and preprocessed once, groups kept together.

    def _get_dataloader(self, dataset: Any, *args: Any, **kwargs: Any) -> DataLoader:
        if not isinstance(dataset, IterableDataset):
            dataset = QuestionRows(dataset, self._preparer)
        return super()._get_dataloader(dataset, *args, **kwargs)

    def _set_signature_columns_if_needed(self) -> None:
        self._signature_columns = ["prompt", "image", "images", COLUMN]

    @property
    def _preparer(self) -> Preparer:
        return Preparer(self.processing_class, {"chat_template": self.chat_template, **self.chat_template_kwargs})

    def _prepare_inputs(self, generation_batch: Any) -> dict[str, Any]:
        if not self.model.training:
            return self._generate_and_score_completions(generation_batch)
        slots = self.args.steps_per_generation
        if self._step % (slots * self.num_iterations) == 0 or self._buffered_inputs is None:
            batch = self._generate_and_score_completions(generation_batch)
            self._buffered_inputs = split_tensor_dict(_shuffle_groups(batch), slots)
        return self._buffered_inputs[self._step % slots]

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        # TRL sees prompts with their images in place and no image column, so it preprocesses nothing itself.
        self._rows = [{name: value for name, value in row.items() if name != COLUMN} for row in inputs]
        prepare = self._preparer
        self._questions = self._placed(questions_of(inputs, prepare))
        hidden = ("image", "images")
        bare = [
            {name: value for name, value in row.items() if name not in hidden} | {"prompt": prepare.prompt(row)}
            for row in self._rows
        ]
        output = super()._generate_and_score_completions(bare)
        output["questions"] = self._questions
        if self.log_multimodal:
            self._logs["images"].extend(gather_object([images_of(row) for row in self._rows]))
        if not self._verified:
            self._verified = self._verify(output)
        return output

    def _placed(self, questions: list[Question]) -> list[Question]:
        """The same on the model's device, still one object per group."""
        rope_index = rope_index_of(self._plain(self.model))
        placed = {id(question): question for question in questions}
        placed = {key: q.placed(self.accelerator.device, rope_index) for key, q in placed.items()}
        if self._looks_once:
            placed = {key: replace(q, seen={}) for key, q in placed.items()}
        if self.model.training and self._goes_on:
            marked = kept_within(list(placed.values()), self.tokens_per_pass)
            placed = dict(zip(placed, marked, strict=True))
        return [placed[id(question)] for question in questions]

    @property
    def _sharded(self) -> bool:
        """Whether processes have parts of the model, which is called as a whole."""
        return self.is_fsdp_enabled or self.accelerator.distributed_type == DistributedType.DEEPSPEED

    @cached_property
    def _looks_once(self) -> bool:
        """Whether what the vision tower makes of an image stays as it is."""
        return not self._sharded and is_frozen(self._plain(self.model))

    @cached_property
    def _goes_on(self) -> bool:
        """Whether the update may go on from the keys and values of the rollout: same weights, and nothing dropped."""
        every = self.args.steps_per_generation * self.num_iterations
        on_policy = self.args.gradient_accumulation_steps % every == 0
        drops = any(
            getattr(part, "attention_dropout", 0) or (isinstance(part, nn.Dropout) and part.p)
            for part in self._plain(self.model).modules()
        )
        return on_policy and self._shares_rollout and not (drops or self._sharded or self.args.gradient_checkpointing)

    def _calculate_rewards(self, inputs: list[dict[str, Any]], *args: Any) -> Tensor:
        return super()._calculate_rewards([row | given for row, given in zip(self._rows, inputs, strict=True)], *args)

    # Rollout.

    @property
    def _shares_rollout(self) -> bool:
        """Whether we sample ourselves; else TRL does, and only the log-probability passes are shared."""
        elsewhere = self.use_vllm or self.use_transformers_continuous_batching or self.is_fsdp_enabled
        return not (elsewhere or self.args.generation_kwargs or self.args.cache_implementation) and self._can_sample

    @cached_property
    def _can_sample(self) -> bool:
        model = self._plain(self.model)
        return can_sample(model, settings_of(model, self.generation_config))

    def _tokenize_prompts(self, prompts: list[Any]) -> tuple[list[list[int]], list[Any] | None, dict[str, Any]]:
        if not self._shares_rollout:
            return super()._tokenize_prompts(prompts)
        return [question.input_ids.tolist() for question in self._questions], None, {}

    def _generate(self, prompts: list[Any]) -> tuple[Any, ...]:
        generated = super()._generate(prompts)
        if self._is_rloo:
            return generated
        *output, _images, tool_images = generated
        return (*output, None, tool_images)

    def _generate_single_turn(self, *args: Any, **kwargs: Any) -> Any:
        if not self._shares_rollout:
            return super()._generate_single_turn(*args, **kwargs)
        with (
            profiling_context(self, "sample"),
            unwrap_model_for_generation(
                self.model_wrapped,
                self.accelerator,
                gather_deepspeed3_params=self.args.ds3_gather_for_generation,
                gradient_checkpointing_kwargs=self.args.gradient_checkpointing_kwargs,
            ) as model,
            self.accelerator.autocast(),  # around all steps, so that weights are cast once
        ):
            settings = settings_of(self._plain(model), self.generation_config)
            rows = rollout(self._plain(model), self._questions, settings)
        self._sampled = [row.log_probs for row in rows]
        completions = [row.tokens for row in rows]
        return completions if self._is_rloo else (completions, self._sampled)

    # Log-probabilities and loss.

    def _get_per_token_logps_and_entropies(
        self,
        model: nn.Module,
        input_ids: Tensor,
        attention_mask: Tensor,
        logits_to_keep: int,
        batch_size: int | None = None,
        compute_entropy: bool = False,
        **kwargs: Any,
    ) -> tuple[Tensor, Tensor | None, None]:
        if not self._questions:  # no batch yet: rows of whoever asks
            return super()._get_per_token_logps_and_entropies(
                model, input_ids, attention_mask, logits_to_keep, batch_size, compute_entropy, **kwargs
            )
        completion_ids = input_ids[:, -logits_to_keep:]
        sampled, self._sampled = self._sampled, None
        if sampled is not None and self._sampler_serves:
            old = torch.zeros(completion_ids.shape)
            for values, row in zip(old, sampled, strict=True):
                values[: len(row)] = torch.tensor(row)
            return old.to(input_ids.device), None, None
        lengths = attention_mask[:, -logits_to_keep:].sum(dim=1).tolist()
        passes = [list(range(len(lengths)))]
        idle = 0  # passes that are run for company and thrown away: sharded weights are gathered by all or none
        if not torch.is_grad_enabled():
            passes = passes_of(self._questions, lengths, self.tokens_per_pass)
            idle = self._most(len(passes)) - len(passes)
        logps, entropies = [], []
        for rows in passes + passes[:1] * idle:
            with self.accelerator.autocast():
                logp, entropy = shared_log_probs(
                    model, [self._questions[row] for row in rows], completion_ids[rows], [lengths[row] for row in rows]
                )
            logps.append(logp)
            entropies.append(entropy)
        used = slice(len(passes))
        found = torch.cat(logps[used])
        if torch.is_grad_enabled() and self._drawn_with is not None:
            self._note_difference(found.detach(), attention_mask[:, -logits_to_keep:].bool())
        return found, torch.cat(entropies[used]) if compute_entropy else None, None

    @property
    def _sampler_serves(self) -> bool:
        """Whether what TRL asks first of a batch is the old policy's log-probabilities, and the sampler's will do.

        In half precision the sampler's differ by about a hundredth from those of training. A token's ratio, clipped at
        some tenths, bears that; that of a whole sequence, clipped at less than a thousandth (GSPO), does not.
        """
        every = self.args.steps_per_generation * self.num_iterations
        half = self.args.bf16 or self.args.fp16 or self._plain(self.model).dtype != torch.float32
        will_do = not (self._is_rloo or self.use_vllm) and (not half or self.importance_sampling_level == "token")
        return will_do and self.args.gradient_accumulation_steps % every != 0

    def _note_difference(self, log_probs: Tensor, counts: Tensor) -> None:
        """Log how far the sampler's log-probabilities are from those of training, `[B, C]`, on average over tokens."""
        assert self._drawn_with is not None
        apart = (log_probs - self._drawn_with)[counts].abs()
        mean = apart.mean() if len(apart) else log_probs.new_zeros(())
        mode = "train" if self.model.training else "eval"
        self._metrics[mode][DIFFERENCE].append(self.accelerator.gather(mean).mean().item())

    def compute_loss(self, model: nn.Module, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Tensor:
        """The loss of a micro-batch; of all its passes but the last, the backward pass is already done."""
        *earlier, last = self._weighted_passes(inputs)
        done = torch.zeros((), device=self.accelerator.device)
        passes = PassMetrics(self) if self._independent else None
        for rows, weight in earlier:  # none in an evaluation, which may come before any training
            later = 1 if self.loss_is_scaled_for_ga else self.current_gradient_accumulation_steps
            with self.accelerator.no_sync(model):
                loss = self._loss_of(model, select(inputs, rows), weight, passes, *args, **kwargs) * weight
                self.accelerator.backward(loss / later)  # as the Trainer does with the last
            done = done + loss.detach()  # in the precision of the losses
        rows, weight = last
        loss = self._loss_of(model, select(inputs, rows), weight, passes, *args, **kwargs) * weight + done
        if passes:
            passes.put_together()
        return loss

    def _loss_of(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        weight: float,
        passes: PassMetrics | None,
        *args: Any,
        **kwargs: Any,
    ) -> Tensor:
        self._questions = inputs["questions"]
        slots = self.args.steps_per_generation
        first = self._step % (slots * self.num_iterations) < slots  # the policy is still that which drew them
        self._drawn_with = inputs.get("sampling_per_token_logps") if first and not self.use_vllm else None
        counts = inputs["completion_mask"].sum().item(), len(inputs["completion_ids"])
        with passes.of(*(counts if weight else (0, 0))) if passes else nullcontext():
            loss: Tensor = super().compute_loss(model, inputs, *args, **kwargs)
        self._drawn_with = None
        return loss


def _shuffle_groups(batch: dict[str, Any]) -> dict[str, Any]:
    """Groups in random order. It is TRL's draw for its rows, so that the random stream goes on as it does there."""
    rank = torch.randperm(len(batch["questions"])).argsort()
    groups = sorted(groups_of(batch["questions"]), key=lambda group: int(rank[group[1][0]]))
    return select(batch, [row for _, rows in groups for row in rows])
