"""Reward terms before a run: listed with what they say, and tried on recorded completions."""

import json
from pathlib import Path

import pandas as pd
import pytest

from visualzero.cli import main
from visualzero.data.question import read_questions, write_questions
from visualzero.data.toyspace.questions import toyspace_rows

GOOD = "The ball is red.</think><answer>(A)</answer>"  # base-grpo's prompt has already written <think>


@pytest.fixture
def rollouts(tmp_path: Path) -> Path:
    """Two groups of two completions, as a run of base-grpo leaves them, with its questions where they would be."""
    questions = tmp_path / "results/demo/data/train.parquet"
    write_questions(toyspace_rows("train", 4, 1), questions)
    ids = list(read_questions(questions, images=False)["id"][:2])
    folder = tmp_path / "results/demo/runs/base-grpo/1"
    folder.mkdir(parents=True)
    table = {
        "step": [1, 1, 2, 2],
        "id": [ids[0], ids[0], ids[1], ids[1]],
        "completion": [GOOD, "no form", GOOD, GOOD],
        "reward_format": [1.0, 0.0, 1.0, 0.0],
    }
    pd.DataFrame(table).to_parquet(folder / "rollouts.parquet")
    return folder / "rollouts.parquet"


def test_the_list_has_every_term_with_what_it_says_and_who_uses_it(capsys: pytest.CaptureFixture[str]) -> None:
    main(["rewards"])
    told = capsys.readouterr().out
    assert "length: used by r1-length (weight 0.001)" in told
    assert "repetition: used by no reward" in told
    assert "The number of tokens in the completion" in told


def test_a_term_is_tried_on_the_rollouts_of_a_run(rollouts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["rewards", "try", "format", str(rollouts), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert (found["completions"], found["mean"], found["least"], found["most"]) == (4, 0.75, 0.0, 1.0)
    assert found["values"] == {"0": 1, "1": 3}
    assert found["groups_without_spread"] == 0.5  # the second group earns 1 twice
    assert found["unlike_recorded"] == 1  # the last one was recorded as 0
    assert "no form" in found["lowest"][0]["completion"]


def test_the_trial_is_told_in_a_few_lines(rollouts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["rewards", "try", "repetition", str(rollouts)])
    told = capsys.readouterr().out
    assert told.startswith("repetition: mean 0, standard deviation 0, from 0 to 0, over 4 completions")
    assert "groups in which all earn the same, so that nothing is learnt: 100%" in told


def test_a_table_of_ones_own_needs_choices_and_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = tmp_path / "own.jsonl"
    row = {"completion": "<answer>right</answer>", "choices": ["left", "right"], "answer_index": 1, "n_tokens": 9}
    own.write_text(json.dumps(row) + "\n")
    main(["rewards", "try", "accuracy", str(own), "--json"])
    assert json.loads(capsys.readouterr().out)["mean"] == 1.0

    own.write_text(json.dumps({"completion": "right"}) + "\n")
    with pytest.raises(SystemExit):
        main(["rewards", "try", "accuracy", str(own)])
    assert "no columns choices and answer_index" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("term", "file", "said"),
    [
        ("formt", "rollouts.parquet", "unknown reward term 'formt': did you mean 'format'?"),
        ("format", "nothing.parquet", "can't be read"),
        ("format", "table.xlsx", "completions are read from .parquet, .jsonl"),
    ],
)
def test_a_mistake_is_one_line(
    rollouts: Path, term: str, file: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["rewards", "try", term, str(rollouts.with_name(file))])
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert said in line
