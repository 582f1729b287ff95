"""How much memory a process takes, above what it held when the meter was made."""

import resource
from pathlib import Path

import torch


class Memory:
    """MiB of the GPU on cuda, else of the process."""

    def __init__(self, device: str):
        self.device = device
        self.before = self._held()
        if device == "cuda":
            torch.cuda.reset_peak_memory_stats()

    def peak(self) -> float:
        """The most that was held since, above what was held before."""
        if self.device == "cuda":
            return torch.cuda.max_memory_allocated() / 2**20 - self.before
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10 - self.before

    def _held(self) -> float:
        if self.device == "cuda":
            return torch.cuda.memory_allocated() / 2**20
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20
