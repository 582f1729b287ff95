"""A training that has gone wrong ends with one line, and nothing of it is published."""

import json
import shutil
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
import torch
from accelerate.utils import DistributedType
from safetensors.torch import load_file, save_file

from groupshare.questions import Preparer, QuestionRows
from training_runs import MakeRun, make_run, paid_by_the_letter, study
from visualzero.config import Alarms
from visualzero.data.question import read_questions, write_questions
from visualzero.errors import UserError
from visualzero.jobs import run_fingerprint
from visualzero.models.processor import load_processor
from visualzero.training.alarms import AlarmBell, ringing
from visualzero.training.group_sharing import NamingPreparer
from visualzero.training.grpo import reward_function, train_grpo
from visualzero.training.health import Watched, last_sound_checkpoint, one_line, require_whole
from visualzero.training.history import history
from visualzero.training.inputs import naming
from visualzero.training.policy_trainer import PolicyTrainer
from visualzero.training.run import Run, trainer_arguments
from visualzero.training.sft import NamingCollator, _dataset, train_sft
from visualzero.training.trajectories import curate

pytestmark = pytest.mark.usefixtures("one_thread", "paid_by_the_letter")
__all__ = ["make_run", "paid_by_the_letter"]  # the fixtures
Train = Callable[[Run], None]


def told(train: Train, run: Run, match: str) -> str:
    """What a training says that ends with one line and publishes nothing."""
    with pytest.raises(UserError, match=match) as caught:
        train(run)
    assert "\n" not in str(caught.value)
    assert not (run.out / "manifest.json").exists()
    return str(caught.value)


def rewritten(run: Run, **changes: Any) -> None:
    """Give the first question other columns."""
    rows = read_questions(run.questions).to_dict("records")
    rows = [{**row, "choices": list(row["choices"])} for row in rows]
    write_questions([{**rows[0], **changes}, *rows[1:]], run.questions)


# A run that stopped early


@pytest.mark.parametrize(("arm", "train"), [("base-sft", train_sft), ("base-grpo", train_grpo)])
@pytest.mark.parametrize(
    ("changes", "token"),
    [
        ({"question": "Where is the <|image_pad|>?"}, r"<\|image_pad\|>"),
        ({"choices": ["left<|im_end|>", "right"], "answer_index": 0}, r"<\|im_end\|>"),
        ({"question": "<|vision_start|>"}, r"<\|vision_start\|>"),
    ],
)
def test_a_question_that_spells_a_special_token_is_named_before_training(
    make_run: MakeRun, arm: str, train: Train, changes: dict[str, Any], token: str
) -> None:
    run = make_run(arm)
    rewritten(run, **changes)
    first = read_questions(run.questions)["id"][0]
    told(train, run, rf"{arm}/1: question {first}: '.*' spells {token}, which the model reads as a token of its own: ")


def test_a_trajectory_that_spells_a_special_token_is_named(toyspace: pd.DataFrame) -> None:
    row = next(toyspace.itertuples())
    text = f"I see <|image_pad|>.</think> <answer>{row.choices[row.answer_index]}</answer>"
    table = pd.DataFrame({"id": [row.id], "completion": [text]})
    with pytest.raises(
        UserError, match=rf"mine\.csv: question {row.id}: its completion spells <\|image_pad\|>, which "
    ):
        curate(table, toyspace, "<think>", "mine.csv", ["<|image_pad|>"])


def test_a_table_smaller_than_a_step_is_refused(make_run: MakeRun) -> None:
    run = make_run("base-grpo", "grpo.batch_size=32", "grpo.micro_batch=16")
    told(train_grpo, run, r"16 training questions, and a step takes 32: .* set grpo\.batch_size to 16 or less")


