"""The whole study for real, in its smallest form: two optimizer steps of the tiny models."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from real_data import real, write_nlvr
from secrets_given import SECRETS, files_with_a_secret
from visualzero.manifest import read_manifest, verify
from workspace import SMALL, Workspace, make_workspace

pytestmark = pytest.mark.slow

ARMS = ("base", "base-reason", "base-sft", "base-grpo", "instruct", "instruct-grpo")
GRPO_RUN = Path("results/demo/runs/base-grpo/1")
STEPS = 8  # of GRPO: a step takes half a second, and an interruption has to fall between them
CONTROLS = {"no_image": ["base-grpo"], "shuffled_image": ["base-sft"]}


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def error_lines(output: str) -> list[str]:
    return [line for line in output.splitlines() if line.startswith("error: ")]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A finished study; tests that damage it work on a copy."""
    settings = {"grpo": SMALL["grpo"] | {"steps": STEPS}, "controls": CONTROLS}
    workspace = make_workspace(tmp_path_factory.mktemp("study"), settings)
    with pytest.MonkeyPatch.context() as environment:
        for name, value in SECRETS.items():
            environment.setenv(name, value)
        done = workspace.snakemake("all")
    assert done.returncode == 0, done.stdout
    return workspace


@pytest.fixture
def copy(study: Workspace, tmp_path: Path) -> Workspace:
    """The finished study's questions and models in a folder of their own, with Snakemake's records of them."""
    workspace = make_workspace(tmp_path / "copy", study.settings)
    shutil.copytree(study.folder / ".snakemake/metadata", workspace.folder / ".snakemake/metadata")
    for part in ("data", "models"):
        subprocess.run(
            ["cp", "-Rp", str(study.folder / "results/demo" / part), "."], cwd=_results(workspace), check=True
        )
    return workspace


def _results(workspace: Workspace) -> Path:
    folder = workspace.folder / "results" / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def test_every_arm_is_in_the_summary_and_the_report(study: Workspace) -> None:
    summary = json.loads((study.folder / "results/demo/summary.json").read_text())
    assert tuple(summary["arms"]) == ARMS
    for arm in ARMS:
        scores = summary["arms"][arm]["seeds"]["1"]["toyspace"]
        assert scores["n"] == 16
        assert set(scores["tasks"]) == {"Count", "Relation", "Depth", "Distance"}
        assert {"micro", "official", "parse_rate", "response_tokens"} <= set(scores)
    page = (study.folder / "results/demo/report/index.html").read_text()
    assert all(title in page for title in ("Base + GRPO (R1-Zero)", "Instruct + GRPO", "best constant"))


def test_no_log_manifest_or_report_holds_a_secret_of_the_environment(study: Workspace) -> None:
    assert (study.folder / "logs/demo/grpo/base-grpo/1.log").stat().st_size > 0
    assert list((study.folder / ".snakemake/log").iterdir())
    assert files_with_a_secret(study.folder) == []


def test_training_leaves_history_and_rollouts(study: Workspace) -> None:
    history = pd.read_parquet(study.folder / GRPO_RUN / "history.parquet")
    assert list(history["step"]) == list(range(1, STEPS + 1))
    assert {"reward", "reward_accuracy", "reward_format", "kl", "entropy", "seconds", "tokens"} <= set(history)
    rollouts = pd.read_parquet(study.folder / GRPO_RUN / "rollouts.parquet")
    assert len(rollouts) == STEPS * 2 * 4
    assert rollouts.groupby(["step", "id"]).size().eq(4).all(), "groups are whole"
    assert (rollouts["reward"] == rollouts["reward_accuracy"] + rollouts["reward_format"]).all()


def test_manifests_say_what_the_model_read_first_token_by_token(study: Workspace) -> None:
    asked = study.folder / "results/demo/predictions"
    for arm in ARMS:
        [path] = asked.glob(f"{arm}/*/toyspace.json")
        verify(path)
        first, row = read_manifest(path)["first"], json.loads(path.with_suffix(".jsonl").read_text().splitlines()[0])
        assert first["id"] == row["id"]
        assert hashlib.sha256(first["prompt"].encode()).hexdigest()[:16] == row["prompt_sha"]
        assert len(first["token_ids"].split()) > len(first["prompt"].split())
    trained = read_manifest(study.folder / GRPO_RUN / "manifest.json")["first"]
    assert trained["prompt"].endswith("<think>")
    assert trained["token_ids"]


def test_gathered_shards_and_their_manifest_are_what_one_job_writes(study: Workspace, copy: Workspace) -> None:
    copy.settings["evaluate"] = {**SMALL["evaluate"], "shards": 2}
    target = "results/demo/predictions/instruct/untrained/toyspace.jsonl"
    done = copy.snakemake(target)
    assert done.returncode == 0, done.stdout
    assert digest(copy.folder / target) == digest(study.folder / target)
    manifests = [read_manifest((where.folder / target).with_suffix(".json")) for where in (copy, study)]
    assert manifests[0] == manifests[1]


def test_a_second_run_has_nothing_to_do(study: Workspace) -> None:
    again = study.snakemake("all")
    assert again.returncode == 0
    assert "Nothing to be done" in again.stdout


