"""The report of a study that is still being run: what is scored is there, the rest is shown as not run."""

import csv
import json
from pathlib import Path

import pytest

from visualzero.cli import main
from visualzero.config import Study, read_study
from visualzero.data.question import read_questions, write_questions
from visualzero.data.toyspace.questions import toyspace_rows
from visualzero.evaluation.reading.score import score_arm
from visualzero.layout import Layout, seeds_of
from visualzero.manifest import write_manifest

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ["--config", str(ROOT / "config/config.yaml")]
LAYOUT = Layout("demo")
PARTIAL = Path("work/demo/partial")


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """The demo's study with the questions that it asks, sixteen of them."""
    monkeypatch.chdir(tmp_path)
    questions = LAYOUT.questions("toyspace")
    write_questions(toyspace_rows("bench", 16, 3), questions)
    write_manifest(questions.with_suffix(".json"), [questions], "0" * 16)
    return read_study(ROOT / "config/config.yaml")


def answer(study: Study, arm: str, control: str | None = None) -> None:
    """Let an arm answer every question with its first option, and score that."""
    [seed] = seeds_of(study, arm)
    said = LAYOUT.predictions(arm, seed, "toyspace", control)
    said.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        {"id": row.id, "response": row.choices[0], "n_tokens": 3, "finish_reason": "stop", "prompt": "plain"}
        for row in read_questions(LAYOUT.questions("toyspace"), images=False).itertuples()
    ]
    said.write_text("".join(json.dumps(row) + "\n" for row in rows))
    write_manifest(said.with_suffix(".json"), [said], "0" * 16)
    score_arm(study, LAYOUT, arm, seed, "toyspace", control)


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
