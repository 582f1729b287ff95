"""GRPO and RLOO for prompts with images, doing what a group shares once: same completions, same gradients.

`GroupSharingTrainer` stands in for TRL's `GRPOTrainer`, `RLOOSharingTrainer` for its `RLOOTrainer`, and `GroupSharing`
is put before trainers that are derived from these; `SFTSharingTrainer` and `AnswerSharing` are for its `SFTTrainer`.
`log_probs` is what is below: a stream in, log-probabilities out.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from groupshare.answers import AnswerSharing
    from groupshare.errors import RowError, SharingError
    from groupshare.mixin import GroupSharing
    from groupshare.questions import Question, question_of
    from groupshare.stream import Stream, log_probs, stream_of
    from groupshare.trainers import GroupSharingTrainer, RLOOSharingTrainer, SFTSharingTrainer

__version__ = "0.1.0"
__all__ = [
    "AnswerSharing",
    "GroupSharing",
    "GroupSharingTrainer",
    "Question",
    "RLOOSharingTrainer",
    "RowError",
    "SFTSharingTrainer",
    "SharingError",
    "Stream",
    "log_probs",
    "question_of",
    "stream_of",
]

# Loaded when asked for: the sampler alone needs no TRL, and TRL's trainers take seconds.
_HOMES = {
    "answers": ("AnswerSharing",),
    "errors": ("RowError", "SharingError"),
    "mixin": ("GroupSharing",),
    "questions": ("Question", "question_of"),
    "stream": ("Stream", "log_probs", "stream_of"),
    "trainers": ("GroupSharingTrainer", "RLOOSharingTrainer", "SFTSharingTrainer"),
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
