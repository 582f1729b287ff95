"""What was drawn, on its way from the device to the host."""

from collections import deque
from collections.abc import Sequence
from itertools import chain

import torch
from torch import Tensor

from groupshare.cohorts import Row


class Looks:
    """Tokens are noted as they are drawn, sent at a look, and received at the same one or, on a GPU, at a later one."""

    def __init__(self, device: torch.device):
        self.device = device
        self.drawn: list[tuple[Sequence[Row], Tensor, Tensor | None]] = []
        self.sent: deque[tuple[list[Row], Tensor, Tensor | None, torch.cuda.Event | None]] = deque()

    def note(self, rows: Sequence[Row], said: Tensor, log_probs: Tensor | None) -> None:
        """A token of each row, and its log-probability if wanted: `[rows]`, on the device."""
        self.drawn.append((rows, said, log_probs))

    def send(self) -> None:
        """Send what was noted since the last look to the host; on a GPU nobody waits for it here."""
        if not self.drawn:
            return
        rows = list(chain.from_iterable(rows for rows, _, _ in self.drawn))
        said = torch.cat([said for _, said, _ in self.drawn])
        logs = [log_probs for _, _, log_probs in self.drawn if log_probs is not None]
        log_probs = torch.cat(logs) if logs else None
        self.drawn, event = [], None
        if self.device.type == "cuda":
            said, log_probs = _to_host(said), None if log_probs is None else _to_host(log_probs)
            event = torch.cuda.Event()
            event.record()
        self.sent.append((rows, said, log_probs, event))

    def receive(self) -> tuple[list[Row], list[int], list[float]]:
        """What was sent first: rows, and for each a token and its log-probability (0 if not wanted)."""
        rows, said, log_probs, event = self.sent.popleft()
        if event is not None:
            event.synchronize()
        return rows, said.tolist(), [0.0] * len(rows) if log_probs is None else log_probs.tolist()


def _to_host(values: Tensor) -> Tensor:
    return torch.empty(values.shape, dtype=values.dtype, pin_memory=True).copy_(values, non_blocking=True)
