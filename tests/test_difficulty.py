"""Training questions picked by how often they were solved."""

import json
from pathlib import Path

import pandas as pd
import pytest

from training_runs import MakeRun, make_run, paid_by_the_letter, study
from visualzero.config import Difficulty
from visualzero.data.question import read_questions
from visualzero.errors import UserError
from visualzero.layout import Layout
from visualzero.stages import train_arm
from visualzero.training.difficulty import of_difficulty, solve_rates
from visualzero.training.grpo import train_grpo

__all__ = ["make_run", "paid_by_the_letter"]  # the fixtures


def solved(path: Path, **rates: list[float]) -> Path:
    """A table of completions, right and wrong ones by question."""
    rows = [{"id": name, "correct": right} for name, rights in rates.items() for right in rights]
    pd.DataFrame(rows).to_json(path, orient="records", lines=True)
    return path


def test_questions_between_the_two_rates_are_kept(tmp_path: Path) -> None:
    table = solved(
        tmp_path / "t.jsonl", never=[0, 0], rarely=[0, 0, 0, 1], half=[0, 1], always=[1, 1], elsewhere=[0, 1]
    )
    questions = pd.DataFrame({"id": ["always", "half", "unasked", "rarely", "never"]})
    kept = of_difficulty(questions, Difficulty(path=str(table)))
    assert list(kept["id"]) == ["half", "rarely"]  # in their own order
    kept = of_difficulty(questions, Difficulty(path=str(table), least=0.5, most=1.0))
    assert list(kept["id"]) == ["always", "half"]  # rates on the edge are kept


@pytest.mark.parametrize("column", ["correct", "reward_accuracy"])
@pytest.mark.parametrize("yes", [True, 1, 1.0, "true"], ids=repr)
def test_rates_are_read_from_rollouts_and_from_tables_of_every_kind(tmp_path: Path, column: str, yes: object) -> None:
    no = type(yes)("false" if yes == "true" else 0)
    table = pd.DataFrame({"id": ["007", "007", "8", "8"], column: [yes, no, no, no]})
    table.to_csv(tmp_path / "t.csv", index=False)
    table.to_parquet(tmp_path / "t.parquet")
    table.to_json(tmp_path / "t.jsonl", orient="records", lines=True)
    for name in ("t.csv", "t.parquet", "t.jsonl"):
        assert solve_rates(tmp_path / name).to_dict() == {"007": 0.5, "8": 0.0}


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("t.txt", "", "solved questions are read from .parquet, .jsonl, .csv"),
        ("t.jsonl", "{\n", "can't be read"),
        (
            "t.csv",
            "id,right\n1,1\n",
            "needs a column id, of a training question, and one of reward_accuracy and correct",
        ),
        ("t.csv", "correct\n1\n", "needs a column id"),
        ("t.csv", "id,correct\nq,1\nr,perhaps\n", "question r: correct is 'perhaps': write 1 or 0, true or false"),
        ("t.csv", "id,correct\nq,2\n", "question q: correct is '2': write 1 or 0"),
        ("t.csv", "id,correct\nelsewhere,1\n", "solves none of the 1 training questions at a rate from 0.1 to 0.9"),
    ],
)
def test_a_table_that_can_not_be_used_is_told_in_one_line(tmp_path: Path, name: str, content: str, told: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match=told) as caught:
        of_difficulty(pd.DataFrame({"id": ["q"]}), Difficulty(path=str(tmp_path / name)))
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("one_thread", "paid_by_the_letter")
def test_a_run_learns_from_the_questions_that_were_picked_alone(make_run: MakeRun, tmp_path: Path) -> None:
    names = list(read_questions(make_run("base-grpo").questions, images=False)["id"])
    table = solved(tmp_path / "mine.jsonl", **{name: [0, 1] if name in names[3:6] else [1, 1] for name in names})
    run = make_run("base-grpo", f"arms.base-grpo.difficulty={json.dumps({'path': str(table)})}")
    train_grpo(run)
    rollouts = pd.read_parquet(run.out / "rollouts.parquet")
    assert set(rollouts["id"]) <= set(names[3:6])
    assert rollouts["step"].nunique() == 2


def test_a_table_that_is_not_there_is_told_before_anything_is_loaded() -> None:
    ours = study("arms.base-grpo.difficulty={path: my/solved.csv}")
    with pytest.raises(UserError, match=r"my/solved\.csv: no such table of solved questions: correct arms\.base-grpo"):
        train_arm(ours, Layout("demo"), "base-grpo", 1)
