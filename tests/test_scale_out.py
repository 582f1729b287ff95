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

from visualzero.data.question import write_questions
from visualzero.data.toyspace.questions import toyspace_rows
from visualzero.manifest import read_manifest

ROOT = Path(__file__).resolve().parents[1]
ACCELERATE = sorted((ROOT / "config/accelerate").glob("*.yaml"))
pytestmark = pytest.mark.slow


WAYS = {"two_cpus": "MULTI_CPU", "fsdp2": "FSDP", "zero2": "DEEPSPEED", "zero3": "DEEPSPEED"}
LAUNCH = [sys.executable, "-m", "accelerate.commands.launch", "--config_file"]

Trained = Callable[[str], Path]


@pytest.fixture(scope="module")
def trained(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Results of shared_training.py by the way it was launched: `one` process, or two that are stopped on their way."""
    folder = tmp_path_factory.mktemp("scale_out")
    questions = folder / "data" / "train.parquet"
    write_questions(toyspace_rows("train", 16, 1), questions)

    @cache
    def results(way: str) -> Path:
        launcher = [sys.executable]
        if way != "one":
            config = folder / f"{way}.yaml"
            lines = (ROOT / f"config/accelerate/{way}.yaml").read_text().splitlines()
            kept = [line for line in lines if not line.startswith(("num_processes", "use_cpu", "main_process_port"))]
            config.write_text("\n".join([*kept, "num_processes: 2", "use_cpu: true", "main_process_port: 0"]))
            launcher = [*LAUNCH, str(config)]
        script = ["tests/shared_training.py", str(tiny_model), str(questions), str(folder / way)]
        environment = os.environ | {"TORCHDYNAMO_DISABLE": "1"}  # DeepSpeed compiles for longer than these runs take

        def start(*options: str) -> tuple[int, str]:
            command = [*launcher, *script, *options]
            done = subprocess.run(
                command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
            return done.returncode, f"exit code {done.returncode}: ...{done.stdout[-6000:]}"

        if way != "one":
            code, said = start("--stop")
            assert code, said
            for checkpoint in ("base-sft/checkpoint-3", "base-grpo/checkpoint-2"):
                assert (folder / way / "work" / checkpoint / "visualzero.json").is_file(), said
        code, said = start()
        assert code == 0, said
        return folder / way

    return results


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    """A file of config/accelerate."""
    if request.param.startswith("zero") and find_spec("deepspeed") is None:
        pytest.skip("deepspeed is not installed: pip install -r tests/optional.lock")
    return str(request.param)


@pytest.mark.parametrize("arm", ["base-sft", "base-grpo", "base-grpo-dapo"])
def test_two_processes_train_as_one_does(trained: Trained, tiny_model: Path, arm: str, way: str) -> None:
    one, two = trained("one") / arm, trained(way) / arm
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
