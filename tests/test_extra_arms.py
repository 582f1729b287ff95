"""The extra arms: each trains, in two steps of a tiny random model, on what sets it apart from base-grpo."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from training_runs import ROOT, MakeRun, make_run
from visualzero.data.question import read_questions
from visualzero.layout import Layout
from visualzero.rewards import reward_terms
from visualzero.training import pace
from visualzero.training.grpo import train_grpo
from visualzero.training.run import Run
from visualzero.trial import try_term

pytestmark = pytest.mark.usefixtures("one_thread")
__all__ = ["make_run"]  # the fixture
CONFIG = yaml.safe_load((ROOT / "config/config.yaml").read_text())
EXTRA = [name for name, arm in CONFIG["arms"].items() if arm.get("extra")]


class EndedError(Exception):
    """The process was killed."""


def end_before(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a run end as if it were killed, once so many steps are made."""
    begin = pace.Pace.on_step_begin

    def end(self: pace.Pace, args: object, state: object, *rest: object, **more: object) -> None:
        if state.global_step == step:
            raise EndedError
        begin(self, args, state, *rest, **more)

    monkeypatch.setattr(pace.Pace, "on_step_begin", end)


def rollouts(run: Run) -> pd.DataFrame:
    return pd.read_parquet(run.out / "rollouts.parquet")


@pytest.fixture
def paid(monkeypatch: pytest.MonkeyPatch) -> None:
    """A random model earns nothing by what it says: each completion is paid by its letters, or by the coin."""
    terms = {name: lambda completion, **about: float(len(completion)) for name in reward_terms()}
    monkeypatch.setattr("visualzero.training.grpo.reward_terms", lambda: terms | {"coin": reward_terms()["coin"]})


@pytest.mark.usefixtures("paid")
@pytest.mark.parametrize("arm", EXTRA)
def test_every_extra_arm_trains(make_run: MakeRun, arm: str) -> None:
    run = make_run(arm, f"run=[{arm}]")
    train_grpo(run)
    history = pd.read_parquet(run.out / "history.parquet")
    assert list(history["step"]) == [1, 2]
    assert np.isfinite(history["loss"]).all()
    # GSPO clips ratios of whole sequences at less than a thousandth: in its second step, that may be all of them.
    on_policy = history["step"] == 1
    assert (history["grad_norm"] > 0)[on_policy | (arm != "base-gspo")].all()
    assert {name for name in rollouts(run) if name.startswith("reward_")} == {
        f"reward_{term}" for term in CONFIG["rewards"][run.arm.reward]["terms"]
    }


def test_a_coin_is_tossed_for_each_rollout_of_a_run_and_the_same_when_tried_again(make_run: MakeRun) -> None:
    run = make_run("base-grpo-random", "run=causes", seed=3)
    run = dataclasses.replace(run, out=run.out.parents[2] / "runs" / run.arm_name / "3")
    train_grpo(run)
    assert set(rollouts(run)["reward_coin"]) == {0.0, 1.0}
    found = try_term(run.study, Layout("demo"), "coin", run.out / "rollouts.parquet")
    assert (found["completions"], found["unlike_recorded"]) == (16, 0)


def test_a_run_paid_at_random_that_was_ended_goes_on_to_the_same_bytes(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = make_run("base-grpo-random", "run=causes", "grpo.steps=3", "grpo.save_steps=1")
    train_grpo(whole)
    parts = dataclasses.replace(whole, out=whole.out.parent / "parts", work=whole.work.parent / "parts")
    with monkeypatch.context() as patch:
        end_before(2, patch)
        with pytest.raises(EndedError):
            train_grpo(parts)
    train_grpo(parts)
    for name in ("model/model.safetensors", "rollouts.parquet"):
        assert (parts.out / name).read_bytes() == (whole.out / name).read_bytes(), name


def test_an_arm_with_shuffled_answers_is_paid_for_the_answers_that_were_drawn(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid: dict[str, int] = {}

    def told(completion: str, *, choices: list[str], answer_index: int, **facts: object) -> float:
        paid["\n".join(choices)] = answer_index
        return float(len(completion))

    monkeypatch.setattr("visualzero.training.grpo.reward_terms", lambda: dict.fromkeys(("accuracy", "format"), told))
    run = make_run("base-grpo-shuffled", "run=causes", "grpo.batch_size=16", "grpo.micro_batch=64", "grpo.steps=1")
    train_grpo(run)
    right = {"\n".join(row.choices): row.answer_index for row in read_questions(run.questions).itertuples()}
    assert paid.keys() == right.keys()
    assert paid != right


def test_a_blind_arm_trains_on_grey_pictures(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its rollouts are those of base-grpo on a table of grey images."""
    from visualzero.training import pictures

    blind = make_run("base-grpo-blind", "run=causes")
    train_grpo(blind)
    sighted = make_run("base-grpo", "run=causes")
    with monkeypatch.context() as patch:
        decode = pictures.decode_image
        patch.setattr(pictures, "decode_image", lambda *about: pictures.blank(decode(*about)))
        train_grpo(sighted)
    assert rollouts(blind).equals(rollouts(sighted))
    sees = make_run("base-grpo", "run=causes", seed=1)
    train_grpo(dataclasses.replace(sees, out=Path(f"{sees.out}-sees"), work=Path(f"{sees.work}-sees")))
    assert not rollouts(blind).equals(pd.read_parquet(Path(f"{sees.out}-sees") / "rollouts.parquet"))
