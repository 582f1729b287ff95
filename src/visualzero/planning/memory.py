"""Bytes on one GPU when a job needs most of them.

Two moments compete, and the larger one counts: an update (gradients, activations, head) and a rollout (the cache, or
what the pass over the prompts works on). Activations are what autograd keeps for the backward pass: with gradient
checkpointing the input of every layer and one layer in full, without it every layer in full. Where a group shares its
prompt, a pass holds images and prompts once, and as many completions as `grpo.tokens_per_pass` allows.
"""

from dataclasses import dataclass, replace
from typing import Literal

from visualzero.evaluation.answering.limits import CACHE_SHARE, MOST_ROWS, PREFILLED
from visualzero.planning.architecture import Architecture
from visualzero.planning.cost import learnt, trained_parameters
from visualzero.planning.gpus import Gpu
from visualzero.planning.precision import Precision, inference_precision, training_precision
from visualzero.planning.workload import Evaluation, Training

Sharding = Literal["ddp", "zero2", "zero3"]
GIB = 2**30
FLOAT = 4
LIBRARIES = 1.0 * GIB  # CUDA's context and workspaces
FRAGMENTED = 0.05  # of the rest, which the allocator holds without use
HEAD_TOKENS, HEAD_WORDS = 4096, 32768  # the tile in which TRL's head works


@dataclass(frozen=True)
class Memory:
    """Bytes on one GPU, part by part; `cache` is that of keys and values, `vllm` what vLLM keeps to itself."""

    weights: float
    gradients: float
    optimizer: float
    reference: float
    activations: float
    head: float
    cache: float
    vllm: float
    overhead: float

    @property
    def total(self) -> float:
        """Bytes at the worse of the two moments."""
        fixed = self.weights + self.optimizer + self.reference + self.vllm + self.overhead
        return fixed + max(self.gradients + self.activations + self.head, self.cache)


def training_memory(run: Training, completion: int, gpus: int, sharding: Sharding = "ddp", vllm: float = 0) -> Memory:
    """What a run needs on each of `gpus` GPUs when its completions have `completion` tokens.

    ddp: as many copies of everything as there are GPUs. zero2, zero3 (DeepSpeed): weights in bfloat16; their float32
    copies, the moments and the gradients are shared out, and in zero3 the weights too. `vllm` is what that engine
    takes.
    """
    recipe, lengths, model = run.recipe, run.lengths, run.model
    precision, trained = training_precision(recipe.dtype), trained_parameters(run)
    held = model.parameters + (trained if recipe.lora else 0)
    referenced = model.parameters if run.grpo and run.grpo.beta and not recipe.lora else 0  # LoRA turns adapters off
    if sharding == "ddp":
        weights: float = precision.held * held + precision.cast * model.parameters
        gradients: float = (
            FLOAT * trained * (2 if gpus > 1 else 1)
        )  # several processes exchange them in buckets of their own
        optimizer: float = 2 * FLOAT * trained
        reference: float = precision.held * referenced
    else:
        sharers = gpus if sharding == "zero3" else 1
        weights, reference = 2 * held / sharers, 2 * referenced / sharers
        gradients, optimizer = 2 * trained / gpus, 3 * FLOAT * trained / gpus
    rows = recipe.samples_per_step // gpus
    pixels = FLOAT * rows / run.sharers * lengths.visual * model.vision.patches_per_token * model.vision.pixel_values
    pass_ = update_pass(run, completion, gpus)
    activations = activation_bytes(model, pass_, precision, recipe.gradient_checkpointing)
    cache = 0.0
    if run.grpo and run.grpo.engine == "transformers":
        cache = pixels + rollout_bytes(run, rows, completion, precision)
    return _with_overhead(
        Memory(
            weights=weights,
            gradients=gradients,
            optimizer=optimizer,
            reference=reference,
            activations=pixels + activations,
            head=head_bytes(run, pass_.completions * learnt(run, completion), precision),
            cache=cache,
            vllm=vllm,
            overhead=0,
        )
    )


def evaluation_rows(job: Evaluation, gpu: Gpu) -> int:
    """Questions that are answered at a time; with `batch_size: auto` as many as evaluation takes on such a GPU."""
    together = min(job.settings.window, job.questions)
    if job.settings.engine == "vllm":
        return together
    if isinstance(job.settings.batch_size, int):
        return min(job.settings.batch_size, together)
    most = MOST_ROWS["cpu"]
    if gpu.memory is not None:
        precision = inference_precision(job.settings.dtype)
        free = gpu.memory * GIB - LIBRARIES - precision.held * job.model.parameters
        row = (job.lengths.prompt + job.lengths.cap) * job.model.language.cached * precision.cached
        most = min(MOST_ROWS["cuda"], 1 << max(int(CACHE_SHARE * free / row), 1).bit_length() - 1)  # a power of two
    return max(1, min(most, together))


