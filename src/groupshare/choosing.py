"""Which token comes next."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from transformers import LogitsProcessorList

from groupshare.cohorts import Cohort


@dataclass(frozen=True)
class Choice:
    """How tokens are chosen of logits.

    Logits of tokens that stand in a row's prompt or completion are divided by `penalty` (multiplied with, below 0), as
    in CTRL (arXiv 1909.05858); `processors` come after. `padding` is penalized too in rows whose prompt is shorter than
    the longest of their cohort, as it is by transformers. `temperature` is that of the log-probabilities, if wanted.
    """

    ends: Collection[int]
    most: int  # tokens at which a row is cut off
    penalty: float = 1.0
    processors: LogitsProcessorList = field(default_factory=LogitsProcessorList)
    padding: int | None = None
    temperature: float | None = None

    def seen(self, cohorts: Sequence[Cohort], words: int) -> Tensor:
        """Which tokens stand in each row's prompt, and count as repeated: `[rows, words]`, on the CPU."""
        seen = torch.zeros(sum(len(cohort.rows) for cohort in cohorts), words, dtype=torch.bool)
        rows = ((row, cohort.width) for cohort in cohorts for row in cohort.rows)
        for line, (row, width) in zip(seen, rows, strict=True):
            ids = row.question.input_ids
            line[ids.cpu()] = True
            if self.padding is not None and len(ids) < width:
                line[self.padding] = True
        return seen

    def of(self, logits: Tensor, seen: Tensor | None, noise: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
        """A token for each row of logits `[M, V]`; what is told of it (-1 where chances are no numbers); its chance."""
        logits = plain = logits.float()
        if seen is not None:
            penalty = self.penalty
            logits = logits.where(~seen, torch.where(logits < 0, logits * penalty, logits / penalty))
        for processor in self.processors:
            logits = processor(None, logits)
        if noise is None:
            said = token = logits.argmax(-1)
        else:
            chances = logits.softmax(dim=-1).to(noise.dtype)
            token = (chances / noise).argmax(-1)
            said = token.masked_fill(chances[:, 0].isnan(), -1)
        log_probs = None
        if self.temperature is not None:
            plain = plain / self.temperature
            log_probs = plain.gather(1, token[:, None]).squeeze(1) - plain.logsumexp(-1)
        return token, said, log_probs
