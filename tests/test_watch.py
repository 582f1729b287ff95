"""`visualzero watch`: what it makes of the files that runs leave, and how it shows that."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from visualzero.cli import main
from visualzero.config import Study, read_study
from visualzero.errors import UserError
from visualzero.layout import Layout
from visualzero.training.lease import LEASE
from visualzero.training.live import LIVE, append_live, write_live
from visualzero.watching.picture import BLOCKS, course, picture
from visualzero.watching.rollouts import Rollout, last_rollouts
from visualzero.watching.runs import WatchedRun, watched_runs
from visualzero.watching.watch import ENTER, LEAVE, watch

ROOT = Path(__file__).resolve().parents[1]
LAYOUT = Layout("demo")
ELSEWHERE = {"id": "a", "host": "node7", "job": "12", "pid": 1, "machine": "another", "begun": 0.0}


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """A study of one SFT and one GRPO run, whose results are in the working folder."""
    monkeypatch.chdir(tmp_path)
    return read_study(ROOT / "config/config.yaml", ["run=[base, base-sft, base-grpo]", "grpo.steps=40"])


def rows(first: int, last: int, **more: Any) -> list[dict[str, Any]]:
    return [
        {"step": step, "loss": 0.5, "seconds": 3.0, "reward": step / 40, "completion_length": 50.0, **more}
        for step in range(first, last + 1)
    ]


def begin(arm: str, made: list[dict[str, Any]], steps: int = 40, key: str = "abc", silent: float | None = 0.0) -> Path:
    """A run's work folder; its trainer is on another machine, heard of `silent` seconds ago, or gone if None."""
    work = LAYOUT.work("runs", arm, 1, key)
    work.mkdir(parents=True)
    write_live(work / LIVE, f"{arm}/1", steps, made)
    if silent is not None:
        lock = work.with_name(f"{key}.lease")
        lock.write_text(json.dumps(ELSEWHERE))
        os.utime(lock, (time.time() - silent,) * 2)
    return work


def finish(arm: str, made: list[dict[str, Any]]) -> None:
    out = LAYOUT.run(arm, 1)
    out.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(made).to_parquet(out / "history.parquet")
    (out / "manifest.json").write_text("{}")


def seen(study: Study, arm: str) -> WatchedRun:
    [run] = [run for run in watched_runs(study, LAYOUT) if run.name == f"{arm}/1"]
    return run


# What runs are doing


def test_a_run_is_not_begun_then_training_then_finished(study: Study) -> None:
    run = seen(study, "base-grpo")
    assert (run.state, run.step, run.steps, run.left) == ("not begun", 0, 40, None)
    work = begin("base-grpo", [])
    run = seen(study, "base-grpo")
    assert (run.state, run.step, run.steps, run.left) == ("training", 0, 40, None)
    for row in rows(1, 30):
        append_live(work / LIVE, row)
    run = seen(study, "base-grpo")
    assert (run.state, run.step, run.left, run.recent("reward")) == ("training", 30, 30.0, pytest.approx(25.5 / 40))
    finish("base-grpo", rows(1, 40))
    work.with_name("abc.lease").unlink()
    run = seen(study, "base-grpo")
    assert (run.state, run.step, run.left) == ("finished", 40, None)


def test_a_run_that_was_ended_says_where_it_goes_on(study: Study) -> None:
    work = begin("base-grpo", rows(1, 30), silent=None)
    assert (seen(study, "base-grpo").state, seen(study, "base-grpo").note) == ("stopped", "begins anew")
    for step in (10, 20, 30):  # the last one was not written to its end
        (work / f"checkpoint-{step}").mkdir()
    for step in (10, 20):
        (work / f"checkpoint-{step}" / "visualzero.json").write_text("{}")
    assert seen(study, "base-grpo").note == "goes on after step 20"


def test_a_trainer_that_is_not_heard_of_is_told(study: Study) -> None:
    begin("base-grpo", rows(1, 30), silent=5 * LEASE)
    run = seen(study, "base-grpo")
    assert (run.state, run.note) == ("training", "not heard of for 5 min")


def test_a_trainer_that_was_killed_here_is_not_training(study: Study) -> None:
    from visualzero.processes import machine

    work = begin("base-grpo", rows(1, 30))
    work.with_name("abc.lease").write_text(json.dumps(ELSEWHERE | {"machine": machine(), "pid": 2**22 + 1}))
    assert seen(study, "base-grpo").state == "stopped"


def test_an_alarm_is_shown(study: Study) -> None:
    begin("base-grpo", rows(1, 3, alarm="kl"))
    assert seen(study, "base-grpo").note == "alarm: kl"


def test_of_several_attempts_the_newest_counts_and_its_steps_are_its_own(study: Study) -> None:
    old = begin("base-grpo", rows(1, 9), key="old", silent=None)
    os.utime(old / LIVE, (0, 0))
    begin("base-grpo", rows(1, 2), steps=7)
    assert (seen(study, "base-grpo").step, seen(study, "base-grpo").steps) == (2, 7)


def test_runs_that_the_config_does_not_name_are_seen_while_they_train(study: Study) -> None:
    begin("base-gpg", rows(1, 2), steps=5)
    begin("base-grpo-dr", rows(1, 2), steps=5, silent=None)
    assert [run.name for run in watched_runs(study, LAYOUT)] == ["base-sft/1", "base-grpo/1", "base-gpg/1"]


def test_a_damaged_history_is_told_in_a_line(study: Study) -> None:
    finish("base-grpo", rows(1, 2))
    (LAYOUT.run("base-grpo", 1) / "history.parquet").write_text("PAR1")
    with pytest.raises(UserError, match=r"history\.parquet: .*run the stage that writes it again") as caught:
        watched_runs(study, LAYOUT)
    assert "\n" not in str(caught.value)


