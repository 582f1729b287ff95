"""Scaling out: two processes train as one does, stopped and resumed, by every way to launch them."""

import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from tiny_families import FAMILIES, hub_folder
from visualzero.config import ModelSource
from visualzero.data.question import write_questions
from visualzero.data.toyspace.questions import toyspace_rows
from visualzero.manifest import read_manifest
from visualzero.models.fetching import fetch_model

ROOT = Path(__file__).resolve().parents[1]
ACCELERATE = sorted((ROOT / "config/accelerate").glob("*.yaml"))
pytestmark = pytest.mark.slow


WAYS = {"two_cpus": "MULTI_CPU", "fsdp2": "FSDP", "zero2": "DEEPSPEED", "zero3": "DEEPSPEED"}
STOPPED = ("two_cpus", "fsdp2", "zero3")  # of DeepSpeed one, which saves alike in all of its ways
ARMS = ["base-sft", "base-grpo", "base-grpo-dapo"]
LAUNCH = [sys.executable, "-m", "accelerate.commands.launch", "--config_file"]

Trained = Callable[[str], Path]


def start(way: str, out: Path, *arguments: Path | str) -> tuple[int, str]:
    """Start shared_training.py in one process, or by a file of config/accelerate in two; its exit code and output."""
    launcher = [sys.executable]
    if way != "one":
        config = out.with_suffix(".yaml")
        lines = (ROOT / f"config/accelerate/{way}.yaml").read_text().splitlines()
        kept = [line for line in lines if not line.startswith(("num_processes", "use_cpu", "main_process_port"))]
        config.write_text("\n".join([*kept, "num_processes: 2", "use_cpu: true", "main_process_port: 0"]))
        launcher = [*LAUNCH, str(config)]
    command = [*launcher, "tests/shared_training.py", *map(str, arguments)]
    environment = os.environ | {"TORCHDYNAMO_DISABLE": "1"}  # DeepSpeed compiles for longer than these runs take
    done = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    return done.returncode, f"exit code {done.returncode}: ...{done.stdout[-6000:]}"


@pytest.fixture(scope="module")
def questions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "train.parquet"
    write_questions(toyspace_rows("train", 16, 1), path)
    return path


@pytest.fixture(scope="module")
def trained(tiny_model: Path, questions: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Results by the way they were launched: `one` process, or two, most of which are stopped on their way."""
    folder = tmp_path_factory.mktemp("scale_out")

    @cache
    def results(way: str) -> Path:
        out = folder / way
        if way in STOPPED:
            code, said = start(way, out, tiny_model, questions, out, "--stop")
            assert code, said
            for checkpoint in ("base-sft/checkpoint-3", "base-grpo/checkpoint-2"):
                assert (out / "work" / checkpoint / "visualzero.json").is_file(), said
        code, said = start(way, out, tiny_model, questions, out)
        assert code == 0, said
        return out

    return results


@pytest.fixture(scope="module")
def families_trained(questions: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folders in which every family's arms are, trained by one process and by two."""
    folder = tmp_path_factory.mktemp("families")
    weights = []
    for family in FAMILIES:
        hub_folder(family, folder / "hub" / family)
        source = ModelSource(path=str(folder / "hub" / family), min_pixels=3136, max_pixels=12544)
        weights.append(folder / "models" / family)
        fetch_model(source, weights[-1], "0" * 16, "models.base")
    for way in ("one", "two_cpus"):
        code, said = start(way, folder / way, *weights, questions, folder / way)
        assert code == 0, said
    return {way: folder / way for way in ("one", "two_cpus")}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    """A file of config/accelerate."""
    if request.param.startswith("zero") and find_spec("deepspeed") is None:
        pytest.skip("deepspeed is not installed: pip install -r tests/optional.lock")
    return str(request.param)


def same_training(one: Path, two: Path, initial: Path) -> None:
    """Losses and weights of a run by two processes are those of one, and training has changed them by far more."""
    assert [read_manifest(out / "manifest.json")["processes"] for out in (one, two)] == [1, 2]
    losses, theirs = (pd.read_parquet(out / "history.parquet")["loss"] for out in (one, two))
    assert list(losses) == pytest.approx(list(theirs), abs=1e-5)
    assert losses.nunique() == 3
    ours, shared, before = (load_file(path / "model.safetensors") for path in (one / "model", two / "model", initial))
    for name, tensor in ours.items():
        torch.testing.assert_close(tensor, shared[name], rtol=0, atol=1e-6)
    moved = max(float((ours[name] - before[name]).abs().max()) for name in before)
    assert moved > 1e-3, "the tolerance has to be far below what training changes"


@pytest.mark.parametrize("arm", ARMS)
def test_two_processes_train_as_one_does(trained: Trained, tiny_model: Path, arm: str, way: str) -> None:
    same_training(trained("one") / arm, trained(way) / arm, tiny_model)


def test_a_step_has_groups_with_and_without_advantages(trained: Trained) -> None:
    """So that processes have unequally many rows."""
    for arm in ("base-grpo", "base-grpo-dapo"):
        assert 0.5 in set(pd.read_parquet(trained("one") / arm / "history.parquet")["frac_zero_std"])


@pytest.mark.parametrize("arm", ["base-sft", "base-grpo-dapo"])
@pytest.mark.parametrize("family", FAMILIES)
def test_two_processes_train_a_family_as_one_does(families_trained: dict[str, Path], family: str, arm: str) -> None:
    one, two = (folder / family / arm for folder in families_trained.values())
    same_training(one, two, families_trained["one"].parent / "models" / family)


def test_the_way_to_launch_is_the_one_that_the_file_names(trained: Trained, way: str) -> None:
    assert (trained(way) / "launched").read_text() == WAYS[way]


def test_two_processes_log_the_rollouts_of_both(trained: Trained, way: str) -> None:
    one, two = (pd.read_parquet(trained(name) / "base-grpo/rollouts.parquet") for name in ("one", way))
    assert len(one) == 3 * 2 * 4
    pd.testing.assert_frame_equal(one, two, atol=1e-5)


@pytest.mark.parametrize("path", ACCELERATE, ids=lambda path: path.stem)
def test_accelerate_reads_every_way_to_launch(path: Path) -> None:
    from accelerate.commands.config.config_args import load_config_from_file

    config = load_config_from_file(str(path))
    assert config.num_machines == 1
    assert config.mixed_precision in (None, "no"), "precision is the study's"
