"""GRPO for images that does the shared work once: `GroupSharingTrainer` in place of TRL's `GRPOTrainer`."""

from visualzero.training.sharing.trainer import GroupSharingTrainer

__all__ = ["GroupSharingTrainer"]
