"""What time is taken by: CPU seconds of a process, the wall's seconds, a GPU's; and how long a trainer's steps take."""

import time
from collections.abc import Callable
from typing import Any

import torch
from transformers import TrainerCallback


def gpu_clock() -> float:
    """Seconds of the wall, once the GPU is done."""
    torch.cuda.synchronize()
    return time.perf_counter()


CLOCKS: dict[str, Callable[[], float]] = {"cpu": time.process_time, "wall": time.perf_counter, "gpu": gpu_clock}


def clock_of(device: str) -> Callable[[], float]:
    """The wall's seconds, on a GPU once it is done."""
    return CLOCKS["gpu" if device == "cuda" else "wall"]


class StepSeconds(TrainerCallback):
    """CPU seconds of each step of a trainer."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def on_step_begin(self, *args: Any, **kwargs: Any) -> None:
        """Start."""
        self.begun = time.process_time()

    def on_step_end(self, *args: Any, **kwargs: Any) -> None:
        """Stop."""
        self.seconds.append(time.process_time() - self.begun)