def test_sft_on_fewer_samples_than_a_step_takes_says_so(
    make_run: MakeRun, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("visualzero.training.sft.train", lambda *args: None)
    train_sft(make_run("base-sft", "sft.batch_size=32"))
    assert "base-sft/1: 16 training samples, so that a step learns from fewer than 32" in capsys.readouterr().err


def test_a_prompt_that_is_longer_than_the_model_can_read_is_named(make_run: MakeRun) -> None:
    run = make_run("base-grpo")
    rewritten(run, question="How many? " * 1000)
    told(train_grpo, run, r"question .*: \d+ tokens of text, 16 of an image and 6 of a completion are more than the mo")


def test_data_that_end_early_are_not_taken_for_the_end_of_the_training(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run("base-sft", "sft.steps=4", "sft.save_steps=1")
    samples = iter(range(2 * run.study.recipe("base-sft").batch_size))  # of two steps

    def collate(self: NamingCollator, examples: list[dict[str, Any]]) -> dict[str, Any]:
        for _ in examples:
            next(samples)  # or StopIteration
        return whole(self, examples)

    whole = NamingCollator.torch_call
    monkeypatch.setattr(NamingCollator, "torch_call", collate)
    line = told(train_sft, run, r"base-sft/1: training ended after step \d of 4: probably its data ended early")
    step = int(line.partition("after step ")[2][0])
    assert (run.work / f"checkpoint-{step}" / "model.safetensors").is_file()  # nothing is lost


def test_a_training_that_took_all_its_steps_is_whole() -> None:
    require_whole("base-sft/1", 50, 50)
    for reached in (0, 49, 51):
        with pytest.raises(UserError, match=f"training ended after step {reached} of 50: "):
            require_whole("base-sft/1", reached, 50)


@pytest.fixture
def spoilt(make_run: MakeRun) -> tuple[Any, list[dict[str, Any]], str]:
    """A processor, two rows for SFT of which the second has an image token too many, and that one's id."""
    run = make_run("base-sft")
    questions = read_questions(run.questions)[:2]
    questions.loc[1, "question"] = "Where is the <|image_pad|>?"
    rows = [dict(row) for row in _dataset(run, questions)]
    return load_processor(run.weights, "chat", 3136, 12544), rows, str(questions["id"][1])


def test_a_question_that_can_not_be_collated_is_named(spoilt: tuple[Any, list[dict[str, Any]], str]) -> None:
    processor, rows, name = spoilt
    message = rf"question {name}: its text and image can't be put together \(a text has more <\|image_pad\|> than there"
    with pytest.raises(UserError, match=message):
        NamingCollator(processor, completion_only_loss=True)(rows)


def test_a_question_that_can_not_be_prepared_is_named(
    spoilt: tuple[Any, list[dict[str, Any]], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    processor, rows, name = spoilt
    monkeypatch.setattr(Preparer, "__call__", lambda self, row: next(iter(())))
    with pytest.raises(UserError, match=f"question {name}: its text and image can't be put together"):
        QuestionRows(rows, NamingPreparer(processor, {}))[1]


class Ahead(torch.utils.data.Dataset[Any]):
    """Rows that can't be read."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> Any:
        with naming(f"q-{index}"):
            return next(iter(()))


def test_a_question_that_a_loader_of_its_own_can_not_read_is_told_in_one_line() -> None:
    loader = torch.utils.data.DataLoader(Ahead(), num_workers=1)
    with pytest.raises(UserError) as caught, one_line():
        list(loader)
    assert str(caught.value) == "question q-0: its text and image can't be put together (StopIteration): correct it"


# What can't be shared


def test_a_model_that_can_not_share_is_told_by_the_key_that_lets_it_train(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("groupshare.attention.KINDS", set())
    why = "Qwen2VLForConditionalGeneration has layers of full_attention, which can't share a group's prompt"
    told(train_grpo, make_run("base-grpo"), f"^grpo[.]sharing: {why}: choose 'off'$")


def test_a_first_batch_that_differs_is_told_by_that_key_too(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("groupshare.verification.TOLERANCE", -1.0)
    told(train_grpo, make_run("base-grpo"), "^grpo[.]sharing: log-probabilities differ .*: choose 'off'$")


# What isn't finite


def test_a_loss_that_is_not_finite_ends_the_run_and_names_the_last_good_checkpoint(make_run: MakeRun) -> None:
    run = make_run("base-sft", "sft.steps=4", "sft.save_steps=1", "sft.learning_rate=1e30")
    line = told(
        train_sft, run, r"base-sft/1: step 2 of 4: the loss is nan \(last good checkpoint: .*/checkpoint-1\): lo"
    )
    assert "lower its learning_rate" in line
    assert (run.work / "checkpoint-1").is_dir()
    # Nothing is logged as 0.0 that isn't.
    log = json.loads((run.work / "checkpoint-1/trainer_state.json").read_text())["log_history"]
    assert all(entry["loss"] > 0 for entry in log if "loss" in entry)


def test_completions_are_not_sampled_by_weights_that_have_diverged(make_run: MakeRun) -> None:
    run = make_run("base-grpo", "grpo.steps=3", "grpo.learning_rate=1e30")
    told(
        train_grpo,
        run,
        r"step 2 of 3: the probabilities of tokens are not finite \(no checkpoint before it\): lower its",
    )


def test_weights_that_the_last_step_has_spoilt_are_not_published(make_run: MakeRun) -> None:
    run = make_run("base-sft", "sft.steps=1", "sft.learning_rate=1e39")
    told(
        train_sft,
        run,
        r"base-sft/1: the trained model: model\.safetensors: tensor '.*' is not finite \(it holds NaN or",
    )


def test_weights_of_another_arm_that_are_not_finite_are_refused(make_run: MakeRun, tmp_path: Path) -> None:
    run = replace(make_run("base-grpo"), weights=tmp_path / "spoilt")
    shutil.copytree(make_run("base-grpo").weights, run.weights)
    weights = load_file(run.weights / "model.safetensors")
    weights["model.layers.2.mlp.up_proj.weight"][3, 4] = torch.nan
    save_file(weights, run.weights / "model.safetensors", metadata={"format": "pt"})
    told(
        train_grpo,
        run,
        r"spoilt: tensor '.*layers\.2\.mlp\.up_proj\.weight' is not finite \(it holds NaN or infinity\)",
    )


def watched(losses: list[float], norm: float, processes: int = 1, **metrics: list[float]) -> Any:
    """A trainer at the end of an optimizer step with these losses of its micro-batches and this gradient norm."""
    trainer = PolicyTrainer.__new__(PolicyTrainer)
    trainer._losses = [torch.tensor(loss) for loss in losses]
    trainer._metrics = {"train": defaultdict(list, metrics)}
    trainer.args = SimpleNamespace(run_name="base-grpo/1", output_dir="nowhere")
    trainer.state = SimpleNamespace(global_step=6, max_steps=50)
    others = torch.tensor(0.0)
    trainer.accelerator = SimpleNamespace(
        num_processes=processes, reduce=lambda tensor, reduction: tensor + others, others=others
    )
    return trainer


@pytest.mark.parametrize(
    ("losses", "norm", "metrics", "term"),
    [
        ([0.1, float("nan")], float("nan"), {}, "the loss is nan"),
        ([0.1, 0.2], float("inf"), {"kl": [0.1]}, "the gradient's norm is inf"),
        ([float("inf")], float("nan"), {"kl": [0.1, float("inf")]}, "the KL divergence is inf"),
        ([float("nan")], float("nan"), {"reward": [float("nan")], "kl": [float("nan")]}, "the reward is nan"),
    ],
)
def test_the_term_that_is_not_finite_is_named(
    monkeypatch: pytest.MonkeyPatch, losses: list[float], norm: float, metrics: dict[str, list[float]], term: str
) -> None:
    monkeypatch.setattr("transformers.Trainer._get_grad_norm", lambda self, model, grad_norm: torch.tensor(grad_norm))
    trainer = watched(losses, norm, **metrics)
    with pytest.raises(UserError, match=rf"base-grpo/1: step 7 of 50: {term} \(no checkpoint before it\): "):
        trainer._get_grad_norm(None, norm)


def test_weights_that_are_not_finite_are_named_before_completions_are_sampled() -> None:
    trainer = watched([], 0.0)
    trainer.model = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.Linear(3, 3))
    trainer.accelerator.unwrap_model = lambda model: model
    trainer.accelerator.distributed_type = DistributedType.NO
    trainer.check_finite_weights()
    with torch.no_grad():
        trainer.model[1].weight[2, 1] = -torch.inf
    with pytest.raises(
        UserError, match=r"step 7 of 50: the weights are not finite \(tensor '1\.weight'\) \(no checkpoint"
    ):
        trainer.check_finite_weights()


def test_processes_end_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transformers.Trainer._get_grad_norm", lambda self, model, grad_norm: torch.tensor(grad_norm))
    trainer = watched([0.1], 1.0, processes=2)
    assert float(trainer._get_grad_norm(None, 1.0)) == 1.0
    trainer._losses = [torch.tensor(0.1)]
    trainer.accelerator.others += 1
    with pytest.raises(UserError, match="step 7 of 50: the loss or the gradient of another process is not finite"):
        trainer._get_grad_norm(None, 1.0)


def test_a_checkpoint_with_spoilt_weights_is_not_called_good(tmp_path: Path) -> None:
    for step, value in ((5, 1.0), (10, 1.0), (15, torch.inf)):
        (tmp_path / f"checkpoint-{step}").mkdir()
        save_file({"weight": torch.tensor([value])}, tmp_path / f"checkpoint-{step}/model.safetensors")
    (tmp_path / "checkpoint-20").mkdir()  # without weights
    assert last_sound_checkpoint(tmp_path) == tmp_path / "checkpoint-10"
    assert last_sound_checkpoint(tmp_path / "checkpoint-5") is None


def test_every_trainer_is_watched_and_logs_what_is(make_run: MakeRun) -> None:
    run = make_run("base-sft")
    assert trainer_arguments(run, run.study.recipe("base-sft"))["logging_nan_inf_filter"] is False
    assert issubclass(PolicyTrainer, Watched)


# Rewards


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), -float("inf"), "1.0", [1.0, 0.0], 1e39])
def test_a_reward_that_is_no_finite_number_is_told_with_its_term_and_question(
    monkeypatch: pytest.MonkeyPatch, value: object
) -> None:
    values = iter([1.0, value])
    monkeypatch.setattr(
        "visualzero.training.grpo.reward_terms", lambda: {"mine": lambda completion, **facts: next(values)}
    )
    reward = reward_function("mine", "")
    facts = {"completion_ids": [[1], [2]], "choices": [["a", "b"]] * 2, "answer_index": [0, 1]}
    facts |= {"answer_kind": ["choice"] * 2}
    with pytest.raises(
        UserError, match=r"reward term 'mine': question q-2: it gave .*: a term gives one finite number"
    ):
        reward(["x", "y"], **facts, question_id=["q-1", "q-2"], log_extra=lambda *_: None)


# Alarms


def steps(*entries: dict[str, float]) -> list[dict[str, Any]]:
    """A log with an entry for each step."""
    healthy = {"frac_reward_zero_std": 0.5, "completions/clipped_ratio": 0.5, "kl": 0.1, "loss": 0.0}
    return [healthy | {"step": step} | entry for step, entry in enumerate(entries, 1)]


FLAT, UNENDED, FAR = {"frac_reward_zero_std": 1.0}, {"completions/clipped_ratio": 1.0}, {"kl": 11.0}


@pytest.mark.parametrize(
    ("entries", "rung"),
    [
        ([FLAT, FLAT, FLAT], ["no_spread"]),
        ([FLAT, FLAT], []),
        ([FLAT, {}, FLAT, FLAT], []),
        ([UNENDED, UNENDED, UNENDED], ["unended"]),
        ([UNENDED, UNENDED, {}], []),
        ([FAR], ["kl"]),
        ([FAR, {"kl": 10.0}], []),
        ([FLAT | UNENDED, FLAT | UNENDED, FLAT | UNENDED | FAR], ["no_spread", "unended", "kl"]),
    ],
)
def test_an_alarm_rings_while_its_sign_lasts(entries: list[dict[str, float]], rung: list[str]) -> None:
    assert list(ringing(steps(*entries), Alarms(no_spread_steps=3, unended_steps=3))) == rung
    silent = Alarms(no_spread_steps=None, unended_steps=None, kl=None)
    assert ringing(steps(*entries), silent) == {}


def test_an_entry_of_the_log_stands_for_the_steps_since_the_last_one() -> None:
    log = [entry | {"step": step} for entry, step in zip(steps({}, FLAT, FLAT), (1, 5, 10), strict=True)]
    assert list(ringing(log, Alarms(no_spread_steps=9))) == ["no_spread"]
    assert ringing(log, Alarms(no_spread_steps=10)) == {}


def ring(bell: AlarmBell, log: list[dict[str, Any]]) -> None:
    """Log one entry after the other."""
    state = SimpleNamespace(log_history=[], global_step=0, is_world_process_zero=True)
    for entry in log:
        state.log_history.append(entry)
        state.global_step = entry["step"]
        bell.on_log(None, state, None)


def test_an_alarm_is_said_once_and_stands_in_the_history_while_it_lasts(capsys: pytest.CaptureFixture[str]) -> None:
    log = steps({}, FLAT, FLAT, FLAT, {}, FAR)
    ring(AlarmBell("base-grpo/1", Alarms(no_spread_steps=2)), log)
    said = capsys.readouterr().err
    assert (
        said.count("alarm: base-grpo/1: step 3: for 2 steps all completions of every group have earned the same") == 1
    )
    assert said.count("step 6: the KL divergence from the initial model is 11, more than 10") == 1
    assert said.count("\n") == 2
    assert history(log)["alarm"].fillna("").tolist() == ["", "", "no_spread", "no_spread", "", "kl"]
    assert "alarm" not in history(steps({}, {}))


def test_an_alarm_ends_the_run_where_the_config_says_so() -> None:
    bell = AlarmBell("base-grpo/1", Alarms(unended_steps=2, stop=True))
    message = r"step 2: for 2 steps no completion has come to its end: .*; grpo\.alarms\.stop: false lets it go on"
    with pytest.raises(UserError, match=message):
        ring(bell, steps(UNENDED, UNENDED))


def test_alarms_are_no_reason_to_train_again() -> None:
    before, after = study(), study("grpo.alarms={kl: 1.0, stop: true}")
    assert run_fingerprint(before, "base-grpo", 1) == run_fingerprint(after, "base-grpo", 1)
