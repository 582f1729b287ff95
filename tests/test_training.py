"""Training: what a run learns from, what it changes, and what it leaves behind. Two steps of a tiny random model."""

import json
import shutil
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from PIL import Image
from safetensors.torch import load_file

from training_runs import ROOT, MakeRun, logits_as_anyone_reads_them, make_run, paid_by_the_letter, study
from visualzero.config import Grpo, Resample, Sft, read_study
from visualzero.data.question import read_questions
from visualzero.errors import UserError
from visualzero.layout import Layout
from visualzero.manifest import read_manifest, verify
from visualzero.models.processor import load_processor
from visualzero.prompts import question_text, render
from visualzero.training.grpo import train_grpo, upper_end, vllm_arguments
from visualzero.training.policy_trainer import PolicyTrainer
from visualzero.training.run import Run, accumulation
from visualzero.training.saving import save_model
from visualzero.training.sft import WholeTextCollator, _dataset, train_sft
from visualzero.training.trajectories import curate, read_trajectories

if TYPE_CHECKING:
    from transformers import Trainer

pytestmark = pytest.mark.usefixtures("one_thread", "paid_by_the_letter")
__all__ = ["make_run", "paid_by_the_letter"]  # the fixtures


def changed(run: Run) -> set[str]:
    """Names of the tensors that training has changed."""
    before, after = load_file(run.weights / "model.safetensors"), load_file(run.out / "model/model.safetensors")
    assert before.keys() == after.keys()
    return {name for name in before if not torch.equal(before[name], after[name])}


def tensors(run: Run) -> set[str]:
    return set(load_file(run.weights / "model.safetensors"))


def logits(model: torch.nn.Module, run: Run) -> torch.Tensor:
    """Those of a model in memory, for what `logits_as_anyone_reads_them` shows to that of a folder."""
    processor = load_processor(run.weights, run.arm.prompt, 3136, 12544)
    image = Image.radial_gradient("L").resize((190, 330)).convert("RGB")
    prompt = render(run.arm.prompt, "How many cubes are in the image?")
    with torch.no_grad():
        found: torch.Tensor = model(**processor(images=[image], text=[prompt], return_tensors="pt")).logits
    return found


# What a run changes


@pytest.mark.parametrize(
    ("arm", "frozen"),
    [
        ("instruct-grpo", "nothing"),
        ("instruct-grpo-vision-frozen", "visual."),
        ("instruct-grpo-language-frozen", "model."),
    ],
)
def test_a_run_changes_every_tensor_but_the_frozen_ones(make_run: MakeRun, arm: str, frozen: str) -> None:
    run = make_run(arm)
    train_grpo(run)
    assert {name.split(".")[0] for name in tensors(run)} == {"model", "visual"}
    assert changed(run) == {name for name in tensors(run) if not name.startswith(frozen)}


