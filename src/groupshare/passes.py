"""How a micro-batch is cut into passes over the model, and what each of them weighs in its loss."""

from typing import Any

import torch
from accelerate.utils import DistributedType, gather

from groupshare.logprobs import passes_of
from groupshare.verification import Verification

ROW_MEANS = {"grpo", "sapo", "dr_grpo", "luspo"}  # losses that are a mean over a micro-batch's completions
TOKEN_SUMS = {"dapo", "cispo", "vespo"}  # losses that are divided by the tokens of the whole step


class Passes(Verification):
    """Between `GroupSharing` and what compares it with TRL: each completion that matters in one of the passes."""

    tokens_per_pass: int

    def _weighted_passes(self, inputs: dict[str, Any]) -> list[tuple[list[int], float]]:
        """The rows of each pass over a micro-batch, and the weight of their loss; equally many on every process."""
        lengths = inputs["completion_mask"].sum(dim=1).tolist()
        rows = self._rows_that_matter(inputs)
        passes = [rows]
        if torch.is_grad_enabled() and self._separable:
            questions = [inputs["questions"][row] for row in rows]
            cut = passes_of(questions, [lengths[row] for row in rows], self.tokens_per_pass)
            passes = [[rows[i] for i in part] for part in cut]
        weighted = [(part, self._weight(part, lengths)) for part in passes]
        return [(rows[:1], 0.0)] * (self._most(len(passes)) - len(passes)) + weighted

    def _most(self, passes: int) -> int:
        """The largest number of passes of any process."""
        return int(gather(torch.tensor([passes], device=self.accelerator.device)).max())

    @property
    def _independent(self) -> bool:
        """Whether completions contribute to the loss one by one: not where quantiles or means over tokens enter."""
        return not self._entropy_bonus_enabled and self.top_entropy_quantile == 1.0

    @property
    def _separable(self) -> bool:
        """Whether a micro-batch may run in several passes; DeepSpeed counts backward passes itself."""
        return self._independent and self.accelerator.distributed_type != DistributedType.DEEPSPEED

    def _rows_that_matter(self, inputs: dict[str, Any]) -> list[int]:
        """Rows whose gradient isn't exactly zero; the first row if there are none, since a loss needs a graph."""
        n = len(inputs["completion_ids"])
        if self.beta != 0.0 or not self._independent or not torch.is_grad_enabled():
            return list(range(n))
        advantages = inputs["advantages"].reshape(n, -1)  # one of each completion, or of each token
        return advantages.any(dim=1).nonzero().flatten().tolist() or [0]

    def _weight(self, rows: list[int], lengths: list[int]) -> float:
        """What `rows` of a micro-batch weigh in its loss; TRL averages over the rows that it is given."""
        if self.loss_type in TOKEN_SUMS:
            return 1.0
        if self.loss_type in ROW_MEANS:
            return len(rows) / len(lengths)
        return max(sum(lengths[row] for row in rows), 1) / max(sum(lengths), 1)  # bnpo: a mean over tokens
