"""Responses of kept checkpoints in the page's browser: the same questions over the steps, read as if scored."""

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import visualzero.report.build
from chromium import chromium, opened
from report_study import with_checkpoints, write_study
from repository import ROOT
from visualzero.config import read_study
from visualzero.errors import UserError
from visualzero.evaluation.reading.scorers import score_rows
from visualzero.layout import Layout
from visualzero.report import ReportInputs, build_report
from visualzero.report.build import report_study
from visualzero.report.checkpoints import checkpoint_set
from visualzero.report.questions import QuestionTable
from visualzero.report.sample_set import Room, SampleSet
from visualzero.report.summary import read_summary
from visualzero.report.tables import study_arms

ENOUGH = Room(rows=1000, bytes=10**6)


@pytest.fixture
def study(tmp_path: Path) -> ReportInputs:
    return with_checkpoints(write_study(tmp_path), tmp_path)


def found(study: ReportInputs, room: Room = ENOUGH, scorer: str = "strict") -> SampleSet:
    arms = study_arms(read_summary(study.summary), study.arms, study.runs)
    made = checkpoint_set(study, arms, "toyspace", QuestionTable(study.benchmarks["toyspace"]), scorer, room)
    assert made
    return made


def test_each_question_has_all_runs_at_all_steps(study: ReportInputs) -> None:
    made = found(study, Room(rows=13, bytes=10**6))
    assert [question["id"] for question in made.questions] == ["Count-0", "Depth-0"]
    assert [(row["question"], row["seed"], row["step"]) for row in made.rows[:7]] == [
        (0, "1", 10),
        (0, "1", 20),
        (0, "1", 30),
        (0, "2", 10),
        (0, "2", 20),
        (0, "2", 30),
        (1, "1", 10),
    ]
    assert (made.name, made.kind, len(made.rows), made.total) == ("checkpoints/toyspace", "checkpoints", 12, 96)


def test_responses_are_read_as_the_score_stage_reads_them(study: ReportInputs) -> None:
    questions = pd.read_parquet(study.benchmarks["toyspace"])
    made = found(study)
    for (_, seed, step), path in study.checkpoints.items():
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        scored = {row["id"]: row for row in score_rows(rows, questions, "letter", think_prefix=True)}
        for row in found(study, scorer="letter").rows:
            if (row["seed"], row["step"]) == (seed, step):
                its = scored[made.questions[row["question"]]["id"]]
                assert dict(zip(made.columns, row["values"], strict=True)) == its["readings"]
                assert (row["read"], row["verdict"] == "right") == (its["prediction"], its["correct"])
    assert {row["verdict"] for row in made.rows} == {"right", "wrong"}


def test_of_many_steps_eight_are_shown_the_first_and_the_last_among_them(tmp_path: Path) -> None:
    study = with_checkpoints(write_study(tmp_path), tmp_path, tuple(range(10, 310, 10)))
    made = found(study)
    steps = sorted({row["step"] for row in made.rows})
    assert len(steps) == 8
    assert (steps[0], steps[-1]) == (10, 300)
    assert max(after - before for before, after in pairwise(steps)) <= 80
    assert made.total == 30 * 2 * 16


def test_without_a_scorer_that_is_known_nothing_is_judged(study: ReportInputs) -> None:
    assert {row["verdict"] for row in found(study, scorer="another").rows} == {"not scored"}


def test_a_study_that_keeps_none_has_no_such_set(study: ReportInputs, tmp_path: Path) -> None:
    nowhere = dict.fromkeys(study.checkpoints, tmp_path / "none.jsonl")
    for without in (replace(study, checkpoints={}), replace(study, checkpoints=nowhere)):
        build_report(without, tmp_path / "out")
        assert "checkpoints/toyspace" not in (tmp_path / "out/index.html").read_text(encoding="utf-8")


def test_a_malformed_file_is_named(study: ReportInputs, tmp_path: Path) -> None:
    study.checkpoints["base-grpo", "1", 20].write_text('{"id": "Count-0"}\n')
    with pytest.raises(UserError, match=r"kept-1-20\.jsonl:1: no response"):
        build_report(study, tmp_path / "out")


def test_the_report_stage_looks_for_the_checkpoints_that_the_config_keeps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Any] = []
    monkeypatch.setattr(visualzero.report.build, "build_report", lambda inputs, out: given.append(inputs))
    study = read_study(
        ROOT / "config/config.yaml", ["run=[base, base-grpo]", "grpo.steps=5", "grpo.checkpoint_steps=2"]
    )
    layout = Layout("demo", tmp_path)
    report_study(study, layout)
    [inputs] = given
    assert inputs.checkpoints == {
        ("base-grpo", 1, step): layout.checkpoint_predictions("base-grpo", 1, step, "toyspace") for step in (2, 4)
    }
    assert inputs.prefixed == {"base-grpo"}


def test_a_slider_follows_a_question_over_the_steps_of_a_run(study: ReportInputs, tmp_path: Path) -> None:
    build_report(study, tmp_path / "out")
    with chromium() as browser:
        seen = opened(browser, (tmp_path / "out/index.html").as_uri())
        page = seen.page
        page.locator(".filters [name=set]").select_option(label="checkpoints, over the steps")
        assert page.locator(".count").inner_text() == "96 responses to 16 questions"
        titles, verdicts = [], []
        page.locator("#sampled").focus()
        for key in ("Home", "ArrowRight", "ArrowRight"):
            page.keyboard.press(key)
            titles.append(page.locator(".explore .full h3").inner_text())
            verdicts.append(page.locator(".full > header > span").inner_text())
        assert titles == [f"Base + GRPO, seed 1, step {step}" for step in (10, 20, 30)]
        assert [verdict.split()[-1] for verdict in verdicts] == ["right", "wrong", "right"]
        assert "answered by the run's checkpoints at 3 steps" in page.locator(".sampled").inner_text()
        assert page.locator(".full .says a").all_inner_texts() == ["Base + GRPO, seed 2, step 30"]
        link = page.evaluate("location.href")
        again = opened(browser, link)
        assert again.page.locator(".explore .full h3").inner_text() == titles[-1]
        assert seen.complaints == again.complaints == []