def test_a_file_that_can_not_be_read_is_told_in_a_line(study: Study) -> None:
    work = begin("base-grpo", [])
    (work / LIVE).unlink()
    (work / LIVE).mkdir()
    with pytest.raises(UserError, match=r"live\.jsonl: Is a directory: watch as a user who may read it"):
        watched_runs(study, LAYOUT)


# Rollouts


def test_the_newest_whole_table_is_shown_the_best_completion_first(tmp_path: Path) -> None:
    folder = tmp_path / "completions"
    folder.mkdir()
    assert last_rollouts(tmp_path) == []
    for step in (1, 2):
        said = [[{"role": "assistant", "content": f"{name} {step}"}] for name in ("worse", "better")]
        facts = {"step": step, "prompt": "?", "completion": said, "accuracy": [0.0, 1.0], "id": ["a", "b"]}
        pd.DataFrame({**facts, "advantage": [-1.0, 1.0]}).to_parquet(folder / f"completions_{step:05d}.parquet")
    (folder / "completions_00003.parquet").write_bytes(b"PAR1")
    assert last_rollouts(tmp_path) == [
        Rollout(2, "b", {"accuracy": 1.0}, 1.0, "better 2"),
        Rollout(2, "a", {"accuracy": 0.0}, -1.0, "worse 2"),
    ]


# The picture


def test_the_picture_fits_and_shows_each_run_and_its_best_and_worst_rollout(study: Study) -> None:
    work = begin("base-grpo", rows(1, 30))
    evil = "a \x1b[2J\u202e\x9b2J\u200d completion " + "word " * 200
    rollouts = [Rollout(30, "q1", {"format": 1.0}, 1.5, evil), Rollout(30, "q2", {"format": 0.0}, -1.5, "short")]
    shown = picture("demo", watched_runs(study, LAYOUT), {"base-grpo/1": rollouts}, width=110)
    assert work.is_dir()
    lines = shown.split("\n")
    assert max(map(len, lines)) <= 110
    assert lines[0].startswith("demo: 0 of 2 runs finished, 1 training")
    assert lines[3].split() == ["base-sft/1", "0/50", "..........", "not", "begun"]
    numbers = ["30", "s", "0.64", "50", "0.500", "3.00", course([row["reward"] for row in rows(1, 30)])]
    assert lines[4].split() == ["base-grpo/1", "30/40", "########..", *numbers, "training"]
    assert "base-grpo/1, step 30: q1  format 1  advantage 1.50" in lines
    assert "  | short" in lines
    assert "\x1b" not in shown
    assert not {"\u202e", "\x9b", "\u200d"} & set(shown)


def test_a_study_that_trains_nothing_says_so() -> None:
    assert picture("demo", [], {}, 80) == "demo: no arm of the study is trained"


@pytest.mark.parametrize(("values", "drawn"), [([], ""), ([1.0], "▁"), ([2.0, 2.0], "▁▁"), ([0.0, 1.0], "▁█")])
def test_a_course_goes_from_the_lowest_to_the_highest(values: list[float], drawn: str) -> None:
    assert course(values) == drawn


def test_a_long_course_is_drawn_by_means() -> None:
    drawn = course([float(step) for step in range(1000)])
    assert list(drawn) == sorted(drawn)
    assert (len(drawn), drawn[0], drawn[-1]) == (16, BLOCKS[0], BLOCKS[-1])


# The command


def sleeping(*actions: Callable[[], object]) -> Callable[[float], None]:
    """A pause in which these happen, one at a time; then Ctrl-C is pressed."""
    waiting = list(actions)

    def sleep(seconds: float) -> None:
        if not waiting:
            raise KeyboardInterrupt
        waiting.pop(0)()

    return sleep


def test_a_log_gets_a_line_for_each_run_that_has_got_further(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    work = begin("base-grpo", rows(1, 1))
    finish("base-sft", rows(1, 50))

    def end() -> None:
        finish("base-grpo", rows(1, 40))
        work.with_name("abc.lease").unlink()

    watch(study, LAYOUT, sleeping(lambda: None, lambda: append_live(work / LIVE, rows(2, 2)[0]), end))
    assert capsys.readouterr().out.splitlines() == [
        "base-sft/1: finished",
        "base-grpo/1: step 1/40, reward 0.03, length 50, loss 0.500, s/step 3.00, 2 min left",
        "base-grpo/1: step 2/40, reward 0.04, length 50, loss 0.500, s/step 3.00, 2 min left",
        "base-grpo/1: finished",
    ]


@pytest.mark.parametrize("terminal", [True, False])
def test_ctrl_c_ends_it_quietly(
    study: Study, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    begin("base-grpo", rows(1, 30))
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    watch(study, LAYOUT, sleeping(lambda: None))
    captured = capsys.readouterr()
    assert captured.err == ""
    if terminal:
        assert captured.out.startswith(ENTER)
        drawn, left, last = captured.out.partition(LEAVE)
        assert left
        assert drawn.count("30/40") == 2
        assert last.count("30/40") == 1
        assert "\x1b" not in last


def test_a_terminal_that_shows_ascii_alone_gets_question_marks(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin("base-grpo", rows(1, 30))
    with (tmp_path / "out").open("w", encoding="ascii") as out:
        monkeypatch.setattr("sys.stdout", out)
        watch(study, LAYOUT, sleeping())
        main(["--config", str(ROOT / "config/config.yaml"), "watch", "--once"])
    assert "30/40" in (tmp_path / "out").read_text()


def test_once_prints_one_picture(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    begin("base-grpo", rows(1, 30))
    main(["--config", str(ROOT / "config/config.yaml"), "watch", "--once"])
    assert capsys.readouterr().out.count("base-grpo/1") == 1
