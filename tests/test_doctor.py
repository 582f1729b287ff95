"""`visualzero doctor`, and what the workflow says by itself when something is missing: one line, within seconds."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from slurm import SlurmStudy, make_study, slurm
from visualzero.cluster import Cluster
from visualzero.cluster.programs import CLIENTS
from visualzero.config import read_study
from visualzero.doctor.checks import examine
from visualzero.doctor.finding import Finding
from visualzero.doctor.profile import Profile, read_profile
from visualzero.layout import Layout
from workspace import ROOT

DEFAULTS = {"slurm_partition": "cpu", "slurm_account": "study", "mem_mb": "500", "runtime": "5"}
CONDA = "#!/bin/sh\necho conda {version}\n"


def program(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    (folder / name).chmod(0o755)


def no_slurm(folder: Path, conda: str | None = None, **edits: str) -> SlurmStudy:
    """A study whose user has no cluster, and conda in this version."""
    system = folder / "system"
    system.mkdir()
    for found in Path("/usr/bin").iterdir():
        if found.name not in CLIENTS:
            (system / found.name).symlink_to(found)
    cluster = Cluster(folder / "none")
    if conda:
        cluster.clients.mkdir(parents=True)
        program(cluster.clients, "conda", CONDA.format(version=conda))
    path = f"{Path(sys.executable).parent}{os.pathsep}{system}"
    return make_study(folder / "study", cluster, {}, {"PATH": path}, **edits)


def told(study: SlurmStudy, *arguments: str) -> list[str]:
    """What `snakemake --profile slurm all` says of an error; it has to fail within ten seconds."""
    begun = time.monotonic()
    command = [sys.executable, "-m", "snakemake", "--profile", "slurm", "all", *arguments]
    done = subprocess.run(command, cwd=study.folder, env=study.env, capture_output=True, text=True)
    assert time.monotonic() - begun < 10
    assert done.returncode == 1
    lines = (done.stdout + done.stderr).splitlines()
    assert "Traceback" not in " ".join(lines)
    return [line for line in lines if line and not re.match(r"Using |WorkflowError|.* file .*common.smk", line)]


def lines_about(lines: list[str], *words: str) -> list[str]:
    return [line for line in lines if all(word in line for word in words)]


# Without a cluster


def test_a_profile_that_was_not_edited_says_so(tmp_path: Path) -> None:
    study = no_slurm(tmp_path, account="CHANGEME", cpu_partition="CHANGEME")
    [line] = lines_about(told(study), "account and partition not set")
    assert "edit the block" in line


def test_a_machine_without_conda_says_so(tmp_path: Path) -> None:
    [line] = lines_about(told(no_slurm(tmp_path)), "conda: not found")
    assert "Miniforge" in line


def test_an_old_conda_says_so(tmp_path: Path) -> None:
    assert lines_about(told(no_slurm(tmp_path, conda="23.1.0")), "conda 23.1.0 is too old", "24.7.1")


def test_a_machine_without_slurm_says_so(tmp_path: Path) -> None:
    [line] = lines_about(told(no_slurm(tmp_path, conda="24.9.2")), "no sbatch on PATH")
    assert "without --profile slurm" in line


def test_a_dry_run_asks_for_nothing_of_this(tmp_path: Path) -> None:
    study = no_slurm(tmp_path)
    command = [sys.executable, "-m", "snakemake", "--profile", "slurm", "-n", "all"]
    without_conda = [*command, "--software-deployment-method", "env-modules"]
    done = subprocess.run(without_conda, cwd=study.folder, env=study.env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_laptop_needs_no_profile() -> None:
    study = read_study(ROOT / "config/config.yaml", [])
    found = list(examine(study, Layout(study.scale), None))
    assert {finding.level for finding in found} == {"ok"}
    assert [finding.what for finding in found][-1] == "scale demo downloads nothing"


def test_offline_mode_is_noted_where_the_scale_downloads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    study = read_study(ROOT / "config/config.yaml", ["scale=paper"])
    [finding] = [f for f in examine(study, Layout(study.scale), None) if "HF_HUB_OFFLINE" in f.what]
    assert "snakemake data models" in finding.remedy


def test_a_hub_out_of_reach_is_told_with_what_would_help(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    study = read_study(ROOT / "config/config.yaml", ["scale=paper"])
    [finding] = [f for f in examine(study, Layout(study.scale), None) if "127.0.0.1" in f.what]
    assert finding.level == "fail"
    assert "HF_ENDPOINT" in finding.remedy


# On a cluster


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmStudy]:
    with slurm(tmp_path_factory.mktemp("c"), accounting=True, nodes=1, gpus=2) as cluster:
        program(cluster.clients, "conda", CONDA.format(version="24.9.2"))
        yield make_study(tmp_path_factory.mktemp("doctor") / "study", cluster, {}, {}, account="study")


def edited(study: SlurmStudy, **edits: str) -> Profile:
    """The study's profile with other values in its block."""
    profile = study.folder / "slurm" / "profile.v9+.yaml"
    folder = study.folder / "edited"
    folder.mkdir(exist_ok=True)
    text = profile.read_text()
    for key, value in edits.items():
        text = re.sub(rf"^  {key}: \S+", f"  {key}: {value}", text, flags=re.MULTILINE)
    (folder / profile.name).write_text(text)
    return read_profile(folder)


def findings(study: SlurmStudy, monkeypatch: pytest.MonkeyPatch, **edits: str) -> list[Finding]:
    monkeypatch.setenv("PATH", study.env["PATH"])
    monkeypatch.chdir(study.folder)
    config = read_study(study.folder / "config/config.yaml", [])
    return list(examine(config, Layout(config.scale), edited(study, **edits)))


def test_a_cluster_that_is_as_the_profile_says_has_no_failure(
    study: SlurmStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = findings(study, monkeypatch)
    assert [finding for finding in found if finding.level == "fail"] == []
    what = [finding.what for finding in found]
    assert "account study" in what
    assert "1 GPUs of model fake on a node of gpu" in what
    assert "status: squeue, which remembers jobs for 3600 s" in what


@pytest.mark.parametrize(
    ("edits", "what", "remedy"),
    [
        ({"cpu_partition": "long"}, "partition 'long': not on this cluster", "choose of cpu, gpu, urgent"),
        ({"account": "nobodys"}, "account 'nobodys': not one of yours", "choose of root, study"),
        ({"gpu_model": "a100"}, "1 GPUs of model a100 on a node of gpu: it has 2 x fake", "correct gpu_model"),
        ({"train_gpus": "4"}, "4 GPUs of model fake on a node of gpu: it has 2 x fake", "correct gpu_model"),
        ({"train_minutes": "2000"}, "train_sft: 2000 minutes, but gpu allows 1440", "goes on in the next job"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_the_cluster_lacks_is_told_with_its_remedy(
    study: SlurmStudy, monkeypatch: pytest.MonkeyPatch, edits: dict[str, str], what: str, remedy: str
) -> None:
    failed = [finding for finding in findings(study, monkeypatch, **edits) if finding.level == "fail"]
    assert [finding for finding in failed if finding.what == what and remedy in finding.remedy], failed


@pytest.mark.parametrize("edits", [{"slurm_partition": "long"}, {"slurm_account": "nobodys"}], ids=str)
def test_the_workflow_refuses_a_partition_or_an_account_that_is_not_there(
    study: SlurmStudy, edits: dict[str, str]
) -> None:
    [value] = edits.values()
    lines = told(study, "--default-resources", *(f"{name}={text}" for name, text in (DEFAULTS | edits).items()))
    assert len(lines_about(lines, f"'{value}'")) == 1
