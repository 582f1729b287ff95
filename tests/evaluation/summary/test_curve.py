"""Accuracy against steps: a row for each checkpoint that a run keeps; and self-reflection over training."""

import csv
import json
from pathlib import Path

import pandas as pd
import pytest

from visualzero.config import Study, read_study
from visualzero.data.question import write_questions
from visualzero.data.toyspace.questions import toyspace_rows
from visualzero.errors import UserError
from visualzero.evaluation.reasoning.rollout_reflection import reflection_by_step
from visualzero.evaluation.summary.curve import curve_study
from visualzero.layout import Layout, kept_steps
from visualzero.manifest import write_manifest

ROOT = Path(__file__).resolve().parents[3]


def study(*overrides: str) -> Study:
    return read_study(ROOT / "config/config.yaml", ["run=[base-reason, base-sft, base-grpo]", *overrides])


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """A folder of results with eight questions."""
    monkeypatch.chdir(tmp_path)
    layout = Layout("demo")
    write_questions(toyspace_rows("bench", 8, 3), layout.questions("toyspace"))
    return layout


def answer(layout: Layout, step: int, right: int) -> None:
    """Responses of base-grpo at a step, of which the first `right` are right, and the first reflects."""
    path = layout.checkpoint_predictions("base-grpo", 1, step, "toyspace")
    path.parent.mkdir(parents=True)
    rows = []
    for number, row in enumerate(pd.read_parquet(layout.questions("toyspace")).itertuples()):
        index = row.answer_index if number < right else (row.answer_index + 1) % len(row.choices)
        thought = "Wait, let me check again." if number == 0 else "I see."
        response = f"{thought}</think> <answer>{row.choices[index]}</answer>"
        rows.append({"id": row.id, "response": response, "n_tokens": 10 + step, "finish_reason": "stop"})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    write_manifest(path.with_suffix(".json"), [path], "0" * 16)


def test_the_curve_has_a_row_for_each_checkpoint(layout: Layout) -> None:
    ours = study("grpo.steps=5", "grpo.checkpoint_steps=2")
    answer(layout, 2, right=2)
    answer(layout, 4, right=6)
    curve_study(ours, layout)
    rows = list(csv.DictReader(layout.curve.read_text().splitlines()))
    same = {"arm": "base-grpo", "seed": "1", "benchmark": "toyspace", "n": "8", "reflection": "0.1250"}
    assert rows == [
        {**same, "step": "2", "accuracy": "0.2500", "tokens": "12.0"},
        {**same, "step": "4", "accuracy": "0.7500", "tokens": "14.0"},
    ]


def test_runs_keep_weights_of_every_nth_step_if_asked_to() -> None:
    ours = study("grpo.steps=5", "grpo.checkpoint_steps=2")
    assert {arm: kept_steps(ours, arm) for arm in ours.arms} == {"base-reason": [], "base-sft": [], "base-grpo": [2, 4]}


def test_a_curve_without_checkpoints_is_told_in_one_line(layout: Layout) -> None:
    with pytest.raises(UserError, match="no run keeps weights on its way: set checkpoint_steps"):
        curve_study(study(), layout)


def test_a_checkpoint_without_responses_is_told(layout: Layout) -> None:
    with pytest.raises(UserError, match=r"curve/base-grpo/1/2/toyspace\.jsonl: no such file"):
        curve_study(study("grpo.steps=2", "grpo.checkpoint_steps=2"), layout)
    assert not layout.curve.exists()


def test_responses_that_were_altered_are_not_counted(layout: Layout) -> None:
    answer(layout, 2, right=2)
    path = layout.checkpoint_predictions("base-grpo", 1, 2, "toyspace")
    path.write_text(path.read_text().replace("I see.", "I saw.", 1))
    with pytest.raises(UserError, match=r"toyspace\.jsonl: altered since it was made: delete .*toyspace\.json and run"):
        curve_study(study("grpo.steps=2", "grpo.checkpoint_steps=2"), layout)


def test_self_reflection_is_counted_in_each_steps_thoughts_alone() -> None:
    rollouts = [
        (1, " I see.</think> <answer>left</answer>"),
        (1, " I see. Wait, let me check again.</think> <answer>left</answer>"),
        (2, " I see.</think> Wait, let me check again. <answer>left</answer>"),
        (2, ""),
    ]
    table = pd.DataFrame(rollouts, columns=["step", "completion"])
    assert reflection_by_step(table) == {1: 0.5, 2: 0.0}
