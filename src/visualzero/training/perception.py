"""PAPO: GRPO with a reward for seeing (arXiv 2507.06448, eq. 2; eq. 3 with DAPO's loss).

To GRPO's loss it adds, averaged as that is,

    - gamma KL(policy || policy shown a masked image) + eta H(policy) + eta H(policy shown a masked image)

The KL is the k3 estimate and H is -log p, both on the tokens that were sampled. As in the official code's default, the
log-probabilities under the masked image are computed once for each batch, before it is learnt, and without a gradient;
so the last term is a number and teaches nothing.
"""

import hashlib
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from trl.models.utils import disable_gradient_checkpointing

from groupshare.questions import Question
from visualzero.config import Perception
from visualzero.errors import UserError
from visualzero.training.policy_trainer import SharingPolicyTrainer

LARGEST = 10.0  # nats that a token's KL counts for at most, as in the official code
MASKED = "masked_per_token_logps"


class PerceptionTrainer(SharingPolicyTrainer):
    """A SharingPolicyTrainer with PAPO's terms in its loss.

    Raises:
        UserError: for a model whose images do not come as rows of patches (all of the study's do).
    """

    _log_probs: Tensor  # [B, C] of the pass at hand, with their graph

    def __init__(self, *args: Any, perception: Perception, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.perception = perception

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        batch = super()._generate_and_score_completions(inputs)
        return {**batch, MASKED: self._log_probs_of_masked_images(batch)}

    def _log_probs_of_masked_images(self, batch: dict[str, Any]) -> Tensor:
        """Log-probabilities `[B, C]` of the batch's completions where parts of their images are black."""
        place = f"{self.args.seed}/{self.state.global_step}/{self.accelerator.process_index}"
        random = torch.Generator().manual_seed(int.from_bytes(hashlib.sha256(place.encode()).digest()[:7]))
        seen = {id(question): question for question in batch["questions"]}
        masked = {key: self._masked(question, random) for key, question in seen.items()}
        input_ids, mask = (
            torch.cat([batch[f"prompt_{part}"], batch[f"completion_{part}"]], dim=1) for part in ("ids", "mask")
        )
        checkpointing = self.args.gradient_checkpointing_kwargs
        with (
            torch.no_grad(),
            disable_gradient_checkpointing(self.model, checkpointing),
            self._rows_at_hand([masked[id(question)] for question in batch["questions"]]),
        ):
            keep = batch["completion_ids"].shape[1]
            return self._get_per_token_logps_and_entropies(self.model, input_ids, mask, keep)[0]

    def _masked(self, question: Question, random: torch.Generator) -> Question:
        """The question with patches of its images black, each by the same chance."""
        patches = question.images.get("pixel_values")
        if patches is None or patches.ndim != 2:
            raise UserError("grpo.perception: this model's images are not rows of patches: set perception to null")
        processor = self.processing_class.image_processor
        black = torch.tensor(
            [-mean / deviation for mean, deviation in zip(processor.image_mean, processor.image_std, strict=True)]
        ).repeat_interleave(patches.shape[1] // len(processor.image_mean))  # a row has one channel after the other
        hidden = torch.rand(len(patches), generator=random) < self.perception.masked
        shown = torch.where(hidden.to(patches.device)[:, None], black.to(patches), patches)
        return replace(question, images=question.images | {"pixel_values": shown}, kept=None)

    def _rows_that_matter(self, inputs: dict[str, Any]) -> list[int]:
        """All of them: also completions without an advantage say what they see."""
        return list(range(len(inputs["completion_ids"])))

    def _get_per_token_logps_and_entropies(self, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor | None, None]:
        found = super()._get_per_token_logps_and_entropies(*args, **kwargs)
        self._log_probs = found[0]
        return found

    def _compute_loss(self, model: nn.Module, inputs: dict[str, Any]) -> Tensor:
        loss = super()._compute_loss(model, inputs)
        ours, masked, mask = self._log_probs, inputs[MASKED], inputs["completion_mask"]
        kl = (torch.exp(masked - ours) - (masked - ours) - 1).clamp(max=LARGEST)
        entropy = -ours - masked
        mode = "train" if self.model.training else "eval"
        seen = (kl.detach() * mask).sum() / mask.sum().clamp(min=1)
        self._metrics[mode]["perception"].append(self.accelerator.gather(seen).mean().item())
        return loss + self._averaged(self.perception.entropy * entropy - self.perception.weight * kl, inputs)

    def _averaged(self, values: Tensor, inputs: dict[str, Any]) -> Tensor:
        """The mean of tokens' values `[B, C]` as the loss takes it: of completions, or of all tokens of a step."""
        mask, passes = inputs["completion_mask"], self.current_gradient_accumulation_steps
        if self.loss_type == "grpo":
            return ((values * mask).sum(-1) / mask.sum(-1).clamp(min=1)).mean() / passes
        tokens = inputs["num_items_in_batch"].clamp(min=1) / self.accelerator.num_processes
        return (values * mask).sum() / (tokens * passes / self.args.steps_per_generation)
