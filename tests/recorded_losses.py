"""A recorded batch, for tests of losses: what a tiny model says of completions before and after it has changed.

    python tests/recorded_losses.py WEIGHTS

writes tests/recorded_losses.json from a folder of weights such as models/tiny-base. Two groups of four completions of
up to twelve tokens. `log_probs` are those of the policy that learns, `old` those of the policy that has written the
completions, `ref` those of the initial model, `masked` those of the policy shown grey images; of each, a list for each
completion with a number for each of its tokens. The three policies differ by noise in their weights.
"""

import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).with_suffix(".json")
LENGTHS = [5, 12, 2, 7, 1, 4, 9, 12]
REWARDS = [0.0, 1.0, 1.0, 2.0, 0.0, 0.0, 1.0, 0.0]
NOISE = 4e-3
Rows = list[list[float]]


@dataclass(frozen=True)
class Batch:
    """Log-probabilities of a batch's completions, by completion and token, and the completions' rewards."""

    log_probs: Rows
    old: Rows
    ref: Rows
    masked: Rows
    rewards: list[float]


def recorded() -> Batch:
    """The batch as it was recorded."""
    return Batch(**json.loads(FILE.read_text()))


def record(weights: Path) -> None:
    """Record it anew; which tokens the completions have, and the noise, come from fixed seeds."""
    import torch
    from trl import GRPOTrainer

    from sharing_cases import completions, questions, trainer
    from visualzero.training.altering import blank

    made = trainer(GRPOTrainer, weights, rows=questions(2), per_device_train_batch_size=8)
    ids = completions(LENGTHS, made.eos_token_ids[0])
    made._generate_single_turn = lambda *args, **kwargs: (ids, None)
    rows = next(iter(made.get_train_dataloader()))
    grey = [row | {"image": blank(row["image"])} for row in rows]
    noise = torch.Generator().manual_seed(3)

    def log_probs(rows: list[dict[str, object]]) -> Rows:
        batch = made._generate_and_score_completions(rows)
        inputs = (torch.cat([batch[f"prompt_{x}"], batch[f"completion_{x}"]], dim=1) for x in ("ids", "mask"))
        images = {name: batch[name] for name in ("pixel_values", "image_grid_thw", "num_images", "mm_token_type_ids")}
        with torch.no_grad():
            found = made._get_per_token_logps_and_entropies(made.model, *inputs, max(LENGTHS), **images)[0]
        return [[round(value, 6) for value in row[:n]] for row, n in zip(found.tolist(), LENGTHS, strict=True)]

    def change() -> None:
        with torch.no_grad():
            for weights in made.model.parameters():
                weights.add_(NOISE * torch.randn(weights.shape, generator=noise))

    batch = {"ref": log_probs(rows)}
    change()
    batch["old"] = log_probs(rows)
    change()
    batch |= {"log_probs": log_probs(rows), "masked": log_probs(grey), "rewards": REWARDS}
    FILE.write_text(json.dumps(batch, indent=1) + "\n")


if __name__ == "__main__":
    import os

    os.chdir(tempfile.mkdtemp())
    record(Path(sys.argv[1]))
