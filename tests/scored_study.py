"""The demo's study with sixteen questions, whose arms are scored where a test lets them answer."""

import json
from pathlib import Path

import pytest

from visualzero.config import Study, read_study
from visualzero.data.question import read_questions, write_questions
from visualzero.data.toyspace.questions import toyspace_rows
from visualzero.evaluation.reading.score import score_arm
from visualzero.layout import Layout, seeds_of
from visualzero.manifest import write_manifest

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ["--config", str(ROOT / "config/config.yaml")]
LAYOUT = Layout("demo")


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """The study; the working folder has the questions that it asks."""
    monkeypatch.chdir(tmp_path)
    questions = LAYOUT.questions("toyspace")
    write_questions(toyspace_rows("bench", 16, 3), questions)
    write_manifest(questions.with_suffix(".json"), [questions], "0" * 16)
    return read_study(ROOT / "config/config.yaml")


def answer(study: Study, arm: str, control: str | None = None) -> None:
    """Let an arm answer every question with its first option, the last one not to its end, and score that."""
    [seed] = seeds_of(study, arm)
    said = LAYOUT.predictions(arm, seed, "toyspace", control)
    said.parent.mkdir(parents=True, exist_ok=True)
    questions = read_questions(LAYOUT.questions("toyspace"), images=False)
    rows = [
        {"id": row.id, "response": row.choices[0], "n_tokens": 3, "finish_reason": "stop", "prompt": "plain"}
        for row in questions.itertuples()
    ]
    rows[-1] |= {"response": "I see", "finish_reason": "length"}
    said.write_text("".join(json.dumps(row) + "\n" for row in rows))
    write_manifest(said.with_suffix(".json"), [said], "0" * 16)
    score_arm(study, LAYOUT, arm, seed, "toyspace", control)