def test_interrupted_training_goes_on_and_the_same_seed_gives_the_same_bytes(study: Workspace, copy: Workspace) -> None:
    target = str(GRPO_RUN / "manifest.json")
    running = copy.start(*copy.snakemake_command(target))
    assert running.stdout
    assert any(f"base-grpo/1: step 1/{STEPS}" in line for line in iter(running.stdout.readline, "")), "no step was made"
    os.killpg(running.pid, signal.SIGINT)
    running.communicate()
    assert running.returncode != 0
    assert not (copy.folder / target).exists(), "a half-trained run must not look whole"

    scores = "results/demo/scores/base-grpo/1/toyspace.jsonl"
    done = copy.snakemake(scores)
    assert done.returncode == 0, done.stdout
    for name in (str(GRPO_RUN / "model/model.safetensors"), scores.replace("scores", "predictions"), scores):
        assert digest(copy.folder / name) == digest(study.folder / name), name
    assert not list((copy.folder / "work").rglob("checkpoint-*")), "resume state is removed once it is not needed"


def test_a_truncated_table_is_one_line_and_exit_code_1(copy: Workspace) -> None:
    table = copy.folder / "results/demo/data/toyspace.parquet"
    table.write_bytes(table.read_bytes()[:-200])
    failed = copy.visualzero("predict", "base", "toyspace")
    assert failed.returncode == 1
    assert len(error_lines(failed.stdout)) == 1
    assert "toyspace.parquet" in error_lines(failed.stdout)[0]
    assert "altered since it was made" in error_lines(failed.stdout)[0]
    assert "run snakemake again" in error_lines(failed.stdout)[0]
    assert not (copy.folder / "results/demo/predictions/base").exists()


def test_a_misspelt_arm_is_one_line_and_exit_code_1(copy: Workspace) -> None:
    failed = copy.visualzero("train", "base-gpro")
    assert failed.returncode == 1
    assert len(error_lines(failed.stdout)) == 1
    assert "did you mean 'base-grpo'" in error_lines(failed.stdout)[0]


@pytest.fixture
def small_disk(copy: Workspace) -> Iterator[Path]:
    """A work folder with room for the weights of a checkpoint, not for its optimizer state."""
    work = copy.folder / "work"
    work.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(work)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no small tmpfs can be mounted here: {mounted.stderr.decode().strip()}")
    yield work
    subprocess.run(["umount", "-l", str(work)], check=True)


def test_a_full_disk_during_training_is_one_line_and_exit_code_1(copy: Workspace, small_disk: Path) -> None:
    failed = copy.snakemake(str(GRPO_RUN / "manifest.json"))
    assert failed.returncode == 1
    assert any("no space left" in line for line in error_lines(failed.stdout)), failed.stdout
    assert not (copy.folder / GRPO_RUN / "manifest.json").exists()


def _nlvr(folder: Path) -> dict[str, object]:
    """Settings that train on 8 and evaluate on 8 NLVR statements, without control questions."""
    real("nlvr")
    data: dict[str, object] = {}
    table, images = write_nlvr(folder, 16)
    rows = table.read_text().splitlines(keepends=True)
    for name, lines in (("train", rows[:8]), ("test", rows[8:])):
        (folder / f"{name}.jsonl").write_text("".join(lines))
    source = {"kind": "local", "images": str(images)}
    data["train"] = source | {"path": str(folder / "train.jsonl")}
    data["benchmarks"] = {"nlvr": {"source": source | {"path": str(folder / "test.jsonl")}}}
    return {"data": data, "controls": {"no_image": [], "shuffled_image": []}}


def test_a_users_own_questions_go_through_every_recipe(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    arms = ["base", "base-sft", "base-grpo"]
    workspace = make_workspace(tmp_path / "copy", _nlvr(own) | {"run": arms})
    done = workspace.snakemake("all")
    assert done.returncode == 0, done.stdout
    summary = json.loads((workspace.folder / "results/demo/summary.json").read_text())
    assert list(summary["arms"]) == arms
    for arm in arms:
        assert summary["arms"][arm]["seeds"]["1"]["nlvr"]["tasks"]["Statement"]["n"] == 8
    assert "Statement" in (workspace.folder / "results/demo/report/index.html").read_text()


def test_a_row_without_an_answer_names_file_and_line(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    workspace = make_workspace(tmp_path / "copy", _nlvr(own))
    rows = [json.loads(line) for line in (own / "train.jsonl").read_text().splitlines()]
    del rows[2]["answer"]
    (own / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    failed = workspace.snakemake("data")
    assert failed.returncode == 1
    assert any("train.jsonl:3" in line and "answer" in line for line in error_lines(failed.stdout)), failed.stdout
    assert not (workspace.folder / "results/demo/data/train.parquet").exists()


def test_a_corrupt_image_names_the_image(tmp_path: Path) -> None:
    own = tmp_path / "own"
    (own / "images").mkdir(parents=True)
    settings = _nlvr(own)
    row = json.loads((own / "train.jsonl").read_text().splitlines()[0])
    (own / row["image"]).write_bytes((real("nlvr") / row["image"]).read_bytes()[:300])
    (own / "train.jsonl").write_text(json.dumps(row) + "\n")
    data = settings["data"]
    assert isinstance(data, dict)
    data["train"] = {"kind": "local", "path": str(own / "train.jsonl")}
    failed = make_workspace(tmp_path / "copy", settings).visualzero("questions", "train")
    assert failed.returncode == 1
    assert len(error_lines(failed.stdout)) == 1
    assert Path(row["image"]).name in error_lines(failed.stdout)[0]
