"""FLOPs of each job: of the matrix products and of attention, which are nearly all there are.

A matrix of `w` weights costs 2 w for each token, attention 4 x width x queries x keys in each layer. Backward costs as
much again for the gradients of the inputs and as much for those of the weights; attention's fused backward, which
computes its scores a second time, 2.5 times its forward. Gradient checkpointing repeats the layers' forward but for
each one's last matrix, whose output the backward pass doesn't need. TRL's head computes its logits a second time in
its backward pass.

What is counted is what the code does: with `grpo.sharing` a group's image and prompt are computed once in rollouts, in
the reference model and in training. Without it TRL 1.16 runs both again for every completion, in each of them; vLLM
keeps them for the group. How much of the work is such repetition stands beside the total.
"""

from dataclasses import dataclass

from visualzero.config import Lora, Sft
from visualzero.planning.architecture import Architecture, Language
from visualzero.planning.towers import Vision
from visualzero.planning.workload import Evaluation, Training

ATTENTION_BACKWARD = 2.5


@dataclass(frozen=True)
class Work:
    """FLOPs of a forward pass: matrices before the layers, in them, each layer's last one, after them; attention."""

    before: float
    layers: float
    last: float
    after: float
    attention: float

    @property
    def forward(self) -> float:
        """A forward pass."""
        return self.before + self.layers + self.last + self.after + self.attention

    def backward(self, weights: bool) -> float:
        """The backward pass after it: to the layers' inputs, and to all weights if they are trained."""
        inputs = self.layers + self.last + self.after
        return inputs + (inputs + self.before if weights else 0) + self.attention * ATTENTION_BACKWARD

    @property
    def recompute(self) -> float:
        """What gradient checkpointing repeats of the forward pass."""
        return self.layers + self.attention


def vision_work(model: Vision, tokens: int) -> Work:
    """An image of that many visual tokens."""
    patches = tokens * model.patches_per_token
    last = model.mlp * model.width
    return Work(
        before=2 * patches * model.pixel_values * model.width,
        layers=2 * patches * model.depth * (model.block - last),
        last=2 * patches * model.depth * last,
        after=2 * tokens * model.merger,
        attention=4 * model.pairs(patches) * model.width,
    )


def language_work(model: Language, tokens: int, scores: float) -> Work:
    """`tokens` through the decoder without its head; `scores` counts the pairs of query and key."""
    last = model.mlp * model.width
    return Work(
        before=0,
        layers=2 * tokens * model.layers * (model.layer - last),
        last=2 * tokens * model.layers * last,
        after=0,
        attention=4 * scores * model.q_width * model.layers,
    )


def head_flops(model: Language, positions: int) -> float:
    """The logits of that many positions."""
    return 2.0 * positions * model.head


def decode_flops(model: Language, prompt: int, completion: int) -> float:
    """Sampling a completion token by token, its prompt being in the cache."""
    scores = completion * prompt + completion**2 / 2
    return language_work(model, completion, scores).forward + head_flops(model, completion)


@dataclass(frozen=True)
class Cost:
    """FLOPs of a part of a job: `repeatable` is what the completions of a group could share (image and prompt)."""

    repeatable: float
    own: float

    @property
    def total(self) -> float:
        """All of it."""
        return self.repeatable + self.own

    def shared(self, sharers: int) -> float:
        """What remains of it where so many completions share one computation of their image and prompt."""
        return self.repeatable / sharers + self.own

    def __mul__(self, times: float) -> "Cost":
        return Cost(self.repeatable * times, self.own * times)


@dataclass(frozen=True)
class TrainingCost:
    """FLOPs of a run by phase, and the share of them that sharing image and prompt in a group would save."""

    rollout: float
    old: float
    reference: float
    update: float
    avoidable: float

    @property
    def total(self) -> float:
        """All phases."""
        return self.rollout + self.old + self.reference + self.update


def training_cost(run: Training, completion: int, scored: int) -> TrainingCost:
    """A run whose completions all have `completion` tokens.

    `scored` is how many positions of a sequence the head is applied to, see `scored_positions`.
    """
    forward = forward_cost(run, completion, scored)
    group, recipe = run.group, run.grpo
    updates = run.recipe.steps * run.recipe.samples_per_step
    update = update_cost(run, completion, scored) * updates
    if recipe is None:
        return TrainingCost(0, 0, 0, update.total, 0)
    vllm = recipe.engine == "vllm"
    sampled = Cost(
        run.completions * prefill_flops(run.model, run.lengths.visual, run.lengths.prompt),
        run.completions * decode_flops(run.model.language, run.lengths.prompt, completion),
    )
    old = forward * (run.completions * run.old_passes)
    reference = forward * (run.completions if recipe.beta else 0)
    phases = {
        "rollout": (sampled, group if vllm else run.sharers),
        "old": (old, run.sharers),
        "reference": (reference, run.sharers),
        "update": (update, run.update_sharers),
    }
    done = {phase: cost.shared(sharers) for phase, (cost, sharers) in phases.items()}
    needed = sum(cost.shared(group) for cost, _ in phases.values())
    return TrainingCost(**done, avoidable=1 - needed / sum(done.values()))


