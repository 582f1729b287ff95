"""Whether a run fits a GPU, and which single change would make it fit."""

from collections.abc import Iterator
from dataclasses import replace

from visualzero.planning.gpus import Gpu
from visualzero.planning.memory import GIB, Memory, Sharding, training_memory
from visualzero.planning.workload import Training

SHARDINGS: tuple[Sharding, ...] = ("zero2", "zero3")
NODE = 8  # GPUs; more of them are not proposed


def fits(memory: Memory, gpu: Gpu) -> bool:
    """Whether it is no more than the GPU has, if that is known."""
    return gpu.memory is None or memory.total <= gpu.memory * GIB


def vllm_bytes(run: Training, gpu: Gpu) -> float:
    """What vLLM takes of the GPU beside a run that samples with it."""
    return run.grpo.vllm_memory * (gpu.memory or 0) * GIB if run.grpo and run.grpo.engine == "vllm" else 0.0


def changes(run: Training, gpus: int, gpu: Gpu) -> Iterator[str]:
    """Changes that make a run fit, each by itself, which leave what it learns as it is."""
    micro_batch = run.recipe.micro_batch_on(gpus)
    smaller = [("micro_batch", size) for size in range(micro_batch - 1, 0, -1) if micro_batch % size == 0]
    if run.grpo and run.grpo.sharing:  # a pass is cut by its tokens, not by the micro-batch
        smaller = [("tokens_per_pass", run.grpo.tokens_per_pass >> halvings) for halvings in range(1, 5)]
    for key, value in [*smaller, ("gradient_checkpointing", True)]:
        if memory := _fitting(_changed(run, key, value), gpus, gpu):
            yield f"{key} {str(value).lower()} ({memory})"
            break
    samples = run.recipe.samples_per_step
    splits = [n for n in range(max(gpus, 2), NODE + 1) if samples % (n * run.recipe.micro_batch_on(n)) == 0]
    for sharding in SHARDINGS:
        for n in splits:
            if memory := _fitting(run, n, gpu, sharding):
                yield f"{sharding} on {n} GPUs ({memory})"
                return


def _fitting(run: Training, gpus: int, gpu: Gpu, sharding: Sharding = "ddp") -> str | None:
    """What it then needs, or None if that is too much."""
    memory = training_memory(run, run.lengths.cap, gpus, sharding, vllm_bytes(run, gpu))
    return f"{memory.total / GIB:.0f} GiB" if fits(memory, gpu) else None


def _changed(run: Training, key: str, value: int | bool) -> Training:
    return replace(run, recipe=run.recipe.model_copy(update={key: value}))