def test_lora_is_merged_into_the_layers_it_was_asked_for(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run("base-sft", "arms.base-sft.sft.lora={r: 4, alpha: 8, targets: [q_proj, v_proj]}")
    trained: list[torch.nn.Module] = []

    def save(trainer: "Trainer", folder: Path) -> None:
        trained.append(trainer.model)
        save_model(trainer, folder)

    monkeypatch.setattr("visualzero.training.run.save_model", save)
    train_sft(run)
    weights = {f"{layer}.weight" for layer in ("q_proj", "v_proj")}
    assert changed(run) == {name for name in tensors(run) if ".".join(name.split(".")[-2:]) in weights}
    saved = logits_as_anyone_reads_them(run.out / "model", "chat")
    torch.testing.assert_close(
        logits(trained[0].eval(), run), saved, atol=1e-4, rtol=1e-4
    )  # adapters and weights apart


def test_grpo_with_lora_takes_the_model_without_adapters_for_its_reference(make_run: MakeRun) -> None:
    run = make_run("base-grpo", "arms.base-grpo.grpo={lora: {r: 4, alpha: 8}}")
    train_grpo(run)
    assert len(changed(run)) == 7 * 4  # the linear layers of four decoder layers
    history = pd.read_parquet(run.out / "history.parquet")
    assert history["kl"].iloc[0] == pytest.approx(0, abs=1e-6)
    assert history["kl"].iloc[1] > 0
    logits_as_anyone_reads_them(run.out / "model", "r1_zero")


# What it leaves behind


def test_a_run_leaves_a_model_a_history_rollouts_and_their_manifest(make_run: MakeRun) -> None:
    run = make_run("base-grpo")
    train_grpo(run)
    verify(run.out / "manifest.json")
    manifest = read_manifest(run.out / "manifest.json")
    assert (manifest["run"], manifest["seed"], manifest["processes"]) == ("base-grpo/1", 1, 1)
    first = manifest["first"]
    question = read_questions(run.questions).iloc[0]
    assert first["id"] == question["id"]
    assert first["prompt"] == render("r1_zero", question_text(question["question"], question["choices"], "lettered"))
    assert len(first["token_ids"].split()) > 50
    logits_as_anyone_reads_them(run.out / "model", "r1_zero")
    assert {file.name for file in run.out.iterdir()} == {
        "model",
        "history.parquet",
        "rollouts.parquet",
        "manifest.json",
    }
    assert not run.work.exists()
    rollouts = pd.read_parquet(run.out / "rollouts.parquet")
    assert rollouts.groupby(["step", "id"]).size().eq(4).all()


def test_weights_of_every_nth_step_are_kept_where_asked_for(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("base-sft", "sft.checkpoint_steps=1", "sft.steps=3")
    own = tmp_path / "own"
    shutil.copytree(run.weights, own)
    (own / "preprocessor_config.json").write_text(json.dumps({"image_mean": [0.1] * 3, "image_std": [0.9] * 3}))
    run = replace(run, weights=own)
    train_sft(run)
    kept = run.out / "checkpoints"
    assert sorted(folder.name for folder in kept.iterdir()) == ["1", "2", "3"]
    last, model = (load_file(folder / "model.safetensors") for folder in (kept / "3", run.out / "model"))
    assert all(torch.equal(last[name], model[name]) for name in model)
    assert any(not torch.equal(load_file(kept / "1/model.safetensors")[name], model[name]) for name in model)
    for folder in (kept / "1", run.out / "model"):
        logits_as_anyone_reads_them(folder, "chat")
        images = json.loads((folder / "preprocessor_config.json").read_text())  # what a peer or another arm reads
        assert (images["image_mean"], images["image_std"]) == ([0.1] * 3, [0.9] * 3)
        assert images["size"] == {"shortest_edge": 3136, "longest_edge": 12544}
    assert "checkpoints/2/model.safetensors" in read_manifest(run.out / "manifest.json")["files"]


def test_kept_weights_have_the_precision_that_training_computes_in(make_run: MakeRun) -> None:
    run = make_run("base-sft", "sft.checkpoint_steps=1", "sft.steps=1", "sft.dtype=bfloat16")
    train_sft(run)
    kept, model = (load_file(run.out / name / "model.safetensors") for name in ("checkpoints/1", "model"))
    assert {tensor.dtype for tensor in kept.values()} == {torch.bfloat16}
    assert {tensor.dtype for tensor in model.values()} == {torch.float32}
    assert kept.keys() == model.keys()


# The study's policy gradients


@pytest.mark.parametrize("arm", ["base-gpg", "base-grpo-dr", "base-grpo-dapo", "base-grpo-asprinted"])
def test_every_policy_gradient_of_the_study_trains(make_run: MakeRun, arm: str) -> None:
    run = make_run(arm)
    train_grpo(run)
    history = pd.read_parquet(run.out / "history.parquet")
    assert np.isfinite(history[["loss", "grad_norm", "reward"]]).all(axis=None)
    assert ("kl" in history) == (run.study.recipe(arm).model_dump()["beta"] > 0)
    assert ("sampling_rounds" in history) == (arm == "base-gpg")


@pytest.mark.parametrize(
    ("grpo", "end"),
    [
        ({}, None),
        ({"epsilon_high": 0.28}, 0.28),
        ({"loss": "cispo"}, 1.2),
        ({"loss": "cispo", "epsilon_high": 4.0}, 5.0),
    ],
    ids=str,
)
def test_the_upper_end_of_ratios_is_counted_from_one_for_every_loss(grpo: dict[str, Any], end: float | None) -> None:
    recipe = study(f"grpo={json.dumps(grpo)}").grpo
    assert upper_end(recipe) == end


def trainer_that_samples(*batches: list[float], resample: Resample | None) -> PolicyTrainer:
    """A trainer of groups of two whose batches have these advantages, one after the other."""
    trainer = PolicyTrainer.__new__(PolicyTrainer)
    trainer.resample = resample
    trainer.num_generations = 2
    trainer.accelerator = SimpleNamespace(gather=lambda tensor: tensor)
    trainer._metrics = {"train": defaultdict(list, {"reward": [7.0]})}
    trainer.check_finite_weights = lambda: None
    trainer.batches = list(batches)
    return trainer


@pytest.fixture
def stock(monkeypatch: pytest.MonkeyPatch) -> None:
    """TRL's part of a step, without a model."""

    def sample(self: Any, inputs: Any) -> dict[str, Any]:
        batch = self.batches.pop(0)
        self._metrics["train"]["reward"].append(sum(map(abs, batch)))
        return {"advantages": torch.tensor(batch)}

    monkeypatch.setattr("trl.GRPOTrainer._generate_and_score_completions", sample)


@pytest.mark.usefixtures("stock")
def test_a_batch_is_sampled_again_while_too_few_groups_have_unequal_rewards() -> None:
    none, half, whole = [0.0] * 4, [0.5, -0.5, 0, 0], [0.5, -0.5, 1, -1]
    trainer = trainer_that_samples(none, none, half, whole, resample=Resample(tries=20, min_valid=0.4))
    batch = trainer._generate_and_score_completions([])
    assert batch["advantages"].tolist() == [1.0, -1.0, 0, 0]  # divided by the share of valid groups
    assert trainer.batches == [whole]
    assert trainer._metrics["train"] == {"reward": [7.0, 1.0], "sampling_rounds": [3]}  # of the last round alone


@pytest.mark.usefixtures("stock")
def test_a_batch_is_taken_as_it_is_after_the_last_try() -> None:
    none = [0.0] * 4
    trainer = trainer_that_samples(none, none, none, resample=Resample(tries=2, min_valid=0.4))
    assert trainer._generate_and_score_completions([])["advantages"].tolist() == none
    assert trainer._metrics["train"]["sampling_rounds"] == [2]


@pytest.mark.usefixtures("stock")
def test_no_batch_is_sampled_again_unless_asked_for() -> None:
    trainer = trainer_that_samples([0.0] * 4, resample=None)
    assert trainer._generate_and_score_completions([])["advantages"].tolist() == [0.0] * 4
    assert "sampling_rounds" not in trainer._metrics["train"]


# vLLM


def test_vllm_gets_new_weights_and_forgets_old_images_before_it_samples(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[Any] = []
    monkeypatch.setattr(
        "trl.GRPOTrainer._generate_single_turn", lambda self, ids, images, *rest: done.append(images[0][0].size)
    )
    trainer = PolicyTrainer.__new__(PolicyTrainer)
    trainer.use_vllm, trainer._last_loaded_step = True, -1
    trainer.state = SimpleNamespace(global_step=0)
    trainer.processing_class = load_processor(tiny_model, "r1_zero", 3136, 12544)
    engine = SimpleNamespace(reset_encoder_cache=lambda: done.append("forget"))
    trainer.vllm_generation = SimpleNamespace(
        sync_weights=lambda: done.append("sync"), llm=SimpleNamespace(llm_engine=engine)
    )
    images = [[Image.new("RGB", (640, 480))]]
    trainer._generate_single_turn([[1]], images, {}, 2)
    trainer._generate_single_turn([[1]], images, {}, 2)
    assert done == ["sync", "forget", (112, 84), (112, 84)]  # once for each step; images as the model sees them
    trainer.state.global_step = 1
    trainer._generate_single_turn([[1]], images, {}, 2)
    assert done[4:] == ["sync", "forget", (112, 84)]


def test_vllm_that_is_not_installed_is_told_in_one_line(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("visualzero.training.grpo.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"grpo\.engine: vllm: not installed here: .*envs/train-vllm\.yaml"):
        train_grpo(make_run("base-grpo", "grpo.engine=vllm"))


def test_vllm_has_room_for_prompt_image_and_completion(
    make_run: MakeRun, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("visualzero.training.grpo.find_spec", lambda name: name)
    run, processor = make_run("base-grpo"), load_processor(tiny_model, "r1_zero", 3136, 12544)
    recipe = run.study.recipe("base-grpo")
    assert isinstance(recipe, Grpo)
    arguments = vllm_arguments(run, recipe, processor)
    assert arguments["vllm_max_model_length"] == 16 + 1024 + 6
    assert arguments["generation_kwargs"] == {"logit_bias": {processor.image_token_id: -100.0}}


# What SFT learns


def labels(run: Run, collator: Any) -> list[str]:
    """The texts that the first two samples' labels spell."""
    tokenizer = collator.processor.tokenizer
    batch = collator([dict(_dataset(run, pd.read_parquet(run.questions))[index]) for index in range(2)])
    return [tokenizer.decode([token for token in row if token >= 0]) for row in batch["labels"].tolist()]


def test_sft_learns_the_answer_alone_unless_asked_for_the_prompt(make_run: MakeRun, tiny_model: Path) -> None:
    from trl.trainer.sft_trainer import DataCollatorForVisionLanguageModeling

    run, processor = make_run("base-sft-asprinted"), load_processor(tiny_model, "chat_image", 3136, 12544)
    row = next(pd.read_parquet(run.questions).itertuples())
    answer = f"{row.choices[row.answer_index]}<|im_end|>\n"
    assert labels(run, DataCollatorForVisionLanguageModeling(processor, completion_only_loss=True))[0] == answer
    whole = labels(run, WholeTextCollator(processor))[0]
    assert whole.startswith("<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n<image> ")
    assert row.question in whole
    assert whole.endswith(f"<|im_start|>assistant\n{answer}")


def test_a_run_that_learns_its_prompts_does_so(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[type] = []

    def stop(run: Run, recipe: Sft, trainer: "Trainer") -> None:
        seen.append(type(getattr(trainer.data_collator, "collate", trainer.data_collator)))

    monkeypatch.setattr("visualzero.training.sft.train", stop)
    for arm in ("base-sft", "base-sft-asprinted"):
        train_sft(make_run(arm))
    assert [collator.__name__ for collator in seen] == ["NamingCollator", "WholeTextCollator"]


# Trajectories


@pytest.fixture
def questions(toyspace: pd.DataFrame) -> pd.DataFrame:
    return toyspace.iloc[:3]


def thought(row: Any, right: bool = True) -> str:
    index = row.answer_index if right else (row.answer_index + 1) % len(row.choices)
    return f" I look at it.</think> <answer>{row.choices[index]}</answer>"


def test_right_and_well_formed_trajectories_are_kept_the_last_of_each_question(questions: pd.DataFrame) -> None:
    first, second, third = questions.itertuples()
    rows = [
        (first.id, thought(first)),
        (first.id, thought(first).replace("look at", "see")),
        (first.id, thought(first, right=False)),
        (second.id, "<think>" + thought(second)),  # a completion may repeat what the prompt has written
        (third.id, thought(third, right=False)),
        (third.id, third.choices[third.answer_index]),  # right, but without a thought
        ("elsewhere", thought(first)),
    ]
    kept = curate(pd.DataFrame(rows, columns=["id", "completion"]), questions, "<think>", where="table")
    assert dict(zip(kept["id"], kept["completion"], strict=True)) == {
        first.id: thought(first).replace("look at", "see"),
        second.id: thought(second),
    }


def test_trajectories_without_a_right_one_are_told(questions: pd.DataFrame) -> None:
    row = next(questions.itertuples())
    table = pd.DataFrame({"id": [row.id], "completion": [thought(row, right=False)]})
    with pytest.raises(UserError, match=r"mine\.jsonl: no right and well-formed completion"):
        curate(table, questions, "<think>", where="mine.jsonl")


@pytest.mark.parametrize("name", ["t.jsonl", "t.csv", "t.parquet"])
def test_trajectories_are_read_from_every_kind_of_table(tmp_path: Path, name: str) -> None:
    table = pd.DataFrame({"id": ["007"], "step": [3], "completion": ["2026-01-01, or NA"]})
    path = tmp_path / name
    if name.endswith("jsonl"):
        table.to_json(path, orient="records", lines=True)
    elif name.endswith("csv"):
        table.to_csv(path, index=False)
    else:
        table.to_parquet(path)
    assert read_trajectories(path).to_dict("list") == {"id": ["007"], "completion": ["2026-01-01, or NA"]}


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("t.txt", "", "trajectories are read from .parquet, .jsonl, .csv"),
        ("t.csv", "id,text\n1,a\n", "column 'completion' is missing"),
        ("t.jsonl", "{\n", "can't be read"),
        ("t.parquet", "PAR1", "can't be read"),
    ],
)
def test_a_bad_table_of_trajectories_is_told_in_one_line(tmp_path: Path, name: str, content: str, told: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match=told) as caught:
        read_trajectories(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_cold_start_learns_trajectories_in_the_arms_own_prompt(
    make_run: MakeRun, tiny_model: Path, tmp_path: Path
) -> None:
    from trl.trainer.sft_trainer import DataCollatorForVisionLanguageModeling

    run = make_run("base-coldstart", trajectories=tmp_path / "mine.jsonl")
    rows = list(pd.read_parquet(run.questions).itertuples())[:4]
    lines = [json.dumps({"id": row.id, "completion": thought(row)}) for row in rows]
    (tmp_path / "mine.jsonl").write_text("\n".join(lines))
    collator = DataCollatorForVisionLanguageModeling(
        load_processor(tiny_model, "r1_zero", 3136, 12544), completion_only_loss=True
    )
    assert labels(run, collator) == [f"{thought(row)}<|endoftext|>" for row in rows[:2]]
    train_sft(run)
    assert changed(run) == tensors(run)


def test_an_arm_starts_where_its_config_says() -> None:
    ours, layout = study(), Layout("demo")
    runs = Path("results/demo/runs")
    assert layout.initial(ours, "base-coldstart-grpo", 2) == runs / "base-coldstart/2/model"
    assert layout.initial(ours, "base-coldstart", 2) == Path("results/demo/models/base/model")
    assert layout.trajectories(ours, "base-coldstart", 2) == runs / "base-grpo/2/rollouts.parquet"
    assert layout.trajectories(ours, "base-sft", 2) is None
    local = study("arms.base-coldstart.trajectories={arm: null, path: my/thoughts.jsonl}")
    assert layout.trajectories(local, "base-coldstart", 2) == Path("my/thoughts.jsonl")


# Several processes


def test_a_step_takes_fewer_passes_the_more_processes_share_it() -> None:
    recipe = read_study(ROOT / "config/config.yaml", ["scale=paper", "grpo.micro_batch=8"]).grpo
    passes = {processes: accumulation(recipe, processes, "base-grpo/1") for processes in (1, 2, 4, 8)}
    assert passes == {1: 8, 2: 4, 4: 2, 8: 1}


def test_a_micro_batch_by_itself_leaves_a_step_one_pass_that_its_tokens_cut() -> None:
    recipe = read_study(ROOT / "config/config.yaml", ["scale=paper"]).grpo
    assert [accumulation(recipe, processes, "base-grpo/1") for processes in (1, 2, 4, 8)] == [1] * 4
    with pytest.raises(UserError, match="64 samples per step can't be split over 3 processes: choose a number of them"):
        accumulation(recipe, 3, "base-grpo/1")


def test_a_step_that_can_not_be_shared_out_is_told() -> None:
    recipe = read_study(ROOT / "config/config.yaml", ["scale=paper", "grpo.micro_batch=8"]).grpo
    with pytest.raises(UserError, match="64 samples per step can't be split over 3 processes of micro_batch 8"):
        accumulation(recipe, 3, "base-grpo/1")


@pytest.mark.parametrize("config", sorted((ROOT / "config/accelerate").glob("*.yaml")), ids=lambda file: file.stem)
def test_runs_of_several_processes_meet_at_a_port_of_their_own(config: Path) -> None:
    settings = yaml.safe_load(config.read_text())
    assert settings["distributed_type"] == "NO" or settings["main_process_port"] == 0  # accelerate takes a free one
