"""Seconds of each job on a GPU, by a few assumptions that are shown beside them.

Passes over many tokens are bound by arithmetic; decoding by what is moved for every token, weights and cache; and both
by the time that the host takes to launch the kernels of a layer, which is what counts when a 2B model is sampled in
eager PyTorch. The longest of the three is taken.
"""

from dataclasses import asdict, dataclass
from math import ceil

from visualzero.config.training import Dtype
from visualzero.planning.architecture import Language
from visualzero.planning.cost import Cost, decode_flops, forward_cost, prefill_flops, trained_parameters, update_cost
from visualzero.planning.gpus import CPU, Gpu
from visualzero.planning.memory import evaluation_rows, prompts_together, update_pass
from visualzero.planning.precision import HALF, Precision, inference_precision, training_precision
from visualzero.planning.workload import Evaluation, Training

ADAM_BYTES = 28  # a fused step of AdamW reads weight, gradient and two moments and writes all but the gradient


@dataclass(frozen=True)
class Assumptions:
    """What seconds rest on; docs/plan.md says where each number comes from."""

    utilization: float = 0.35  # of peak FLOP/s, in passes over many tokens
    bandwidth: float = 0.6  # of peak memory bandwidth
    launch: float = 0.9e-3  # seconds of the host per layer and token, where each kernel of a step is launched
    replay: float = 0.15e-3  # seconds per layer and token, where a step is recorded as a CUDA graph
    training: float = 2.5e-3  # seconds of the host per layer and pass of training, under autocast
    image: float = 50e-6  # seconds of a CPU core per visual token, to resize an image


@dataclass(frozen=True)
class Seconds:
    """Seconds of a run by phase, each GPU at the same time as the others."""

    images: float
    rollout: float
    old: float
    reference: float
    update: float
    optimizer: float

    @property
    def total(self) -> float:
        """From the first step to the last."""
        return sum(asdict(self).values())


@dataclass(frozen=True)
class Device:
    """A GPU with the assumptions on how well it is used."""

    gpu: Gpu
    assumed: Assumptions

    def compute(self, flops: float, dtype: Dtype) -> float:
        """Seconds of a pass over many tokens, as arithmetic."""
        return flops / (self.gpu.peak(dtype) * self.assumed.utilization)

    def move(self, size: float) -> float:
        """Seconds to read or write that many bytes of memory."""
        return size / (self.gpu.bandwidth * 1e12 * self.assumed.bandwidth)

    def passes(self, flops: float, layers: int, dtype: Dtype, training: bool = True) -> float:
        """Seconds of a pass over many tokens that launches so many layers."""
        launch = self.assumed.training if training and dtype != "float32" else self.assumed.launch
        return max(self.compute(flops, dtype), layers * launch)

    def launch(self, vllm: bool, recorded: bool) -> float:
        """Seconds that a layer takes at least for a token of all rows; vLLM's are counted as nothing."""
        if vllm:
            return 0.0
        return self.assumed.replay if recorded and self.gpu.name != CPU else self.assumed.launch

    def decode(
        self,
        model: Language,
        rows: int,
        prompt: int,
        completion: int,
        dtype: Dtype,
        precision: Precision,
        launch: float,
        sharers: int = 1,
        copied: bool = False,
    ) -> float:
        """Seconds to sample `rows` completions of `completion` tokens; `launch` is what a layer takes at least.

        `sharers` completions read one cache of their prompt; transformers' own loop copies it for every token.
        """
        arithmetic = self.compute(rows * decode_flops(model, prompt, completion) / completion, dtype)
        context = prompt / sharers + completion / 2
        moved = self.move(step_bytes(model, rows, context, precision, copied=copied))
        return completion * max(arithmetic, moved, model.layers * launch)


def step_bytes(model: Language, rows: int, context: float, precision: Precision, copied: bool) -> float:
    """Bytes moved to sample one more token for each row.

    transformers copies the whole cache to append to it, which reads and writes it, and repeats its heads for the
    queries that share them, which reads it, writes it so many times, and has attention read that. Group sharing and
    vLLM read it.
    """
    weights = (model.layers * model.layer + model.head) * precision.moved
    cache = rows * context * model.cached * precision.cached
    return weights + cache * (3 + 2 * (model.heads // model.kv_heads) if copied else 1)


def training_seconds(run: Training, completion: int, scored: int, gpus: int, device: Device) -> Seconds:
    """A run on `gpus` devices whose completions all have `completion` tokens; `scored` is as in `training_cost`."""
    recipe, dtype, lengths = run.recipe, run.recipe.dtype, run.lengths
    layers = run.model.language.layers + run.model.vision.depth
    rows = recipe.samples_per_step // gpus
    through = ceil(rows / update_pass(run, completion, gpus).completions)  # passes of all rows

    def all_rows(cost: Cost, sharers: int, passes: int) -> float:
        return through * device.passes(cost.shared(sharers) * rows / through, passes * layers, dtype)

    passes = 3 if recipe.gradient_checkpointing else 2
    forward = all_rows(forward_cost(run, completion, scored), run.sharers, 1)
    update = all_rows(update_cost(run, completion, scored), run.update_sharers, passes)
    optimizer = device.move(ADAM_BYTES * trained_parameters(run))
    image = lengths.visual * device.assumed.image
    if run.grpo is None:
        return Seconds(recipe.steps * rows * image, 0, 0, 0, recipe.steps * update, recipe.steps * optimizer)
    vllm = run.grpo.engine == "vllm"
    prefill = rows / (run.group if vllm else run.sharers) * prefill_flops(run.model, lengths.visual, lengths.prompt)
    images = rows / run.group if run.grpo.sharing else 2 * rows  # TRL runs the image processor twice on every copy
    # Sharing casts the weights once for all steps of a rollout, and `generate` in each of them.
    precision = HALF if vllm or (run.sharers > 1 and dtype == "bfloat16") else training_precision(dtype)
    decoded = device.decode(
        run.model.language,
        rows,
        lengths.prompt,
        completion,
        dtype,
        precision,
        device.launch(vllm, recorded=run.sharers > 1),
        sharers=1 if vllm else run.sharers,
        copied=not vllm and run.sharers == 1,
    )
    return Seconds(
        images=0 if recipe.prefetch and run.grpo.sharing else run.rounds * images * image,
        rollout=run.rounds * (device.passes(prefill, layers, dtype) + decoded),
        old=run.rounds * forward * run.old_passes,
        reference=run.rounds * forward if run.grpo.beta else 0,
        update=recipe.steps * update,
        optimizer=recipe.steps * optimizer,
    )


def evaluation_seconds(job: Evaluation, completion: int, device: Device) -> float:
    """An arm's answers to a benchmark under one seed, on one GPU, all of `completion` tokens."""
    settings, model, lengths = job.settings, job.model, job.lengths
    rows = evaluation_rows(job, device.gpu)
    together = prompts_together(job, rows)
    layers = model.language.layers + model.vision.depth
    prompts = together * prefill_flops(model, lengths.visual, lengths.prompt)
    prefill = device.passes(prompts, layers, settings.dtype, training=False)
    precision, launch = inference_precision(settings.dtype), device.launch(settings.engine == "vllm", recorded=True)
    decoded = device.decode(
        model.language, rows, lengths.prompt, completion, settings.dtype, precision, launch, copied=False
    )
    images = job.questions * lengths.visual * device.assumed.image
    windows, rest = divmod(job.questions, settings.window)
    rounds = windows * ceil(settings.window / rows) + ceil(rest / rows)
    return images + ceil(job.questions / together) * prefill + rounds * decoded
