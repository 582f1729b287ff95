"""A run that was ended on its way, in its second or third pass over the data, goes on to the same weights."""

import dataclasses
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from visualzero.config import read_study
from visualzero.data.question import write_questions
from visualzero.data.toyspace.questions import toyspace_rows
from visualzero.training import pace
from visualzero.training.grpo import train_grpo
from visualzero.training.run import Run
from visualzero.training.sft import train_sft

ROOT = Path(__file__).resolve().parents[1]
STEPS = 10  # of 4 for each pass
SHARED = f"steps: {STEPS}, learning_rate: 1e-3, threads: 1, save_steps: 1"
SETTINGS = [
    f"sft={{{SHARED}, batch_size: 2, micro_batch: 2}}",
    f"grpo={{{SHARED}, batch_size: 2, group_size: 2, micro_batch: 4, max_completion: 8}}",
    "rewards={r1: {terms: {length: 1.0}}}",
]
LORA = ["sft.lora={r: 2, alpha: 4}", "sft.logging_steps=2"]
REUSED = ["grpo.iterations=3", "grpo.save_steps=2"]
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("one_thread")]


class EndedError(Exception):
    """The process was killed."""


def make_run(tiny_model: Path, folder: Path, arm: str, *settings: str) -> Run:
    questions = folder / "data" / "train.parquet"
    if not questions.exists():
        write_questions(toyspace_rows("train", 8, 1), questions)
    study = read_study(ROOT / "config/config.yaml", [*SETTINGS, *settings])
    return Run(study, arm, 1, questions, tiny_model, folder / "whole", folder / "work" / "whole", "0" * 16)


def reward_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    """A random model writes to the limit, so the reward is something that differs within a group."""
    letters = dict.fromkeys(("accuracy", "format", "length"), lambda text, **fields: float(len(set(text))))
    monkeypatch.setattr("visualzero.training.grpo.reward_terms", lambda: letters)


@pytest.mark.parametrize(
    ("arm", "settings"),
    [("base-grpo", []), ("base-grpo", REUSED), ("base-sft", []), ("base-sft", LORA)],
    ids=["grpo", "grpo with rollouts used thrice", "sft", "sft with lora and a row of the history every second step"],
)
def test_a_run_ended_thrice_has_the_weights_of_one_that_was_not(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arm: str, settings: list[str]
) -> None:
    reward_letters(monkeypatch)
    train = train_grpo if arm == "base-grpo" else train_sft
    whole = make_run(tiny_model, tmp_path, arm, *settings)
    train(whole)
    parts = dataclasses.replace(whole, out=tmp_path / "parts", work=tmp_path / "work" / "parts")
    begin = pace.Pace.on_step_begin
    for last in (3, 4, 8):  # within the first pass, at its end, at the end of the second

        def end(self: pace.Pace, args: object, state: object, *rest: object, last: int = last, **more: object) -> None:
            if state.global_step == last:
                raise EndedError
            begin(self, args, state, *rest, **more)

        monkeypatch.setattr(pace.Pace, "on_step_begin", end)
        with pytest.raises(EndedError):
            train(parts)
    monkeypatch.setattr(pace.Pace, "on_step_begin", begin)
    train(parts)
    expected, found = (load_file(run.out / "model/model.safetensors") for run in (whole, parts))
    for name, tensor in expected.items():
        assert torch.equal(tensor, found[name]), name
    initial = load_file(tiny_model / "model.safetensors")
    assert any(not torch.equal(tensor, initial[name]) for name, tensor in expected.items())
    histories = [pd.read_parquet(run.out / "history.parquet").drop(columns="seconds") for run in (whole, parts)]
    pd.testing.assert_frame_equal(*histories)
    every = whole.study.recipe(arm).logging_steps
    assert list(histories[0]["step"]) == sorted({1, *range(every, STEPS + 1, every)})
    if arm == "base-grpo":
        tables = [run.out / "rollouts.parquet" for run in (whole, parts)]
        assert tables[0].read_bytes() == tables[1].read_bytes()
        assert list(pd.read_parquet(tables[0])["step"].unique()) == list(histories[0]["step"])
