"""TRL's metrics of a micro-batch that runs in passes, put together as if it were one pass."""

import math
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from trl import GRPOTrainer, RLOOTrainer

DIFFERENCE = "sampling/sampling_logp_difference/mean"  # sampler and training, by TRL's name for vLLM's
OF_TOKENS = {"kl", "entropy", DIFFERENCE}  # means over tokens, whatever ratios are taken of


class PassMetrics:
    """What TRL's loss logs of each pass, until `put_together` logs it of all.

    TRL's loss logs means over the rows that it is given, and gathers a value of each row from all processes. The passes
    of a micro-batch are of unequal size, and processes have unequally many rows in a pass. So each pass is kept to
    itself, weighted by what it holds, and the processes exchange sums and extremes once.
    """

    def __init__(self, trainer: GRPOTrainer | RLOOTrainer):
        self.trainer = trainer
        self.mode = "train" if trainer.model.training else "eval"
        self.passes: list[tuple[dict[str, float], float, float]] = []

    @contextmanager
    def of(self, tokens: float, rows: float) -> Iterator[None]:
        """Around the loss of a pass with so many tokens and rows; none for a pass that is run for company."""
        metrics, accelerator = self.trainer._metrics, self.trainer.accelerator
        logged = metrics[self.mode]
        metrics[self.mode] = defaultdict(list)
        accelerator.gather = accelerator.reduce = _keep  # in TRL's loss they serve metrics alone
        try:
            yield
        finally:
            del accelerator.gather, accelerator.reduce
            found, metrics[self.mode] = metrics[self.mode], logged
        self.passes.append(({name: values[-1] for name, values in found.items()}, tokens, rows))

    def put_together(self) -> None:
        """Log each metric once: the mean over all tokens (or rows) of all processes, or the extreme."""
        accelerator = self.trainer.accelerator
        names = sorted({name for found, _, _ in self.passes for name in found})
        means = [name for name in names if not name.endswith(("_min", "_max"))]
        sums = torch.tensor([self._sums(name) for name in means], dtype=torch.float64, device=accelerator.device)
        totals = accelerator.reduce(sums, reduction="sum").tolist()
        for name, (total, count) in zip(means, totals, strict=True):
            self.trainer._metrics[self.mode][name].append(total / max(count, 1.0))
        for name in names:
            if name not in means:
                self.trainer._metrics[self.mode][name].append(self._extreme(name))

    def _weighted(self, name: str) -> list[tuple[float, float]]:
        """A metric of each pass, and the number of rows, or of tokens, that it was taken of."""
        by_rows = name not in OF_TOKENS and (
            self.trainer.importance_sampling_level == "sequence" or name.startswith("vespo/")
        )
        return [(found[name], rows if by_rows else tokens) for found, tokens, rows in self.passes]

    def _sums(self, name: str) -> tuple[float, float]:
        weighted = self._weighted(name)
        return sum(value * weight for value, weight in weighted if weight), sum(weight for _, weight in weighted)

    def _extreme(self, name: str) -> float:
        mine = [value for value, weight in self._weighted(name) if weight and not math.isnan(value)]
        pick = min if name.endswith("_min") else max
        values = torch.tensor([pick(mine) if mine else math.nan], device=self.trainer.accelerator.device)
        known = [value for value in self.trainer.accelerator.gather(values).tolist() if not math.isnan(value)]
        return pick(known) if known else math.nan


def _keep(tensor: Any, *args: Any, **kwargs: Any) -> Any:
    """A process's own value, for all that is asked of the others."""
    return tensor
