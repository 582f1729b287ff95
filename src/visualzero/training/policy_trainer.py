"""GRPO's trainer with three additions: it stops where something isn't finite; batches that teach too little are sampled
again; vLLM sees what training sees.

They leave the step as it is where they are not asked for. The step is TRL's, or that of group sharing.
"""

from collections import defaultdict
from typing import Any

import torch
from PIL import Image
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import smart_resize
from trl import GRPOTrainer

from groupshare.questions import Preparer
from groupshare.trainers import GroupSharingTrainer
from visualzero.config import Resample
from visualzero.errors import UserError
from visualzero.training.group_sharing import NamingPreparer, telling
from visualzero.training.health import LOWER, Watched


class PolicyTrainer(Watched, GRPOTrainer):
    """A GRPOTrainer; `resample` says when a batch of rollouts is sampled again."""

    _last_loaded_step: int  # TRL's: the step whose weights vLLM has

    def __init__(self, *args: Any, resample: Resample | None = None, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.resample = resample

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        """Sample completions for the prompts of `inputs`, again while too few groups have unequal rewards.

        A group whose completions all earn the same has no advantage and teaches nothing. As in GPG (arXiv 2504.02546),
        advantages are divided by the share of the groups that do, so that the gradient is not the smaller for the rest.
        GPG refills a batch with other prompts; here the same prompts are sampled anew, so that every arm sees the same.
        """
        self.check_finite_weights()
        if self.resample is None:
            return self._scored(inputs)
        metrics = self._metrics["train"]
        share, rounds = 0.0, 0
        while share < self.resample.min_valid and rounds < self.resample.tries:
            rounds += 1
            self._metrics["train"] = defaultdict(list, {name: list(values) for name, values in metrics.items()})
            batch = self._scored(inputs)
            share = self._share_of_valid_groups(batch["advantages"])
        self._metrics["train"]["sampling_rounds"].append(rounds)
        return {**batch, "advantages": batch["advantages"] / max(share, self.resample.min_valid)}

    def _scored(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        """Sample and score completions once.

        Raises:
            UserError: if the model's probabilities of tokens are no numbers.
        """
        try:
            return super()._generate_and_score_completions(inputs)
        except RuntimeError as error:
            if "probability tensor contains" not in str(error):
                raise
        raise UserError(f"{self._here()}: the probabilities of tokens are not finite{self._last_good()}: {LOWER}")

    def _share_of_valid_groups(self, advantages: torch.Tensor) -> float:
        """Share of groups, over all processes, whose advantages are not all zero; `advantages` (B,) are this one's."""
        groups = self.accelerator.gather(advantages).view(-1, self.num_generations)
        return float((groups.abs() > 1e-6).any(dim=1).float().mean())

    def _generate_single_turn(
        self, prompt_ids: list[list[int]], images: list[list[Image.Image]] | None, *args: Any, **kwargs: Any
    ) -> Any:
        """Sample one completion for each prompt.

        TRL 1.16 gives vLLM the new weights before it samples, and empties its cache of prefixes. Its cache of image
        embeddings it leaves, which are stale once the vision tower has learnt (huggingface/trl#7198). vLLM also sizes
        images by the checkpoint's limits; sized by ours beforehand, they take as many tokens as the prompt has.
        """
        if self.use_vllm:
            if self.state.global_step != self._last_loaded_step:
                self.vllm_generation.sync_weights()
                self.vllm_generation.llm.llm_engine.reset_encoder_cache()
                self._last_loaded_step = self.state.global_step
            if images is not None:
                images = [[self._sized(image) for image in row] for row in images]
        return super()._generate_single_turn(prompt_ids, images, *args, **kwargs)

    def _sized(self, image: Image.Image) -> Image.Image:
        """The image in the size in which the model sees it."""
        processor = self.processing_class.image_processor
        height, width = smart_resize(
            image.height,
            image.width,
            factor=processor.patch_size * processor.merge_size,
            min_pixels=processor.size["shortest_edge"],
            max_pixels=processor.size["longest_edge"],
        )
        return image.convert("RGB").resize((width, height), Image.Resampling.BICUBIC)


class SharingPolicyTrainer(PolicyTrainer, GroupSharingTrainer):
    """The same, computing what a group shares once; `tokens_per_pass` is `GroupSharingTrainer`'s.

    Raises:
        UserError: in place of groupshare's errors.
    """

    def __init__(self, *args: Any, **kwargs: Any):
        with telling():
            super().__init__(*args, **kwargs)

    @property
    def _preparer(self) -> Preparer:
        plain = super()._preparer
        return NamingPreparer(plain.processor, plain.template_arguments)

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        with telling():  # the first batch is compared with what TRL computes
            return super()._generate_and_score_completions(inputs)
