"""A chain of arms and its curve, for real: GRPO, SFT on its rollouts, GRPO from there; two steps of the tiny models."""

import csv
from pathlib import Path

import pandas as pd
import pytest

from visualzero.manifest import read_manifest
from workspace import Workspace, make_workspace

pytestmark = pytest.mark.slow

GRPO = {"steps": 2, "batch_size": 2, "group_size": 4, "micro_batch": 8, "max_completion": 96, "checkpoint_steps": 1}
CHAIN = ["base-grpo", "base-coldstart", "base-coldstart-grpo"]


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Trained and evaluated along the way; tests read it."""
    workspace = make_workspace(tmp_path_factory.mktemp("chain"), {"run": CHAIN, "grpo": GRPO})
    done = workspace.snakemake("sft", "grpo", "curve")
    assert done.returncode == 0, done.stdout
    return workspace


def test_each_arm_starts_where_the_last_one_ended(chain: Workspace) -> None:
    runs = chain.folder / "results/demo/runs"
    manifests = [read_manifest(runs / arm / "1/manifest.json") for arm in CHAIN]
    base = read_manifest(chain.folder / "results/demo/models/base/manifest.json")
    weights = [manifest["inputs"]["weights"] for manifest in manifests]
    assert weights == [base["fingerprint"], base["fingerprint"], manifests[1]["fingerprint"]]


def test_the_curve_has_every_checkpoint_of_the_grpo_arms(chain: Workspace) -> None:
    rows = list(csv.DictReader((chain.folder / "results/demo/curve.csv").read_text().splitlines()))
    assert [(row["arm"], row["step"]) for row in rows] == [(arm, step) for arm in CHAIN[::2] for step in "12"]
    assert all(row["n"] == "16" and 0 <= float(row["accuracy"]) <= 1 for row in rows)


def test_what_was_learnt_are_right_rollouts(chain: Workspace) -> None:
    rollouts = pd.read_parquet(chain.folder / "results/demo/runs/base-grpo/1/rollouts.parquet")
    assert (rollouts["reward_accuracy"] * rollouts["reward_format"]).sum() > 0
    assert Path(chain.folder / "results/demo/runs/base-coldstart/1/model/model.safetensors").is_file()
