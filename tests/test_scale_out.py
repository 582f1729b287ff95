"""Scaling out: two processes train as one does, and accelerate can read every way to launch them."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from visualzero.data.question import write_questions
from visualzero.data.toyspace.questions import toyspace_rows
from visualzero.manifest import read_manifest

ROOT = Path(__file__).resolve().parents[1]
ACCELERATE = sorted((ROOT / "config/accelerate").glob("*.yaml"))


WAYS = ("two_cpus", "fsdp2")


@pytest.fixture(scope="module")
def trained(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Results of shared_training.py by the way it was launched: `one` process, or two of them."""
    folder = tmp_path_factory.mktemp("scale_out")
    questions = folder / "data" / "train.parquet"
    write_questions(toyspace_rows("train", 16, 1), questions)
    cpu = "num_processes: 2\nuse_cpu: true\nmain_process_port: 0\n"
    (folder / "fsdp2.yaml").write_text((ROOT / "config/accelerate/fsdp2.yaml").read_text() + cpu)
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--config_file"]
    launchers = {
        "one": [sys.executable],
        "two_cpus": [*launch, "config/accelerate/two_cpus.yaml"],
        "fsdp2": [*launch, str(folder / "fsdp2.yaml")],
    }
    for way, launcher in launchers.items():
        script = ["tests/shared_training.py", str(tiny_model), str(questions), str(folder / way)]
        done = subprocess.run([*launcher, *script], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    return {way: folder / way for way in launchers}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("arm", ["base-sft", "base-grpo"])
def test_two_processes_train_as_one_does(trained: dict[str, Path], tiny_model: Path, arm: str, way: str) -> None:
    one, two = trained["one"] / arm, trained[way] / arm
    assert [read_manifest(out / "manifest.json")["processes"] for out in (one, two)] == [1, 2]
    losses, theirs = (pd.read_parquet(out / "history.parquet")["loss"] for out in (one, two))
    assert list(losses) == pytest.approx(list(theirs), abs=1e-5)
    assert losses.nunique() == 3
    ours, shared = (load_file(out / "model/model.safetensors") for out in (one, two))
    for name, tensor in ours.items():
        torch.testing.assert_close(tensor, shared[name], rtol=0, atol=1e-6)
    initial = load_file(tiny_model / "model.safetensors")
    moved = max(float((ours[name] - initial[name]).abs().max()) for name in initial)
    assert moved > 1e-3, "the tolerance has to be far below what training changes"


@pytest.mark.parametrize("way", WAYS)
def test_two_processes_log_the_rollouts_of_both(trained: dict[str, Path], way: str) -> None:
    one, two = (pd.read_parquet(trained[name] / "base-grpo/rollouts.parquet") for name in ("one", way))
    assert len(one) == 3 * 2 * 4
    pd.testing.assert_frame_equal(one, two, atol=1e-5)


@pytest.mark.parametrize("path", ACCELERATE, ids=lambda path: path.stem)
def test_accelerate_reads_every_way_to_launch(path: Path) -> None:
    from accelerate.commands.config.config_args import load_config_from_file

    config = load_config_from_file(str(path))
    assert config.num_machines == 1
    assert config.mixed_precision in (None, "no"), "precision is the study's"
