"""How runs are trained and evaluated: ``sft:``, ``grpo:`` and ``evaluate:``."""

from typing import Literal, Self

from pydantic import Field, model_validator

from visualzero.config.base import Number, Section

Dtype = Literal["float32", "bfloat16"]


class Optimization(Section):
    """What SFT and GRPO share: AdamW, its schedule, and how a step is cut to fit in memory."""

    steps: int = Field(gt=0, description="Optimizer steps.")
    batch_size: int = Field(gt=0, description="Prompts per optimizer step, over all devices.")
    micro_batch: int = Field(gt=0, description="Samples (SFT) or completions (GRPO) per forward pass.")
    learning_rate: Number = Field(gt=0, description="Peak learning rate.")
    scheduler: Literal["linear", "cosine", "constant", "constant_with_warmup"] = Field(
        default="linear", description="Schedule of the learning rate after warm-up; linear goes to 0."
    )
    warmup_steps: int = Field(default=0, ge=0, description="Steps in which the learning rate rises from 0.")
    weight_decay: Number = Field(default=0.0, ge=0, description="AdamW's weight decay.")
    max_grad_norm: Number = Field(default=1.0, gt=0, description="Gradients are clipped to this norm.")
    adam_beta1: Number = Field(default=0.9, ge=0, lt=1, description="AdamW's decay of the first moment.")
    adam_beta2: Number = Field(default=0.999, ge=0, lt=1, description="AdamW's decay of the second moment.")
    adam_epsilon: Number = Field(default=1e-8, gt=0, description="AdamW's denominator term.")
    dtype: Dtype = Field(description="Precision of the forward and backward pass.")
    gradient_checkpointing: bool = Field(description="Recompute activations: less memory, about a third more time.")
    save_steps: int = Field(gt=0, description="A checkpoint to resume from every this many steps.")
    logging_steps: int = Field(default=1, gt=0, description="A row of the history every this many steps.")
    threads: int = Field(gt=0, description="CPU threads of a run.")

    @property
    def samples_per_step(self) -> int:
        """Sequences that one optimizer step learns from; `micro_batch` has to divide them."""
        return self.batch_size

    @model_validator(mode="after")
    def _micro_batch_divides(self) -> Self:
        if self.samples_per_step % self.micro_batch:
            raise ValueError(
                f"micro_batch {self.micro_batch} does not divide the {self.samples_per_step} samples of a step;"
                " choose a divisor"
            )
        return self


class Sft(Optimization):
    """Supervised fine-tuning on the bare answers."""


class Grpo(Optimization):
    """Group relative policy optimization (arXiv 2402.03300): completions of a prompt are judged against each other."""

    group_size: int = Field(default=8, ge=2, description="Completions per prompt (G).")
    beta: Number = Field(default=0.04, ge=0, description="Weight of the KL penalty to the initial model.")
    temperature: Number = Field(default=1.0, gt=0, description="Temperature of rollouts.")
    top_p: Number = Field(default=1.0, gt=0, le=1, description="Rollouts draw from the most likely tokens up to this.")
    top_k: int = Field(default=0, ge=0, description="Rollouts draw from this many most likely tokens; 0 is no limit.")
    max_completion: int = Field(gt=0, description="Tokens after which a rollout is cut off.")
    loss: Literal["grpo", "dr_grpo", "dapo", "bnpo"] = Field(
        default="grpo", description="How token losses are averaged; grpo: over a completion, then over completions."
    )
    epsilon: Number = Field(default=0.2, gt=0, description="Clipping range of the probability ratio.")
    iterations: int = Field(default=1, gt=0, description="Optimizer passes over each batch of rollouts.")
    scale_rewards: Literal["group", "batch", "none"] = Field(
        default="group", description="Whose standard deviation divides the advantages."
    )

    @property
    def samples_per_step(self) -> int:
        """Completions that one optimizer step learns from."""
        return self.batch_size * self.group_size


class Evaluate(Section):
    """Greedy answers to the benchmarks and how they are scored."""

    max_new_tokens: int = Field(gt=0, description="Tokens after which an answer is cut off.")
    batch_size: int = Field(gt=0, description="Questions answered at a time; changes speed only.")
    dtype: Dtype = Field(description="Precision of generation.")
    scorer: Literal["strict"] = Field(default="strict", description="Which reading of an answer counts.")
    threads: int = Field(gt=0, description="CPU threads of an evaluation.")
