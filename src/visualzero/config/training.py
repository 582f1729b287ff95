"""How runs are trained and evaluated: ``sft:``, ``grpo:`` and ``evaluate:``."""

import math
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, field_validator, model_validator

from visualzero.config.base import Number, Section

Dtype = Literal["float32", "bfloat16"]
Scorer = Literal["strict", "letter", "visualthinker", "lmms", "vlmevalkit", "cambrian"]
SCORERS: tuple[str, ...] = get_args(Scorer)


class Lora(Section):
    """Low-rank adapters (arXiv 2106.09685) trained in place of the weights, and merged into them in the end."""

    r: int = Field(gt=0, description="Rank.")
    alpha: int = Field(gt=0, description="Scale: an adapter's output is weighted with alpha / r.")
    targets: list[str] = Field(
        default=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
        min_length=1,
        description="Linear layers that get an adapter, by the end of their names; by default all of the decoder.",
    )


def number_or_auto(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    """A value that is `auto` or a number above 0, with one message where it is neither."""
    try:
        return validate(value)
    except ValidationError:
        raise ValueError(f"must be auto or a number above 0, not {value!r}") from None


class Optimization(Section):
    """What SFT and GRPO share: AdamW, its schedule, and how a step is cut to fit in memory."""

    steps: int = Field(gt=0, description="Optimizer steps.")
    batch_size: int = Field(gt=0, description="Prompts per optimizer step, over all devices.")
    micro_batch: Annotated[int, Field(gt=0)] | Literal["auto"] = Field(
        description="Samples (SFT) or completions (GRPO) per forward pass of a device; how many passes a step takes"
        " follows from it and the number of devices. auto: where GRPO shares, all that a device has in a step, in"
        " passes of at most `tokens_per_pass`; else a sample or a group.",
    )
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
    lora: Lora | None = Field(default=None, description="Train low-rank adapters only; null trains the weights.")
    save_steps: int = Field(
        gt=0,
        description="A checkpoint to resume from every this many steps; where steps share rollouts or a row of the"
        " history, after the last of them.",
    )
    save_minutes: Number = Field(
        default=10.0,
        gt=0,
        description="A checkpoint at least this often, too: a killed job loses this time and a step at most.",
    )
    checkpoint_steps: int | None = Field(
        default=None,
        gt=0,
        description="Weights kept every this many steps, for the curve of accuracy against steps; null keeps none.",
    )
    logging_steps: int = Field(default=1, gt=0, description="A row of the history every this many steps.")
    threads: int = Field(gt=0, description="CPU threads of a run.")
    prefetch: bool = Field(
        default=False, description="Read and resize images in a process of its own, ahead; changes speed only."
    )

    @property
    def samples_per_step(self) -> int:
        """Sequences that one optimizer step learns from; `micro_batch` has to divide them."""
        return self.batch_size

    def micro_batch_on(self, processes: int) -> int:
        """Sequences that go into a micro-batch where so many processes share a step."""
        return 1 if self.micro_batch == "auto" else self.micro_batch

    @property
    def steps_together(self) -> int:
        """Steps between which no checkpoint can be made: they share a row of the history."""
        return self.logging_steps

    @field_validator("micro_batch", mode="wrap")
    @classmethod
    def _micro_batch_is_a_number_or_auto(cls, value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
        return number_or_auto(value, validate)

    @model_validator(mode="after")
    def _micro_batch_divides(self) -> Self:
        if self.micro_batch != "auto" and self.samples_per_step % self.micro_batch:
            raise ValueError(
                f"micro_batch {self.micro_batch} does not divide the {self.samples_per_step} samples of a step;"
                " choose a divisor"
            )
        return self


class Sft(Optimization):
    """Supervised fine-tuning on the bare answers, or on an arm's trajectories."""

    prompt_loss: bool = Field(
        default=False, description="Learn the prompt's text too, as the official code does; else the answer alone."
    )
    sharing: bool = Field(
        default=True,
        description="Learn answers in a stream, without padding, an image once for all its questions in a batch;"
        " checked on the first one. Off is TRL's own way, as it is with prompt_loss.",
    )


class Resample(Section):
    """Sampling again when too many groups teach nothing, since all their completions earn the same (GPG)."""

    tries: int = Field(gt=0, description="How often a batch is sampled, at most.")
    min_valid: Number = Field(
        gt=0,
        le=1,
        description="Share of groups with unequal rewards that is enough; advantages are divided by the share.",
    )


class Perception(Section):
    """PAPO's implicit perception loss: what the policy says should depend on what it sees (arXiv 2507.06448)."""

    weight: Number = Field(
        default=0.02,
        gt=0,
        description="Weight (gamma) of the KL divergence from the policy shown a masked image, which is maximized.",
    )
    entropy: Number = Field(
        default=0.0, ge=0, description="Weight (eta) of the double entropy loss, which keeps that from running away."
    )
    masked: Number = Field(default=0.6, gt=0, le=1, description="Probability that a patch of the image is blackened.")


class Alarms(Section):
    """Signs that GRPO has stopped learning: said in the log, and written into the history's column `alarm`."""

    no_spread_steps: int | None = Field(
        default=10, gt=0, description="Steps in a row in which no group has unequal rewards; null: never an alarm."
    )
    unended_steps: int | None = Field(
        default=10, gt=0, description="Steps in a row in which no completion comes to its end; null: never an alarm."
    )
    kl: Number | None = Field(
        default=10.0, gt=0, description="KL divergence from the initial model above this; null: never an alarm."
    )
    stop: bool = Field(default=False, description="End the run at the first alarm, with an error.")


class Grpo(Optimization):
    """Group relative policy optimization (arXiv 2402.03300): completions of a prompt are judged against each other."""

    group_size: int = Field(default=8, ge=2, description="Completions per prompt (G).")
    beta: Number = Field(default=0.04, ge=0, description="Weight of the KL penalty to the initial model.")
    temperature: Number = Field(default=1.0, gt=0, description="Temperature of rollouts.")
    top_p: Number = Field(default=1.0, gt=0, le=1, description="Rollouts draw from the most likely tokens up to this.")
    top_k: int = Field(default=0, ge=0, description="Rollouts draw from this many most likely tokens; 0 is no limit.")
    repetition_penalty: Number = Field(
        default=1.0, gt=0, description="Rollouts' penalty on tokens that stand in the prompt or completion; 1 is none."
    )
    max_completion: int = Field(gt=0, description="Tokens after which a rollout is cut off.")
    loss: Literal["grpo", "dr_grpo", "dapo", "bnpo", "cispo"] = Field(
        default="grpo",
        description="How token losses are averaged; grpo: over a completion, then over completions. cispo averages as"
        " dapo does, and clips a token's weight from above without stopping its gradient.",
    )
    ratio: Literal["token", "sequence"] = Field(
        default="token",
        description="Which probability ratio is clipped: each token's, or the geometric mean of a completion's (GSPO).",
    )
    epsilon: Number = Field(default=0.2, gt=0, description="Clipping range of the probability ratio.")
    epsilon_high: Number | None = Field(
        default=None, gt=0, description="Its upper end, where that differs (DAPO's clip-higher); null is epsilon."
    )
    iterations: int = Field(default=1, gt=0, description="Optimizer passes over each batch of rollouts.")
    scale_rewards: Literal["group", "batch", "none"] = Field(
        default="group", description="Whose standard deviation divides the advantages."
    )
    mask_truncated: bool = Field(default=False, description="Learn nothing from completions that were cut off (DAPO).")
    sharing: bool = Field(
        default=True,
        description="Compute a group's image and prompt once, checked on the first batch; off is TRL's own way.",
    )
    tokens_per_pass: int = Field(
        default=16384, gt=0, description="Tokens that go through the model at a time, where sharing; bounds the memory."
    )
    resample: Resample | None = Field(
        default=None, description="Sample again when too many groups have equal rewards; null never does."
    )
    perception: Perception | None = Field(
        default=None, description="PAPO's terms, with loss grpo (PAPO-G) or dapo (PAPO-D) and sharing; null: none."
    )
    alarms: Alarms = Field(default=Alarms(), description="When to say that a run no longer learns, or to end it.")
    engine: Literal["transformers", "vllm"] = Field(
        default="transformers", description="What samples rollouts; vllm shares the GPU with training (Linux, CUDA)."
    )
    vllm_memory: Number = Field(default=0.3, gt=0, lt=1, description="Share of a GPU's memory that vLLM may take.")

    @model_validator(mode="after")
    def _ratio_suits_the_loss(self) -> Self:
        if self.ratio == "sequence" and self.loss != "grpo":
            raise ValueError(
                f"ratio: sequence weighs completions, and loss: {self.loss} would weigh them by their length; set loss"
                " to grpo, as GSPO does, or ratio to token"
            )
        return self

    @model_validator(mode="after")
    def _perception_suits_the_loss(self) -> Self:
        if self.perception and not (self.sharing and self.loss in ("grpo", "dapo")):
            raise ValueError(
                f"perception goes with loss grpo or dapo and with sharing, not with loss {self.loss} and sharing"
                f" {'on' if self.sharing else 'off'}; change these, or set perception to null"
            )
        return self

    @property
    def samples_per_step(self) -> int:
        """Completions that one optimizer step learns from."""
        return self.batch_size * self.group_size

    def micro_batch_on(self, processes: int) -> int:
        """See `Optimization`; a pass of many groups is cut by its tokens where they share."""
        if self.micro_batch != "auto":
            return self.micro_batch
        return self.samples_per_step // processes if self.sharing else self.group_size

    @property
    def steps_together(self) -> int:
        """Steps between which no checkpoint can be made: they share rollouts, or a row of the history."""
        return math.lcm(self.iterations, self.logging_steps)


class Evaluate(Section):
    """Greedy answers to the benchmarks and how they are scored."""

    max_new_tokens: int = Field(gt=0, description="Tokens after which an answer is cut off.")
    batch_size: Annotated[int, Field(gt=0)] | Literal["auto"] = Field(
        description="Questions answered at a time; auto: as many as the memory has room for. Changes speed only."
    )
    window: int = Field(
        default=512,
        gt=0,
        description="Questions that are answered in one another's company, and kept when all are: what an interruption"
        " loses at most, and what shards are made of.",
    )
    shards: int = Field(
        default=1, gt=0, description="Jobs that share an arm's evaluation of a benchmark; changes no result."
    )
    engine: Literal["transformers", "vllm"] = Field(
        default="transformers", description="What writes the answers; vllm is checked against transformers first."
    )
    dtype: Dtype = Field(description="Precision of generation.")
    repetition_penalty: Number = Field(
        default=1.0, gt=0, description="Penalty on tokens that stand in the prompt or answer; 1 is none."
    )
    scorer: Scorer = Field(default="strict", description="Which reading of an answer counts.")
    threads: int = Field(gt=0, description="CPU threads of an evaluation.")

    @field_validator("batch_size", mode="wrap")
    @classmethod
    def _batch_size_is_a_number_or_auto(cls, value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
        return number_or_auto(value, validate)
