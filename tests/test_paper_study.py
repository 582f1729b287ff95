"""`scale: paper` end to end: the real loaders and stages, a stand-in of the hub, tiny weights under the real names."""

import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from hub_server import environment, serve
from paper_files import publish
from visualzero.manifest import read_manifest, verify
from workspace import ROOT, Workspace, make_workspace

pytestmark = pytest.mark.slow

ARMS = ("base-sft", "base-grpo", "instruct")
QUESTIONS = {"cvbench": 2638, "blink": 267, "vsr": 2195}
# What a CPU changes of the paper's settings; a real run changes none. Many multiply bfloat16 eight times slower, and
# every arm is asked five thousand questions.
CPU = {
    "max_steps": 2,
    "sft": {"threads": 1},
    "grpo": {"threads": 1, "max_completion": 16},
    "evaluate": {"threads": 1, "batch_size": 64, "max_new_tokens": 2, "dtype": "float32"},
}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """The finished study."""
    folder = tmp_path_factory.mktemp("paper")
    tiny = ROOT / "models/tiny-base", ROOT / "models/tiny-instruct"
    with serve() as hub, pytest.MonkeyPatch.context() as patch:
        for name, value in environment(hub, folder / "hf").items():
            patch.setenv(name, value)
        settings = {"scale": "paper", "run": list(ARMS), "controls": {"no_image": [], "shuffled_image": []}}
        small = make_workspace(folder / "study")
        workspace = Workspace(small.folder, settings | CPU | publish(hub, *tiny))
        done = workspace.snakemake("all")
        assert done.returncode == 0, done.stdout
        yield workspace


def test_every_arm_is_measured_on_every_benchmark(study: Workspace) -> None:
    summary = json.loads((study.folder / "results/paper/summary.json").read_text())
    assert tuple(summary["arms"]) == ARMS
    for arm in ARMS:
        [seed] = summary["arms"][arm]["seeds"].values()
        assert {name: seed[name]["n"] for name in seed} == QUESTIONS
        assert set(seed["cvbench"]["halves"]) == {"2D", "3D"}
        assert set(seed["cvbench"]["sources"]) == {"ADE20K", "COCO", "Omni3D"}
    page = (study.folder / "results/paper/report/index.html").read_text()
    assert "57.8" in page, "the paper's accuracies stand beside the arms"


@pytest.mark.parametrize("arm", ["base-sft", "base-grpo"])
def test_every_run_takes_two_steps_of_eight_prompts(study: Workspace, arm: str) -> None:
    run = study.folder / "results/paper/runs" / arm / "1"
    verify(run / "manifest.json")
    assert list(pd.read_parquet(run / "history.parquet")["step"]) == [1, 2]
    if arm.endswith("grpo"):
        groups = pd.read_parquet(run / "rollouts.parquet").groupby(["step", "id"]).size()
        assert list(groups) == [8] * 16


@pytest.mark.parametrize(
    ("arm", "asked", "ends"),
    [
        ("base-grpo", "Answer in natural language. How many chairs are visible in the scene?", "step.\n<think>"),
        ("base-sft", "Answer in natural language. How many chairs are visible in the scene?", "assistant\n"),
    ],
)
def test_training_asks_sat_in_the_papers_words(study: Workspace, arm: str, asked: str, ends: str) -> None:
    first = read_manifest(study.folder / "results/paper/runs" / arm / "1/manifest.json")["first"]
    assert asked in first["prompt"]
    assert first["prompt"].endswith(ends)
    assert first["token_ids"]


def test_a_second_run_has_nothing_to_do(study: Workspace) -> None:
    again = study.snakemake("all")
    assert "Nothing to be done" in again.stdout, again.stdout


def test_without_a_commit_of_the_base_model_the_plan_is_whole_and_a_run_ends_in_one_line(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path / "copy", {"scale": "paper"} | CPU)
    planned = workspace.snakemake("-n", "all")
    assert planned.returncode == 0, planned.stdout
    failed = workspace.snakemake("results/paper/runs/base-grpo/1/manifest.json", "--until", "initial_model")
    assert failed.returncode == 1
    lines = {line for line in failed.stdout.splitlines() if line.startswith("error: ")}
    assert len(lines) == 1, failed.stdout
    assert lines.pop().startswith("error: models.base.revision: not pinned")