def learnt(run: Training, completion: int) -> int:
    """Positions of a sequence that are learnt: the completion's, and with SFT's prompt_loss the prompt's text's."""
    prompt_too = isinstance(run.recipe, Sft) and run.recipe.prompt_loss
    return completion + run.lengths.text if prompt_too else completion


def scored_positions(run: Training, completion: int, triton: bool) -> int:
    """Positions that TRL's head is applied to: with Triton, so on GPUs, those that are learnt; else all but one."""
    return learnt(run, completion) if triton else run.lengths.prompt + completion - 1


def forward_cost(run: Training, completion: int, scored: int) -> Cost:
    """A sequence through the model, as the reference model scores it."""
    vision, prompt, rest = _parts(run, completion)
    image = 0 if run.looks_once else vision.forward
    return Cost(image + prompt.forward, rest.forward + head_flops(run.model.language, scored))


def update_cost(run: Training, completion: int, scored: int) -> Cost:
    """A sequence forward and backward.

    With gradient checkpointing transformers asks for the gradient of the patch embedding's output, so that a frozen
    vision tower is gone back through all the same, but where a group shares, which then takes what the rollout made.
    """
    vision, prompt, rest = _parts(run, completion)
    recipe, full = run.recipe, run.recipe.lora is None
    train_vision, train_language = full and "vision" not in run.frozen, full and "language" not in run.frozen
    through_vision = (train_vision or recipe.gradient_checkpointing) and not run.looks_once
    head = head_flops(run.model.language, scored) * (4 if train_language else 3)
    repeatable = prompt.forward + prompt.backward(train_language) + (0 if run.looks_once else vision.forward)
    own = rest.forward + rest.backward(train_language) + head
    if through_vision:
        repeatable += vision.backward(train_vision)
    if recipe.gradient_checkpointing:
        repeatable += prompt.recompute + (0 if run.looks_once else vision.recompute)
        own += rest.recompute
    if recipe.lora:
        adapters = 6.0 * lora_parameters(run.model, recipe.lora)
        repeatable, own = repeatable + adapters * run.lengths.prompt, own + adapters * completion
    return Cost(repeatable, own)


def lora_parameters(model: Architecture, lora: Lora) -> int:
    """Parameters of the adapters: r x (inputs + outputs) for each target matrix."""
    seen, text = model.vision, model.language
    matrices = {
        "q_proj": text.layers * (text.width + text.q_width),
        "k_proj": text.layers * (text.width + text.kv_width),
        "v_proj": text.layers * (text.width + text.kv_width),
        "o_proj": text.layers * (text.q_width + text.width),
        "gate_proj": text.layers * (text.width + text.mlp),
        "up_proj": text.layers * (text.width + text.mlp),
        "down_proj": text.layers * (text.mlp + text.width),
    }
    return lora.r * sum(matrices.get(target, 0) + seen.depth * seen.adapters.get(target, 0) for target in lora.targets)


def trained_parameters(run: Training) -> int:
    """Parameters that a run's optimizer moves."""
    return lora_parameters(run.model, run.recipe.lora) if run.recipe.lora else run.model.trainable(run.frozen)


def evaluation_flops(job: Evaluation, completion: int) -> float:
    """An arm's answers to a benchmark under one seed, all of `completion` tokens."""
    answer = decode_flops(job.model.language, job.lengths.prompt, completion)
    return job.questions * (prefill_flops(job.model, job.lengths.visual, job.lengths.prompt) + answer)


def prefill_flops(model: Architecture, visual: int, prompt: int) -> float:
    """An image and its prompt through the model; the head is only asked for what follows."""
    return vision_work(model.vision, visual).forward + language_work(model.language, prompt, prompt**2).forward


def _parts(run: Training, completion: int) -> tuple[Work, Work, Work]:
    """The image, the prompt, and what the completion adds to it. Attention has a mask, so all pairs are computed."""
    text, prompt = run.model.language, run.lengths.prompt
    pairs = (prompt + completion) ** 2 - prompt**2
    return (
        vision_work(run.model.vision, run.lengths.visual),
        language_work(text, prompt, prompt**2),
        language_work(text, completion, pairs),
    )
