"""Do group sharing and stock TRL learn the same? The demo's base-grpo with the same seed, sharing on and off.

    python benchmarks/same_curves.py [--steps 50] [--seed 1]

Prints how far their histories lie apart: of each column the largest difference over all steps, and the first step whose
rollouts are not the same texts. Rounding decides a token sooner or later, and from there on the rollouts are others.
"""

import argparse
import json
import tempfile
from pathlib import Path

import pandas as pd

from visualzero.config import read_study
from visualzero.data.question import write_questions
from visualzero.data.toyspace.questions import toyspace_rows
from visualzero.training.grpo import train_grpo
from visualzero.training.run import Run

ROOT = Path(__file__).resolve().parents[1]
COLUMNS = ("reward", "loss", "kl", "grad_norm", "completion_length")


def trained(folder: Path, sharing: bool, steps: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """History and rollouts of a run of base-grpo at demo scale."""
    study = read_study(ROOT / "config/config.yaml", [f"grpo={{steps: {steps}, sharing: {json.dumps(sharing)}}}"])
    questions = folder / "train.parquet"
    if not questions.is_file():
        source = study.data.train
        write_questions(toyspace_rows(source.split, source.n, source.seed), questions)
    out = folder / f"sharing-{sharing}"
    weights = ROOT / "models/tiny-base"
    train_grpo(Run(study, "base-grpo", seed, questions, weights, out, folder / f"work-{sharing}", "0" * 16))
    return pd.read_parquet(out / "history.parquet"), pd.read_parquet(out / "rollouts.parquet")


def main() -> None:
    """Train both and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = (trained(Path(folder), sharing, options.steps, options.seed) for sharing in (True, False))
    (history, rollouts), (stock_history, stock_rollouts) = ours, theirs
    same = rollouts["completion"] == stock_rollouts["completion"]
    parted = stock_rollouts["step"][~same]
    print(
        f"rollouts: {same.mean():.2%} the same texts; "
        + (f"step {parted.min()} is the first with another one" if len(parted) else "in every step")
    )
    for column in COLUMNS:
        a, b = history[column], stock_history[column]
        print(f"{column:18} largest difference {(a - b).abs().max():.2g}; means {a.mean():.6g} and {b.mean():.6g}")
    seconds = history["seconds"].median(), stock_history["seconds"].median()
    print(f"seconds per step   {seconds[0]:.2f} and {seconds[1]:.2f} (median)")


if __name__ == "__main__":
    main()
