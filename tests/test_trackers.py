"""Trackers get a training's history, keep it in the results, hold no secret, and change no result."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest

from secrets_given import SECRETS, files_with_a_secret
from training_runs import SETTINGS
from visualzero.cli import main
from visualzero.config import read_study
from visualzero.data.question import write_questions
from visualzero.data.toyspace.questions import toyspace_rows
from visualzero.errors import UserError
from visualzero.layout import Layout
from visualzero.manifest import read_manifest, write_manifest
from visualzero.training.trackers import prepare_trackers
from visualzero.verifying import verify_tree

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ["--config", str(ROOT / "config/config.yaml")]
LAYOUT = Layout("demo")
TRACKERS = ("tensorboard", "trackio", "wandb", "dvclive")
RUNS = LAYOUT.run("base-grpo", 1)


def train(folder: Path, trackers: list[str]) -> None:
    """Train GRPO for two steps in `folder`, by the command line, as trackers read the environment at import."""
    settings = {**SETTINGS, "rewards": {"r1": {"terms": {"length": 1.0}}}, "trackers": trackers}
    overrides = [word for key, value in settings.items() for word in ("--set", f"{key}={json.dumps(value)}")]
    ours = {"HOME": str(folder / "home"), "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "visualzero", *CONFIG, *overrides, "train", "base-grpo"]
    subprocess.run(command, cwd=folder, env=os.environ | SECRETS | ours, check=True)


@pytest.fixture(scope="module")
def tracked(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which GRPO was trained, reporting to every tracker that is installed here."""
    folder = tmp_path_factory.mktemp("tracked")
    questions, model = folder / LAYOUT.questions("train"), folder / LAYOUT.model("base")
    write_questions(toyspace_rows("train", 16, 1), questions)
    write_manifest(questions.with_suffix(".json"), [questions], "0" * 16)
    shutil.copytree(tiny_model, model)
    write_manifest(model.parent / "manifest.json", sorted(model.iterdir()), "0" * 16)
    train(folder, [name for name in TRACKERS if find_spec(name)])
    return folder


@pytest.fixture
def told(tracked: Path, request: pytest.FixtureRequest) -> Path:
    """The folder that a tracker has written, which the test names."""
    name = request.param
    if find_spec(name) is None:
        pytest.skip(f"{name} is not installed: pip install -r tests/optional.lock (Trackio: docs/watching.md)")
    return tracked / LAYOUT.trackers / name


def rewards(folder: Path) -> list[float]:
    return [float(value) for value in pd.read_parquet(folder / RUNS / "history.parquet")["reward"]]


def name_of(folder: Path) -> str:
    return f"base-grpo/1/{read_manifest(folder / RUNS / 'manifest.json')['fingerprint'][:8]}"


@pytest.mark.parametrize("told", ["tensorboard"], indirect=True)
def test_tensorboard_shows_the_history(tracked: Path, told: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(told / name_of(tracked))).Reload().Scalars("train/reward")
    assert [(event.step, event.value) for event in events] == list(enumerate(rewards(tracked), start=1))


@pytest.mark.parametrize("told", ["trackio"], indirect=True)
def test_trackio_shows_the_history(tracked: Path, told: Path) -> None:
    with closing(sqlite3.connect(told / "visualzero.db")) as base:
        rows = base.execute("select run_name, metrics from metrics order by step").fetchall()
    assert {name for name, _ in rows} == {name_of(tracked)}
    logged = [row for row in (json.loads(row) for _, row in rows) if "train/reward" in row]  # not the summary
    assert [(row["train/global_step"], row["train/reward"]) for row in logged] == [
        *enumerate(rewards(tracked), start=1)
    ]


@pytest.mark.parametrize("told", ["dvclive"], indirect=True)
def test_dvclive_shows_the_history_and_leaves_the_project_alone(tracked: Path, told: Path) -> None:
    table = pd.read_table(told / name_of(tracked) / "plots/metrics/reward.tsv")
    assert list(table["reward"]) == rewards(tracked)
    assert not list(tracked.glob("dvc*"))


@pytest.mark.parametrize("told", ["wandb"], indirect=True)
def test_wandb_stays_offline_though_there_is_a_key(told: Path) -> None:
    assert [path.name.startswith("offline-run-") for path in told.glob("*run-*") if not path.is_symlink()] == [True]


def test_what_trackers_are_told_lies_in_one_folder_and_holds_no_secret(tracked: Path) -> None:
    assert files_with_a_secret(tracked) == []
    assert {path.name for path in tracked.iterdir()} - {"home"} == {"results", "work"}
    assert not verify_tree(tracked / LAYOUT.root).differs


def test_trackers_change_no_result_and_no_fingerprint(tracked: Path, tmp_path: Path) -> None:
    shutil.copytree(tracked / LAYOUT.root, tmp_path / LAYOUT.root, ignore=shutil.ignore_patterns("runs", "trackers"))
    train(tmp_path, [])
    assert not (tmp_path / LAYOUT.trackers).exists()
    first, second = (read_manifest(folder / RUNS / "manifest.json") for folder in (tracked, tmp_path))
    assert first["fingerprint"] == second["fingerprint"]
    assert first["files"] | {"history.parquet": None} == second["files"] | {"history.parquet": None}  # which has times


def test_a_tracker_that_is_not_installed_ends_the_command_before_it_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("visualzero.training.trackers.find_spec", lambda name: None)
    with pytest.raises(SystemExit):
        main([*CONFIG, "train", "base-grpo", "--set", "trackers=[tensorboard]"])
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(
        "error: trackers: tensorboard: not installed here: pip install tensorboard, then pip install"
    )


def test_an_unknown_tracker_is_told_with_the_nearest_name() -> None:
    with pytest.raises(UserError, match=r"trackers\.0: unknown value 'tensorbord'; did you mean 'tensorboard'\?"):
        read_study(ROOT / "config/config.yaml", ["trackers=[tensorbord]"])


def test_where_trackers_write_is_the_users_choice_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TRACKIO_DIR", "TENSORBOARD_LOGGING_DIR", "WANDB_DIR", "WANDB_PROJECT"):
        monkeypatch.setenv(name, "mine")
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setattr("visualzero.training.trackers.find_spec", lambda name: name)
    prepare_trackers(["wandb"], tmp_path / "trackers", "base-grpo/1/0")
    assert os.environ["WANDB_MODE"] == "online"
    assert os.environ["WANDB_DIR"] == os.environ["TRACKIO_DIR"] == "mine"


def test_nothing_is_set_where_nothing_is_tracked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_MODE", raising=False)
    prepare_trackers([], tmp_path / "trackers", "base-grpo/1/0")
    assert "WANDB_MODE" not in os.environ
    assert not list(tmp_path.iterdir())
