"""Trackers: TensorBoard, Trackio, Weights & Biases and DVCLive, which training reports to as well if the config asks.

They get what transformers' callbacks give them: the log, the trainer's arguments, in which transformers hides tokens,
and the model's config. All of it stays in a folder of the results, unless the user's own environment says otherwise. No
result depends on them.
"""

import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from visualzero.errors import UserError

if TYPE_CHECKING:
    from transformers import TrainerCallback

PROJECT = "visualzero"


def prepare_trackers(names: Sequence[str], folder: Path, run: str) -> None:
    """Let trackers write below `folder`; before TRL is imported, since they read the environment when they are.

    Raises:
        UserError: if one is not installed.
    """
    for name in names:
        if find_spec(name) is None:
            raise UserError(
                f"trackers: {name}: not installed here: pip install {name}, then pip install -r requirements.lock to"
                " take back what that has changed, or leave it out"
            )
    places = {
        "TENSORBOARD_LOGGING_DIR": folder / "tensorboard" / run,
        "TRACKIO_DIR": folder / "trackio",
        "WANDB_DIR": folder,
    }
    settings = {name: str(place.absolute()) for name, place in places.items()}
    settings |= {"WANDB_PROJECT": PROJECT, "WANDB_MODE": "offline"}
    if names:
        folder.mkdir(parents=True, exist_ok=True)  # without it W&B would write elsewhere
        os.environ.update(settings | os.environ)


def tracker_callbacks(names: Sequence[str], folder: Path, run: str) -> "list[TrainerCallback]":
    """The callbacks that report to trackers, for the first process.

    Trainer's `report_to` would make them, too. But it lets TRL log prompts and images as tables at every step, which
    W&B refuses and which fill a disk; and DVCLive, left to itself, changes dvc.yaml and commits.
    """
    from transformers import integrations

    made = {
        "tensorboard": integrations.TensorBoardCallback,
        "trackio": integrations.TrackioCallback,
        "wandb": integrations.WandbCallback,
        "dvclive": lambda: integrations.DVCLiveCallback(_live(folder / "dvclive" / run)),
    }
    return [made[name]() for name in dict.fromkeys(names)]


def _live(folder: Path) -> Any:
    from dvclive import Live

    return Live(str(folder), resume=True, save_dvc_exp=False, dvcyaml=False)
