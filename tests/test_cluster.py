"""The private SLURM: real nodes, GPUs that are handed out, nothing left behind."""

import subprocess
import sys
from pathlib import Path

import pytest

from slurm import slurm, wait_until
from visualzero.cluster import Cluster
from visualzero.cluster.settings import write_settings
from visualzero.errors import UserError

VISUALZERO = [str(Path(sys.executable).with_name("visualzero"))]


def client(cluster: Cluster, *command: str) -> str:
    program, *arguments = command
    return subprocess.run(
        [str(cluster.clients / program), *arguments], capture_output=True, text=True, check=True
    ).stdout


def test_two_nodes_hand_out_their_gpus_and_stop_without_a_trace(tmp_path: Path) -> None:
    with slurm(tmp_path, nodes=2, gpus=2) as cluster:
        assert client(cluster, "sinfo", "-h", "-N", "-p", "gpu", "-o", "%N %T %G") == (
            "n1 idle gpu:fake:2\nn2 idle gpu:fake:2\n"
        )
        show = ["bash", "-c", "echo $SLURMD_NODENAME $CUDA_VISIBLE_DEVICES"]
        assert client(cluster, "srun", "-p", "gpu", "--gpus=fake:1", *show).split()[1] in "01"
        seen = client(cluster, "srun", "-p", "gpu", "-N2", "--gpus=4", "--ntasks-per-node=1", *show)
        assert sorted(seen.splitlines()) == ["n1 0,1", "n2 0,1"]
        pids = [int(file.read_text()) for file in (tmp_path / "run").glob("*.pid")]
        assert len(pids) == 4
    assert [path.name for path in tmp_path.iterdir()] == ["log"]
    states = [Path(f"/proc/{pid}/stat") for pid in pids]
    assert all(not state.exists() or ") Z " in state.read_text() for state in states)


def test_a_job_of_the_urgent_partition_takes_anothers_place(tmp_path: Path) -> None:
    with slurm(tmp_path, nodes=1, gpus=1) as cluster:
        wrap = ["--output=/dev/null", "--gpus=1", "--wrap"]
        job = client(cluster, "sbatch", "--parsable", "--requeue", "-p", "gpu", *wrap, "sleep 600").strip()
        wait_until(lambda: "RUNNING" in client(cluster, "squeue", "-j", job, "-o", "%T"), 30, "running")
        client(cluster, "srun", "-p", "urgent", "--gpus=1", "true")
        assert client(cluster, "scontrol", "show", "job", job).count("Restarts=1") == 1


def test_accounts_are_checked_where_there_is_accounting(tmp_path: Path) -> None:
    with slurm(tmp_path, accounting=True, nodes=1, gpus=0) as cluster:
        assert client(cluster, "srun", "-A", "study", "echo", "hello") == "hello\n"
        refused = subprocess.run([cluster.clients / "srun", "-A", "nobodys", "true"], capture_output=True, text=True)
        assert "Invalid account" in refused.stderr


def test_a_cluster_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    done = subprocess.run([*VISUALZERO, "cluster", "down", "--folder", tmp_path], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == f"error: {tmp_path}: no cluster here: `visualzero cluster up` makes one\n"


@pytest.mark.parametrize(("size", "told"), [({"gpus": 9}, "--gpus 9"), ({"nodes": 0}, "--nodes 0")])
def test_an_impossible_size_is_one_line(tmp_path: Path, size: dict[str, int], told: str) -> None:
    with pytest.raises(UserError, match=told):
        Cluster(tmp_path, **size)


def test_settings_stay_in_the_clusters_folder(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path / "a cluster", nodes=3)
    write_settings(cluster)
    assert {path.name for path in tmp_path.iterdir()} == {"a cluster"}
    conf = cluster.configuration.read_text()
    for line in conf.splitlines():
        key, _, value = line.partition("=")
        if key.endswith(("File", "Location", "SpoolDir")):
            assert value.startswith(str(cluster.folder)), line
