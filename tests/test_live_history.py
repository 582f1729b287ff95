"""The history that a run writes while it trains: what it logs, once, and never in the way of training."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from transformers import TrainerControl, TrainerState, TrainingArguments

from training_runs import MakeRun, make_run, paid_by_the_letter
from visualzero.training import pace
from visualzero.training.grpo import train_grpo
from visualzero.training.live import LIVE, LiveLog, append_live, read_live, write_live
from visualzero.training.publishing import Publication
from visualzero.training.recording import LiveHistory
from visualzero.training.sft import train_sft

__all__ = ["make_run", "paid_by_the_letter"]  # the fixtures


class EndedError(Exception):
    """The process was killed."""


def entry(step: int, **more: Any) -> dict[str, Any]:
    return {"loss": 0.5, "step": step, **more}


def told(recorder: LiveHistory, *log: dict[str, Any], begins: bool = False, first: bool = True) -> None:
    """Tell a recorder what a trainer would."""
    state = TrainerState(log_history=list(log), is_world_process_zero=first)
    tell = recorder.on_train_begin if begins else recorder.on_log
    tell(TrainingArguments(use_cpu=True), state, TrainerControl())


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[LiveLog]:
    """What stood in the live files of runs that went on to publish."""
    seen: list[LiveLog] = []

    def look(self: Publication, begin: Callable[[Publication], None] = Publication.begin) -> None:
        live = read_live(self.work / LIVE)
        assert live
        seen.append(live)
        begin(self)

    monkeypatch.setattr(Publication, "begin", look)
    return seen


@pytest.mark.usefixtures("one_thread", "paid_by_the_letter")
def test_a_run_writes_the_rows_that_its_history_ends_up_with(make_run: MakeRun, published: list[LiveLog]) -> None:
    run = make_run("base-grpo")
    train_grpo(run)
    [live] = published
    assert (live.run, live.steps) == ("base-grpo/1", 2)
    pd.testing.assert_frame_equal(pd.DataFrame(live.rows), pd.read_parquet(run.out / "history.parquet"))


@pytest.mark.usefixtures("one_thread")
def test_a_run_that_was_killed_after_its_checkpoint_writes_no_step_twice(
    make_run: MakeRun, published: list[LiveLog], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run("base-sft", "sft.steps=4", "sft.save_steps=2")

    def end(self: Any, args: Any, state: Any, *rest: Any, begin: Any = pace.Pace.on_step_begin, **more: Any) -> None:
        if state.global_step == 3:
            raise EndedError
        begin(self, args, state, *rest, **more)

    with monkeypatch.context() as patch:
        patch.setattr(pace.Pace, "on_step_begin", end)
        with pytest.raises(EndedError):
            train_sft(run)
    ended = read_live(run.work / LIVE)
    assert ended
    assert [row["step"] for row in ended.rows] == [1, 2, 3]
    with (run.work / LIVE).open("a") as file:
        file.write('{"step": 4, "lo')
    train_sft(run)
    [live] = published
    assert [row["step"] for row in live.rows] == [1, 2, 3, 4]
    assert live.rows[:2] == ended.rows[:2]
    assert live.rows == pd.read_parquet(run.out / "history.parquet").to_dict("records")


def test_half_a_line_is_no_row(tmp_path: Path) -> None:
    file = tmp_path / LIVE
    write_live(file, "base-sft/1", 9, [{"step": 1}])
    append_live(file, {"step": 2})
    whole = read_live(file)
    assert whole == LiveLog("base-sft/1", 9, [{"step": 1}, {"step": 2}])
    content = file.read_bytes()
    head = content.index(b"\n") + 1
    for end in range(len(content)):
        file.write_bytes(content[:end])
        seen = read_live(file)
        assert (seen is None) == (end < head)
        assert seen is None or seen == dataclasses.replace(whole, rows=whole.rows[: content[head:end].count(b"\n")])


@pytest.mark.parametrize("content", [b"", b"\n", b"\0" * 80 + b"\n", b"[]\n", b'{"run": "a/1"}\n', b"\xff\xfe\n"])
def test_what_is_no_history_is_none(tmp_path: Path, content: bytes) -> None:
    assert read_live(tmp_path / LIVE) is None
    (tmp_path / LIVE).write_bytes(content)
    assert read_live(tmp_path / LIVE) is None


def test_the_first_process_alone_writes(tmp_path: Path) -> None:
    told(LiveHistory(tmp_path / LIVE, "base-sft/1", 2), entry(1), begins=True, first=False)
    assert not list(tmp_path.iterdir())


def test_the_summary_at_the_end_is_no_row(tmp_path: Path) -> None:
    recorder = LiveHistory(tmp_path / LIVE, "base-sft/1", 2)
    told(recorder, begins=True)
    told(recorder, entry(1))
    told(recorder, entry(1), {"train_runtime": 3.0, "step": 1})
    live = read_live(tmp_path / LIVE)
    assert live
    assert live.rows == [{"step": 1, "loss": 0.5}]


def test_training_goes_on_where_the_file_can_not_be_written_and_it_is_whole_again_later(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "work"
    recorder = LiveHistory(folder / LIVE, "base-sft/1", 3)
    told(recorder, begins=True)
    told(recorder, entry(1))
    [said] = capsys.readouterr().err.splitlines()  # once
    assert said == f"visualzero: {folder / LIVE}: No such file or directory: training goes on, but can't be watched"
    folder.mkdir()
    told(recorder, entry(1), entry(2))
    told(recorder, entry(1), entry(2), entry(3))
    live = read_live(folder / LIVE)
    assert live
    assert [row["step"] for row in live.rows] == [1, 2, 3]
