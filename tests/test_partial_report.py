"""The report of a study that is still being run: what is scored is there, the rest is shown as not run."""

import csv
import json
from pathlib import Path

import pytest

from scored_study import CONFIG, LAYOUT, answer, study
from visualzero.cli import main
from visualzero.config import Study

__all__ = ["study"]  # the fixture
PARTIAL = Path("work/demo/partial")


def test_arms_that_are_scored_are_reported_and_the_others_are_not_run(study: Study) -> None:
    answer(study, "base")
    answer(study, "base-sft")  # whose control questions are not
    main([*CONFIG, "report", "--partial"])
    with (PARTIAL / "report/arms.csv").open(newline="") as file:
        status = {row["arm"]: row["status"] for row in csv.DictReader(file) if row["kind"] == "arm"}
    assert status == dict.fromkeys(study.arms, "not run") | {"base": "run"}
    assert (PARTIAL / "report/index.html").is_file()
    for control in ("no_image", "shuffled_image"):
        answer(study, "base-sft", control)
    main([*CONFIG, "report", "--partial"])
    summary = json.loads((PARTIAL / "summary.json").read_text())
    assert list(summary["arms"]) == ["base", "base-sft"]
    assert [(pair["a"], pair["b"]) for pair in summary["comparisons"]["toyspace"]] == [("base-sft", "base")]
    assert not LAYOUT.summary.exists()
    assert not LAYOUT.report.exists()


def test_before_anything_is_scored_there_is_no_report(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([*CONFIG, "report", "--partial"])
    told = "error: results/demo: no arm is trained, evaluated and scored yet: `visualzero watch` shows how far\n"
    assert capsys.readouterr().err == told
    assert study
    assert not PARTIAL.exists()


def test_causes_that_are_not_all_read_yet_are_left_out(study: Study) -> None:
    answer(study, "base")
    main([*CONFIG, "report", "--partial", "--set", "causes={sampling: {}, interventions: {}, blind: true}"])
    found = json.loads((PARTIAL / "summary.json").read_text())["causes"]
    assert "blind" in found
    assert not {"sampling", "interventions"} & found.keys()
