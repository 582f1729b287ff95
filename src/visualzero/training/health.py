"""Whether a training is in good health: what it learns from is finite at every step, and it ends where it was to end.

transformers logs a loss of NaN as 0.0 and takes data that end early for the end of the training, so a run that has gone
wrong would be published as any other. Here it ends with one line, and its checkpoints stay.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import DistributedType
from torch import Tensor
from transformers import Trainer

from visualzero.errors import UserError
from visualzero.models.soundness import check_weights, sound
from visualzero.training.checkpoints import checkpoints

WHOLE_WEIGHTS = (DistributedType.NO, DistributedType.MULTI_GPU, DistributedType.MULTI_CPU)  # in every process
LOWER = "lower its learning_rate, or look at what the step learnt from; nothing was published"


class Watched(Trainer):
    """A Trainer that ends before a loss or a gradient that isn't finite changes the weights.

    The values are looked at once in an optimizer step, all together; with several processes all of them end at the same
    step. (DeepSpeed has changed the weights by then, but no checkpoint holds them.)
    """

    _metrics: dict[str, dict[str, list[float]]]  # TRL's, of the steps since the last log

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._losses: list[Tensor] = []  # of the micro-batches of this optimizer step

    def training_step(self, *args: Any, **kwargs: Any) -> Tensor:
        """The loss of a micro-batch, after its backward pass."""
        loss = super().training_step(*args, **kwargs)
        self._losses.append(loss.detach())
        return loss

    def _get_grad_norm(self, model: Any, grad_norm: Any = None) -> Any:
        norm = super()._get_grad_norm(model, grad_norm=grad_norm)
        losses, self._losses = self._losses, []
        whole = norm.full_tensor() if hasattr(norm, "full_tensor") else norm  # FSDP's is in parts
        values = torch.stack([*losses, torch.as_tensor(0.0 if whole is None else whole).to(losses[0])])
        if self._any(~values.isfinite().all()):
            *of_losses, of_norm = values.tolist()
            raise UserError(f"{self._here()}: {self._culprit(of_losses, of_norm)}{self._last_good()}: {LOWER}")
        return norm

    def check_finite_weights(self) -> None:
        """Check the weights before completions are sampled with them: their probabilities would be no numbers.

        Raises:
            UserError: naming the first tensor that isn't finite.
        """
        if self.accelerator.distributed_type not in WHOLE_WEIGHTS:
            return  # each process has parts; the loss will tell
        weights = dict(self.accelerator.unwrap_model(self.model).named_parameters())
        sums = torch.stack([w.detach().sum() for w in weights.values()])  # a sum is finite only if all of it is
        if self._any(~sums.isfinite().all()):
            name = next((name for name, w in weights.items() if not w.isfinite().all()), None)
            if self._any(torch.tensor(name is not None, device=sums.device)):  # and not merely a sum that overflows
                raise UserError(
                    f"{self._here()}: the weights are not finite (tensor '{name}'){self._last_good()}: {LOWER}"
                )

    def _any(self, wrong: Tensor) -> bool:
        """Whether something is wrong in any process."""
        if self.accelerator.num_processes > 1:
            wrong = self.accelerator.reduce(wrong.float(), reduction="sum")
        return bool(wrong)

    def _here(self) -> str:
        run = "/".join(self.args.run_name.split("/")[:2])  # without what it is called for trackers
        return f"{run}: step {self.state.global_step + 1} of {self.state.max_steps}"

    def _last_good(self) -> str:
        found = last_sound_checkpoint(Path(self.args.output_dir))
        return f" (last good checkpoint: {found})" if found else " (no checkpoint before it)"

    def _culprit(self, losses: Sequence[float], norm: float) -> str:
        """What isn't finite, the first cause first: a reward spoils the KL's and the loss's steps, and so on."""
        metrics = getattr(self, "_metrics", {}).get("train", {})
        named = {"the reward": metrics.get("reward", []), "the KL divergence": metrics.get("kl", [])}
        for term, values in (named | {"the loss": losses, "the gradient's norm": [norm]}).items():
            for value in values:
                if not abs(value) < float("inf"):
                    return f"{term} is {value}"
        return "the loss or the gradient of another process is not finite"


@contextmanager
def one_line() -> Iterator[None]:
    """Tell a `UserError` of a process that reads ahead as if it were this one's; torch adds the trace.

    Raises:
        UserError: of one line.
    """
    try:
        yield
    except UserError as error:
        if "in DataLoader worker process" not in str(error):
            raise
        said = str(error).rpartition("UserError: ")[2].splitlines()
        raise UserError(said[0]) from None


def last_sound_checkpoint(work: Path) -> Path | None:
    """The newest checkpoint in a run's work folder whose weights are whole and finite."""
    return next((path for path in checkpoints(work) if sound(path)), None)


def require_whole(name: str, reached: int, planned: int) -> None:
    """Check that a training took all its steps, before anything of it is published.

    Raises:
        UserError: if it ended early.
    """
    if reached != planned:
        raise UserError(
            f"{name}: training ended after step {reached} of {planned}: probably its data ended early (a question that"
            " can't be read, or fewer questions than a step takes): correct the data; nothing was published"
        )


def require_sound(folder: Path, name: str) -> None:
    """Check the weights that a training has left in `folder`: no loss has seen what the last step made of them.

    Raises:
        UserError: if they are not finite.
    """
    for file in sorted(folder.glob("*.safetensors")):
        check_weights(file, f"{name}: the trained model", LOWER)
