"""TRL's trainers with group sharing."""

from trl import GRPOTrainer, RLOOTrainer

from groupshare.mixin import GroupSharing


class GroupSharingTrainer(GroupSharing, GRPOTrainer):
    """A drop-in `GRPOTrainer` with the same results up to rounding: `GroupSharing` says what it does and refuses."""


class RLOOSharingTrainer(GroupSharing, RLOOTrainer):
    """A drop-in `RLOOTrainer`, likewise."""
