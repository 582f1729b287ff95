"""Two processes train every family of models as one does.

`python benchmarks/families.py` runs all of them for its table; by itself pytest runs the one that differs most from
Qwen2-VL, with which tests/test_scale_out.py tries every way to launch.
"""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from tiny_families import hub_folder
from visualzero.config import ModelSource
from visualzero.data.question import write_questions
from visualzero.data.toyspace.questions import toyspace_rows
from visualzero.manifest import read_manifest
from visualzero.models.fetching import fetch_model

ROOT = Path(__file__).resolve().parents[1]
EVERY = "VISUALZERO_EVERY_FAMILY"  # environment variable
OTHERS = ("qwen2_5_vl", "qwen3_vl", "smolvlm", "internvl", "qwen3")
FAMILIES = [
    "gemma3",
    *(
        pytest.param(name, marks=pytest.mark.skipif(EVERY not in os.environ, reason=f"{EVERY} is not set"))
        for name in OTHERS
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_two_processes_train_a_family_as_one_does(family: str, tmp_path: Path) -> None:
    hub_folder(family, tmp_path / "hub")
    source = ModelSource(path=str(tmp_path / "hub"), min_pixels=3136, max_pixels=12544)
    weights = tmp_path / "base/model"
    fetch_model(source, weights, "0" * 16, "models.base")
    questions = tmp_path / "train.parquet"
    write_questions(toyspace_rows("train", 16, 1), questions)
    config = tmp_path / "two.yaml"
    lines = (ROOT / "config/accelerate/two_cpus.yaml").read_text().splitlines()
    kept = [line for line in lines if not line.startswith(("num_processes", "use_cpu", "main_process_port"))]
    config.write_text("\n".join([*kept, "num_processes: 2", "use_cpu: true", "main_process_port: 0"]))
    launchers = {"one": [], "two": ["-m", "accelerate.commands.launch", "--config_file", str(config)]}
    for name, launcher in launchers.items():
        command = [*launcher, "tests/shared_training.py", str(weights), str(questions), str(tmp_path / name)]
        done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
    for arm in ("base-sft", "base-grpo", "base-grpo-dapo"):
        one, two = (tmp_path / name / arm for name in launchers)
        assert [read_manifest(out / "manifest.json")["processes"] for out in (one, two)] == [1, 2]
        losses, theirs = (pd.read_parquet(out / "history.parquet")["loss"] for out in (one, two))
        assert list(losses) == pytest.approx(list(theirs), abs=1e-5)
        ours, shared = (load_file(out / "model/model.safetensors") for out in (one, two))
        initial = load_file(weights / "model.safetensors")
        for name, tensor in ours.items():
            torch.testing.assert_close(tensor, shared[name], rtol=0, atol=1e-6)
        assert max(float((ours[name] - initial[name]).abs().max()) for name in initial) > 1e-3
