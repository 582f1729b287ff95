"""The first batch of a run, computed TRL's way too: a model that can't share is found before it has learnt anything."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from accelerate import Accelerator
from accelerate.utils import AutocastKwargs, DistributedType, gather
from torch import Tensor

from groupshare.errors import SharingError
from groupshare.questions import Question, groups_of, joined

if TYPE_CHECKING:
    from trl import GRPOTrainer as _Trainer
else:
    _Trainer = object  # whichever of TRL's it is put before

TOLERANCE = 1e-3  # nats, mean over tokens
ROUNDED = 0.03  # the same in half precision, where nothing tells how much TRL's way is off by rounding
WORSE = 1.5  # where something does: how many times as far off as TRL's way ours may be
GRADIENTS = {torch.float32: 0.01, torch.bfloat16: 0.1, torch.float16: 0.1}  # of the largest one's size


class Verification(_Trainer):
    """Between `GroupSharing` and TRL's trainer: compares the log-probabilities of one with those of the other."""

    _questions: list[Question]  # one per row of the batch at hand

    def _verify(self, batch: dict[str, Any]) -> bool:
        """Compare log-probabilities and gradients with those that TRL computes from padded rows.

        Two rows of a group and one of another, so that what a group shares and a later image both take part. False, so
        that the next batch is compared too, where no group has two rows with a token that counts. Gradients are
        compared where a process has the whole model. What a rollout has kept of a prompt is used, and the prompt is
        computed anew, too. Under autocast log-probabilities are compared with those in full
        precision, which ours may miss by little more than TRL's do: two ways of rounding differ by as much as each.
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
            kept = {question: list(question.kept) for question in part["questions"] if question.kept}
            found = [  # the first of both ways uses up what is kept
                self._log_probs_and_slopes(self._get_per_token_logps_and_entropies, part, whole)
                for _ in range(2 if kept else 1)
            ]
            # For the update, which has to be that of a run that was checked before.
            for question, prompt in kept.items():
                question.kept[:] = prompt
            theirs, true_slopes = self._log_probs_and_slopes(super()._get_per_token_logps_and_entropies, part, whole)
        autocast = self.args.bf16 or self.args.fp16
        precision = torch.get_autocast_dtype(theirs.device.type) if autocast else self.model.dtype
        tokens = part["completion_mask"].bool()
        true, tolerance = theirs, TOLERANCE if precision in (torch.float32, torch.float64) else ROUNDED
        if whole and autocast and self.model.dtype == torch.float32:
            with torch.no_grad(), _in_full_precision(self.accelerator, self.model) as plain:
                true, _ = self._log_probs_and_slopes(super()._get_per_token_logps_and_entropies, part, False, plain)
            tolerance = TOLERANCE + WORSE * (theirs - true)[tokens].abs().mean().item()
        self.model.train(training)
        scale = max((float(slope.norm()) for slope in true_slopes), default=1.0) or 1.0  # all may be zero
        for ours, slopes in found:
            difference = (ours - true)[tokens].abs().mean().item()
            if not difference <= tolerance:
                raise SharingError(
                    f"log-probabilities differ from the model's own by {difference:.2g} on average:"
                    " this model can't share a group's prompt"
                )
            apart = max((float((a - b).norm()) / scale for a, b in zip(slopes, true_slopes, strict=True)), default=0.0)
            if not apart <= GRADIENTS.get(precision, 0.01):
                raise SharingError(
                    f"gradients differ from the model's own by {apart:.2g} of their size:"
                    " this model can't share a group's prompt"
                )
        return self._everywhere(len(pair) > 1)

    def _everywhere(self, holds: bool) -> bool:
        """Whether it holds on every process."""
        return bool(gather(torch.tensor([holds], device=self.accelerator.device)).all())

    def _log_probs_and_slopes(
        self, method: Any, part: dict[str, Any], slopes: bool, model: Any = None
    ) -> tuple[Tensor, list[Tensor]]:
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
        logps, _, _ = method(self.model if model is None else model, input_ids, mask, keep, **given)
        if not slopes:
            return logps, []
        learned = [p for p in self.model.parameters() if p.requires_grad]
        some = [learned[0], learned[len(learned) // 2], learned[-1]]
        total = (logps * part["completion_mask"]).sum()
        found = torch.autograd.grad(total, some, allow_unused=True, retain_graph=True)  # what is kept serves again
        return logps.detach(), [torch.zeros_like(p) if g is None else g for p, g in zip(some, found, strict=True)]

    @contextmanager
    def _rows_at_hand(self, questions: list[Question]) -> Iterator[None]:
        before, self._questions = self._questions, questions
        yield
        self._questions = before


@contextmanager
def _in_full_precision(accelerator: Accelerator, model: Any) -> Iterator[Any]:
    """The model without autocast: neither what accelerate puts around calls nor what it put around the forward pass."""
    model = accelerator.unwrap_model(model)
    handler, wrapped = accelerator.autocast_handler, vars(model).get("forward")
    original = getattr(model, "_original_forward", None)
    accelerator.autocast_handler = AutocastKwargs(enabled=False)
    if original:
        model.forward = original
    try:
        yield model
    finally:
        accelerator.autocast_handler = handler
        if original:
            model.forward = wrapped


def select(batch: dict[str, Any], rows: list[int]) -> dict[str, Any]:
    """These rows of a batch; what has no rows (the token count) stays."""

    def rows_of(value: Any) -> Any:
        if isinstance(value, list):
            return [value[row] for row in rows]
        return value[rows] if isinstance(value, Tensor) and value.ndim else value

    return {name: rows_of(value) for name, value in batch.items()}
