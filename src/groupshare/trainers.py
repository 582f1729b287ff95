"""TRL's trainers with sharing."""

from trl import GRPOTrainer, RLOOTrainer, SFTTrainer

from groupshare.answers import AnswerSharing
from groupshare.mixin import GroupSharing


class GroupSharingTrainer(GroupSharing, GRPOTrainer):
    """A drop-in `GRPOTrainer` with the same results up to rounding: `GroupSharing` says what it does and refuses."""


class RLOOSharingTrainer(GroupSharing, RLOOTrainer):
    """A drop-in `RLOOTrainer`, likewise."""


class SFTSharingTrainer(AnswerSharing, SFTTrainer):
    """A drop-in `SFTTrainer` for prompts with answers: `AnswerSharing` says what it does and refuses."""
