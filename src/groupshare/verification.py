"""The first batch of a run, computed TRL's way too: a model that can't share is found before it has learnt anything."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from accelerate.utils import DistributedType, gather
from torch import Tensor

from groupshare.errors import SharingError
from groupshare.questions import Question, groups_of, joined

if TYPE_CHECKING:
    from trl import GRPOTrainer as _Trainer
else:
    _Trainer = object  # whichever of TRL's it is put before

TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 0.01, torch.float16: 0.01}  # nats, mean over tokens


class Verification(_Trainer):
    """Between `GroupSharing` and TRL's trainer: compares the log-probabilities of one with those of the other."""

    _questions: list[Question]  # one per row of the batch at hand

    def _verify(self, batch: dict[str, Any]) -> bool:
        """Compare log-probabilities and gradients with those that TRL computes from padded rows.

        Two rows of a group and one of another, so that what a group shares and a later image both take part. False, so
        that the next batch is compared too, where no group has two rows with a token that counts. Gradients are
        compared where a process has the whole model.
        """
        counts = batch["completion_mask"].any(dim=1).tolist()
        groups = [used for _, rows in groups_of(batch["questions"]) if (used := [row for row in rows if counts[row]])]
        if not self._everywhere(bool(groups)):
            return False
        pair = max(groups, key=lambda rows: min(len(rows), 2))  # the first of the best
        later = next((rows for rows in reversed(groups) if rows is not pair), [])
        part = select(batch, sorted(pair[:2] + later[:1]))
        training = self.model.training
        self.model.eval()  # nothing is dropped at random
        whole = not self.is_fsdp_enabled and self.accelerator.distributed_type != DistributedType.DEEPSPEED
        with torch.set_grad_enabled(whole), self._rows_at_hand(part["questions"]):
            (ours, slopes), (theirs, true_slopes) = (
                self._log_probs_and_slopes(method, part, whole)
                for method in (self._get_per_token_logps_and_entropies, super()._get_per_token_logps_and_entropies)
            )
        self.model.train(training)
        tokens = part["completion_mask"].bool()
        difference = (ours - theirs)[tokens].abs().mean().item()
        precision = torch.get_autocast_dtype(ours.device.type) if self.args.bf16 or self.args.fp16 else self.model.dtype
        tolerance = TOLERANCE.get(precision, 1e-3)
        if not difference <= tolerance:
            raise SharingError(
                f"log-probabilities differ from the model's own by {difference:.2g} on average:"
                " this model can't share a group's prompt"
            )
        scale = max((float(slope.norm()) for slope in true_slopes), default=1.0) or 1.0  # all may be zero
        apart = max((float((a - b).norm()) / scale for a, b in zip(slopes, true_slopes, strict=True)), default=0.0)
        if not apart <= 10 * tolerance:
            raise SharingError(
                f"gradients differ from the model's own by {apart:.2g} of their size:"
                " this model can't share a group's prompt"
            )
        return self._everywhere(len(pair) > 1)

    def _everywhere(self, holds: bool) -> bool:
        """Whether it holds on every process."""
        return bool(gather(torch.tensor([holds], device=self.accelerator.device)).all())

    def _log_probs_and_slopes(self, method: Any, part: dict[str, Any], slopes: bool) -> tuple[Tensor, list[Tensor]]:
        """Log-probabilities `[B, C]` by `method`, and the gradients of their sum at three parameters, if asked for."""
        input_ids = torch.cat([part["prompt_ids"], part["completion_ids"]], dim=1)
        mask = torch.cat([part["prompt_mask"], part["completion_mask"]], dim=1)
        width, keep = part["prompt_ids"].shape[1], part["completion_ids"].shape[1]
        questions = part["questions"]
        given: dict[str, Any] = joined([question.images for question in questions], in_rows=True)
        for name in questions[0].types:
            given[name] = torch.zeros_like(input_ids)
            for row, question in enumerate(questions):
                given[name][row, width - len(question.input_ids) : width] = question.types[name]
        if "pixel_values" in given:
            given["num_images"] = [question.image_count for question in questions]
            if given["pixel_values"].ndim == 4:  # tiles, of which an image may have several
                given["num_tiles"] = [len(question.images.get("pixel_values", ())) for question in questions]
        logps, _, _ = method(self.model, input_ids, mask, keep, **given)
        if not slopes:
            return logps, []
        learned = [p for p in self.model.parameters() if p.requires_grad]
        some = [learned[0], learned[len(learned) // 2], learned[-1]]
        found = torch.autograd.grad((logps * part["completion_mask"]).sum(), some, allow_unused=True)
        return logps.detach(), [torch.zeros_like(p) if g is None else g for p, g in zip(some, found, strict=True)]

    @contextmanager
    def _rows_at_hand(self, questions: list[Question]) -> Iterator[None]:
        before, self._questions = self._questions, questions
        yield
        self._questions = before


def select(batch: dict[str, Any], rows: list[int]) -> dict[str, Any]:
    """These rows of a batch; what has no rows (the token count) stays."""

    def rows_of(value: Any) -> Any:
        if isinstance(value, list):
            return [value[row] for row in rows]
        return value[rows] if isinstance(value, Tensor) and value.ndim else value

    return {name: rows_of(value) for name, value in batch.items()}
