"""Training on several nodes of a real SLURM: a launcher on each, one group of processes, the same loss curve."""

import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from slurm import SlurmStudy, make_study, slurm
from visualzero.manifest import read_manifest
from workspace import Workspace

pytestmark = pytest.mark.slow

SHARED = {"steps": 4, "learning_rate": 1e-3, "adam_epsilon": 1e-3, "save_steps": 100}
SETTINGS = {
    "run": {"demo": ["base", "base-sft", "base-grpo"]},
    "controls": {"no_image": [], "shuffled_image": [], "swapped_options": []},
    "sft": SHARED | {"batch_size": 4, "micro_batch": 2},
    "grpo": SHARED | {"batch_size": 2, "group_size": 4, "micro_batch": 4, "max_completion": 64},
}
ONE_NODE = {"nodes": 1, "processes": 2, "accelerate": "two_cpus"}
RUN = "results/demo/runs"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmStudy]:
    """base-sft and base-grpo on two nodes with a process each."""
    with slurm(tmp_path_factory.mktemp("c"), nodes=2, gpus=1, cpus=2) as cluster:
        folder = tmp_path_factory.mktemp("nodes") / "study"
        study = make_study(folder, cluster, SETTINGS, train_nodes="2", train_gpus="2")
        profile = folder / "slurm/profile.v9+.yaml"
        profile.write_text(profile.read_text().replace('"ddp" if', '"two_cpus" if'))  # there is no GPU to compute with
        study.run("sft", "grpo")
        yield study


@pytest.fixture(scope="module")
def one_node(study: SlurmStudy, tmp_path_factory: pytest.TempPathFactory) -> SlurmStudy:
    """The same with both processes on one node."""
    folder = tmp_path_factory.mktemp("node") / "study"
    other = make_study(folder, study.cluster, SETTINGS, inputs=study, train_nodes="1", train_gpus="2")
    profile = folder / "slurm/profile.v9+.yaml"
    text = profile.read_text().replace('"ddp" if', '"two_cpus" if')
    profile.write_text(text.replace("gpu: ?train_gpus", "gpu: 1"))
    other.run("sft", "grpo")
    return other


def history(folder: Path, arm: str) -> pd.DataFrame:
    return pd.read_parquet(folder / RUN / arm / "1/history.parquet").drop(columns="seconds")


@pytest.mark.parametrize("arm", ["base-sft", "base-grpo"])
def test_a_process_on_each_of_two_nodes_trains_as_both_on_one(
    study: SlurmStudy, one_node: SlurmStudy, arm: str
) -> None:
    for where in (study, one_node):
        assert read_manifest(where.folder / RUN / arm / "1/manifest.json")["processes"] == 2
    two, one = history(study.folder, arm), history(one_node.folder, arm)
    pd.testing.assert_frame_equal(two, one, rtol=0, atol=1e-6)
    assert two["grad_norm"].nunique() > 1


def test_each_node_has_its_launcher_and_its_gpu(study: SlurmStudy) -> None:
    logs = [(study.folder / f"logs/demo/{name}/1.log").read_text() for name in ("sft/base-sft", "grpo/base-grpo")]
    ids = {re.findall(r"SLURM job (\d+)", log)[0] for log in logs}
    assert {job["node"] for job in study.jobs() if job["id"] in ids} == {"n[1-2]"}
    second = (study.cluster.folder / "log" / "slurmd.n2.log").read_text()
    assert all(re.search(rf"launch task StepId={job}\.0 ", second) for job in ids)


def test_two_nodes_have_the_loss_curve_of_one_process(
    study: SlurmStudy, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("alone") / "study"
    make_study(folder, study.cluster, SETTINGS, inputs=study)
    alone = Workspace(folder, {}).run("snakemake", "sft")  # without a cluster
    assert alone.returncode == 0, alone.stdout
    losses, theirs = history(study.folder, "base-sft")["loss"], history(folder, "base-sft")["loss"]
    assert list(losses) == pytest.approx(list(theirs), abs=1e-5)
