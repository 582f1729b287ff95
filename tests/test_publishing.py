"""A run that was ended after training, or whose work folder was damaged then, leaves what an undisturbed one does."""

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from test_resume import EndedError, make_run, reward_letters
from visualzero.manifest import PART, read_manifest, sha256, verify, write_manifest
from visualzero.training import checkpoints, pace, publishing
from visualzero.training import run as running
from visualzero.training.grpo import train_grpo
from visualzero.training.publishing import Publication, link_or_copy
from visualzero.training.run import Run

STEPS = ["grpo.steps=4", "grpo.checkpoint_steps=2", "grpo.max_completion=4"]


@pytest.fixture(scope="module")
def whole(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """An undisturbed run; `ended` beside it is what its work folder was when all steps were made."""
    run = make_run(tiny_model, tmp_path_factory.mktemp("published"), "base-grpo", *STEPS)

    def copy(self: Publication, begin: Callable[[Publication], None] = Publication.begin) -> None:
        shutil.copytree(self.work, run.out.with_name("ended"))
        begin(self)

    with pytest.MonkeyPatch.context() as patch:
        reward_letters(patch)
        patch.setattr(Publication, "begin", copy)
        train_grpo(run)
    return run


@pytest.fixture
def again(whole: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_thread: None) -> Run:
    """The same run, ended when all steps were made."""
    reward_letters(monkeypatch)
    run = dataclasses.replace(whole, out=tmp_path / "out", work=tmp_path / "work" / whole.work.name)
    shutil.copytree(whole.out.with_name("ended"), run.work)
    return run


def outputs(run: Run) -> dict[str, str]:
    """Digests of all files; those of the history without its times, and of the manifest without the history's."""
    found = {str(path.relative_to(run.out)): sha256(path) for path in run.out.rglob("*") if path.is_file()}
    history = pd.read_parquet(run.out / "history.parquet").drop(columns="seconds")
    found["history.parquet"] = history.to_json(double_precision=15)
    manifest = read_manifest(run.out / "manifest.json")
    del manifest["files"]["history.parquet"]
    found["manifest.json"] = str(manifest)
    return found


def no_more_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("a step is made again")

    monkeypatch.setattr(pace.Pace, "on_step_begin", refuse)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def lose_the_last(work: Path) -> None:
    flip(work / "checkpoint-4/model.safetensors")


def lose_all(work: Path) -> None:
    (work / "checkpoint-3/trainer_state.json").write_text("{}")
    (work / "checkpoint-4/optimizer.pt").unlink()


def lose_rows(work: Path) -> None:
    (work / "completions/completions_00002.parquet").unlink()
    (work / "completions/completions_00003.parquet").write_bytes(b"PAR1")
    shutil.copytree(work / "kept/2", work / "kept/3")


@pytest.mark.slow
@pytest.mark.parametrize("fault", [lose_the_last, lose_all, lose_rows], ids=lambda fault: fault.__name__)
def test_a_damaged_work_folder_ends_with_the_same_bytes(
    whole: Run, again: Run, fault: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    fault(again.work)
    train_grpo(again)
    assert outputs(again) == outputs(whole)
    told = [line for line in capsys.readouterr().err.splitlines() if "going on from" in line or "anew" in line]
    assert len(told) == {lose_the_last: 1, lose_all: 2, lose_rows: 0}[fault]


@pytest.mark.slow
def test_a_publication_that_is_ended_anywhere_is_finished_by_the_next_run(
    whole: Run, again: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_more_steps(monkeypatch)

    def end(*args: Any, **kwargs: Any) -> None:
        raise EndedError

    def end_once_moved(self: Path, target: Path, rename: Callable[[Path, Path], Path] = Path.rename) -> Path:
        if self.name.endswith(PART):
            raise EndedError
        return rename(self, target)

    again.out.mkdir()
    (again.out / "of_the_last_attempt").write_text("")
    for place, name, ending in (
        (running, "save_model", end),  # before anything is written
        (running, "history", end),  # the weights are
        (running, "write_manifest", end),  # all is but the manifest
        (Path, "rename", end_once_moved),  # the old output has been moved away
        (publishing.shutil, "rmtree", end),  # all is in its place, nothing is cleared
    ):
        assert not (again.out / "manifest.json").exists()
        with monkeypatch.context() as patch:
            patch.setattr(place, name, ending)
            with pytest.raises(EndedError):
                train_grpo(again)
    for _ in range(2):  # what was not cleared is; and the second time nothing has to be done
        train_grpo(again)
        assert outputs(again) == outputs(whole)
        assert sorted(path.name for path in again.out.parent.iterdir()) == ["out", "work"]
        assert list(again.work.parent.iterdir()) == []


# The same, without a training


@pytest.fixture
def made(tmp_path: Path) -> Publication:
    """A publication that is written, and not yet in its place."""
    publication = Publication(tmp_path / "runs/1", tmp_path / "work/1/0123")
    publication.work.mkdir(parents=True)
    publication.begin()
    (publication.begun / "model").write_text("weights")
    write_manifest(publication.begun / "manifest.json", [publication.begun / "model"], "0" * 16, key="0123")
    return publication


def test_what_was_written_to_its_end_takes_its_place(made: Publication) -> None:
    assert made.finished()
    verify(made.out / "manifest.json")
    assert not made.work.exists()
    assert [path.name for path in made.out.parent.iterdir()] == ["1"]


def test_what_was_damaged_before_it_took_its_place_is_made_again(
    made: Publication, capsys: pytest.CaptureFixture[str]
) -> None:
    (made.begun / "model").write_text("weighty")
    assert not made.finished()
    assert "model: altered since it was made: making" in capsys.readouterr().err
    assert made.work.is_dir()


@pytest.mark.parametrize("key", [{"key": "4567"}, {}], ids=["of other inputs", "of an older version"])
def test_an_output_made_from_something_else_is_not_taken_for_this_one(made: Publication, key: dict[str, str]) -> None:
    made.finish()
    write_manifest(made.out / "manifest.json", [made.out / "model"], "0" * 16, **key)
    assert not made.finished()


def test_an_output_that_is_there_is_said_to_be(made: Publication, capsys: pytest.CaptureFixture[str]) -> None:
    made.finish()
    assert made.finished()
    assert "1: is there already, made from the same: delete" in capsys.readouterr().err


def test_resume_state_that_was_being_cleared_when_the_output_was_lost_is_taken_up(made: Publication) -> None:
    (made.work / "checkpoint-4").mkdir()
    made.work.rename(made.work.with_name(f".0123{PART}"))
    checkpoints.remove(made.begun)
    assert not made.finished()
    assert (made.work / "checkpoint-4").is_dir()


def test_leftovers_of_another_config_are_removed_unless_it_is_at_work(made: Publication) -> None:
    from visualzero.training.lease import leased

    left = made.out.with_name(f".1.4567{PART}")
    left.mkdir()
    with leased(made.work.with_name("4567")):
        made.finished()
        assert left.is_dir()
    made.finished()
    assert not left.exists()


def test_kept_weights_are_copied_where_there_are_no_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    (tmp_path / "weights").write_text("weights")
    monkeypatch.setattr(Path, "hardlink_to", refuse)
    link_or_copy(str(tmp_path / "weights"), str(tmp_path / "copy"))
    assert (tmp_path / "copy").read_text() == "weights"