def prompts_together(job: Evaluation, rows: int) -> int:
    """Prompts of an evaluation that go through the model in a pass."""
    return max(1, min(rows, PREFILLED // job.lengths.prompt)) if job.settings.engine == "transformers" else rows


def evaluation_memory(job: Evaluation, completion: int, gpu: Gpu) -> Memory:
    """What an arm's answers to a benchmark need on a GPU when all have `completion` tokens."""
    precision, lengths = inference_precision(job.settings.dtype), job.lengths
    rows = evaluation_rows(job, gpu)
    held = rows * (lengths.prompt + completion) * job.model.language.cached * precision.cached
    together = prompts_together(job, rows)
    cache = held + generation_bytes(job.model, together, lengths.visual, lengths.prompt, 0, precision)
    return _with_overhead(Memory(precision.held * job.model.parameters, 0, 0, 0, 0, 0, cache, 0, 0))


@dataclass(frozen=True)
class Pass:
    """What goes through the model at a time: visual tokens, all tokens, the longest row of a mask, completions."""

    visual: int
    tokens: int
    row: int
    completions: int


def update_pass(run: Training, completion: int, gpus: int) -> Pass:
    """The largest pass of an update, on one of so many GPUs, when completions have `completion` tokens."""
    lengths, sharers, rows = run.lengths, run.update_sharers, run.recipe.micro_batch_on(gpus)
    sequence = lengths.prompt + completion
    if sharers > 1 and run.grpo:
        budget, group = run.grpo.tokens_per_pass, lengths.prompt + sharers * completion
        if group > budget:
            rows = sharers = max(1, min(sharers, (budget - lengths.prompt) // completion))
        else:
            rows = min(rows, budget // group * sharers)
    images = -(-rows // sharers)
    return Pass(images * lengths.visual, images * lengths.prompt + rows * completion, sequence, rows)


def language_layer_bytes(model: Architecture, sequence: int, precision: Precision) -> float:
    """What autograd keeps of a decoder layer, for each token of a sequence.

    Of each norm its input and what it normalized, in the stream's precision, its scale, and its output as the input of
    matrices (under autocast each of them keeps its own cast: q, k, v, gate and up). Queries, keys and values (repeated
    for all heads), the attention's output, its sum for each head, and a row of the mask. Of the MLP gate, its
    activation, up, and their product.
    """
    text, matrix = model.language, precision.matrix
    outputs = 5 if precision.cast else 2
    norms = 4 * precision.stream * text.width + outputs * matrix * text.width + 2 * FLOAT
    attention = 4 * matrix * text.q_width + FLOAT * text.heads + matrix * sequence
    return norms + attention + 4 * matrix * text.mlp


def vision_block_bytes(model: Architecture, precision: Precision) -> float:
    """What autograd keeps of a vision block, for each patch.

    Of each norm its input in float32, its mean and scale, and its output; q, k and v as they leave their matrix, q and
    k rotated, the attention's output, its copy for all images, and its sum for each head. Of the MLP its hidden layer,
    the sigmoid and their product.
    """
    seen, matrix = model.vision, precision.matrix
    norms = 2 * (FLOAT * seen.width + matrix * seen.width + 2 * FLOAT)
    attention = 7 * matrix * seen.width + FLOAT * seen.heads
    return norms + attention + 3 * matrix * seen.mlp


def activation_bytes(model: Architecture, pass_: Pass, precision: Precision, checkpointing: bool) -> float:
    """What autograd keeps of a pass, of all layers; the head's part is `head_bytes`."""
    patches = pass_.visual * model.vision.patches_per_token
    language = pass_.tokens * language_layer_bytes(model, pass_.row, precision)
    vision = patches * vision_block_bytes(model, precision)
    if not checkpointing:
        return model.language.layers * language + model.vision.depth * vision
    streams = (
        pass_.tokens * model.language.layers * model.language.width * precision.stream
        + patches * model.vision.depth * model.vision.width * precision.matrix
    )
    return streams + max(language, vision)


def head_bytes(run: Training, positions: int, precision: Precision) -> float:
    """The tile of logits that TRL's head works on, and its gradient of the head's weights."""
    text = run.model.language
    tile = min(positions, HEAD_TOKENS) * min(text.vocabulary, HEAD_WORDS) * precision.matrix
    trained = not run.recipe.lora and "language" not in run.frozen
    return tile + (FLOAT * text.head if trained else 0)


def generation_bytes(
    model: Architecture, rows: int, visual: int, prompt: int, completion: int, precision: Precision
) -> float:
    """The larger of the cache of `rows` sequences at their end and the widest layer of the pass over their prompts."""
    seen, text = model.vision, model.language
    cache = rows * (prompt + completion) * text.cached * precision.cached
    images = rows * visual * seen.patches_per_token * (2 * seen.mlp + 4 * seen.width) * precision.matrix
    prompts = rows * prompt * (3 * text.mlp + 4 * text.width) * precision.matrix
    return max(cache, images, prompts)


def rollout_bytes(run: Training, rows: int, completion: int, precision: Precision) -> float:
    """The cache of a rollout of `rows` completions, or the widest layer of the pass over their prompts.

    Where a group shares its prompt, the prompt is there once and goes through the model by itself.
    """
    lengths, model = run.lengths, run.model
    if run.sharers == 1:
        return generation_bytes(model, rows, lengths.visual, lengths.prompt, completion, precision)
    cache = (rows / run.sharers * lengths.prompt + rows * completion) * model.language.cached * precision.cached
    return max(cache, generation_bytes(model, 1, lengths.visual, lengths.prompt, 0, precision))


def _with_overhead(parts: Memory) -> Memory:
    return replace(parts, overhead=LIBRARIES + FRAGMENTED * (parts.total - parts.vllm))
