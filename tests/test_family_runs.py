"""The study on other families of models: fetched, trained by every recipe, asked, and read by anyone."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from tiny_families import tiny
from training_runs import MakeRun, logits_as_anyone_reads_them, make_run, paid_by_the_letter
from visualzero.config import Evaluate, ModelSource
from visualzero.data.question import read_questions
from visualzero.evaluation.answering.asking import ask, batches_of
from visualzero.evaluation.answering.transformers_engine import answers, prepare
from visualzero.models.families import family_in
from visualzero.models.fetching import fetch_model
from visualzero.models.loading import load_model
from visualzero.models.processor import load_processor, most_image_tokens, prompt_of
from visualzero.training.grpo import train_grpo
from visualzero.training.run import Run
from visualzero.training.sft import train_sft

pytestmark = pytest.mark.usefixtures("one_thread", "paid_by_the_letter")
__all__ = ["make_run", "paid_by_the_letter"]  # the fixtures
FAMILIES = ("qwen2_5_vl", "qwen3_vl", "smolvlm", "gemma3", "internvl")
SEEING = ("visual", "vision", "connector", "projector")  # in the names of weights
CALM = "grpo.adam_epsilon=1e-3"  # else Adam blows up what is only rounding
LORA = "arms.base-grpo.grpo.lora={r: 2, alpha: 4, targets: [o_proj]}"  # of which only decoders have some


@pytest.fixture(scope="module", params=FAMILIES)
def weights(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A checkpoint of a family as the models stage lays it down."""
    folder = tmp_path_factory.mktemp(request.param)
    model, processor = tiny(request.param)
    model.save_pretrained(folder / "hub")
    processor.tokenizer.save_pretrained(folder / "hub")
    source = ModelSource(path=str(folder / "hub"), min_pixels=3136, max_pixels=12544)
    fetch_model(source, folder / "base/model", "0" * 16, "models.base")
    return folder / "base/model"


@pytest.fixture
def runs(weights: Path, make_run: MakeRun) -> MakeRun:
    """Makes runs on the family's weights."""
    return lambda arm, *overrides: replace(make_run(arm, *overrides), weights=weights)


def moved(run: Run) -> set[str]:
    """The parts of the model that a run has changed."""
    before, after = load_file(run.weights / "model.safetensors"), load_file(run.out / "model/model.safetensors")
    assert before.keys() == after.keys()
    changed = (name for name in before if not torch.equal(before[name], after[name]))
    return {"vision" if any(part in name for part in SEEING) else "language" for name in changed}


@pytest.mark.parametrize(("width", "height"), [(112, 112), (300, 60), (60, 300), (20, 30)])
def test_an_image_has_as_many_tokens_as_its_family_says(weights: Path, width: int, height: int) -> None:
    processor = load_processor(weights, "plain", 3136, 12544)
    prompt = prompt_of(processor, "What is this?")
    ids = processor(images=[Image.new("RGB", (width, height))], text=[prompt])["input_ids"][0]
    tokens = len(ids) - len(processor.tokenizer(prompt)["input_ids"])
    said = family_in(weights).image_tokens(processor, height, width)
    assert tokens <= said <= tokens + 4  # beside it: what the prompt has in its place
    assert said <= most_image_tokens(processor)


def test_every_recipe_trains_and_anyone_reads_the_result(runs: MakeRun) -> None:
    sft = runs("base-sft")
    train_sft(sft)
    assert moved(sft) == {"vision", "language"}
    frozen = runs("instruct-grpo-vision-frozen")
    train_grpo(frozen)
    assert moved(frozen) == {"language"}
    adapted = runs("base-grpo", LORA)
    train_grpo(adapted)
    assert moved(adapted) == {"language"}
    for run in (sft, frozen, adapted):
        logits_as_anyone_reads_them(run.out / "model", run.arm.prompt)


def test_sharing_trains_as_stock_trl_does(runs: MakeRun) -> None:
    ours, stock = runs("base-grpo", CALM), runs("base-grpo", CALM, "grpo.sharing=off")
    stock = replace(stock, out=ours.out.with_name("stock"), work=ours.work.with_name("stock"))
    for run in (ours, stock):
        train_grpo(run)
    rollouts = [pd.read_parquet(run.out / "rollouts.parquet")["completion"].tolist() for run in (ours, stock)]
    assert rollouts[0] == rollouts[1]
    weights = [load_file(run.out / "model/model.safetensors") for run in (ours, stock)]
    assert max(float((a - weights[1][name]).abs().max()) for name, a in weights[0].items()) < 1e-4


def test_a_batch_is_answered_as_generate_answers_it(weights: Path, make_run: MakeRun) -> None:
    processor = load_processor(weights, "plain", 3136, 12544)
    questions = read_questions(make_run("base").questions)
    [batch] = batches_of(ask(questions, processor, "lettered"), processor, 16)
    settings = Evaluate(batch_size=16, max_new_tokens=8, threads=1, dtype="float32")
    [found] = answers([batch], weights, processor, settings)
    model, inputs = load_model(weights, "float32"), prepare(batch, processor)
    rows = model.generate(**inputs, do_sample=False, max_new_tokens=8)[:, inputs["input_ids"].shape[1] :]
    said = processor.tokenizer.batch_decode(rows, skip_special_tokens=True)
    assert [one["response"].strip() for one in found] == [text.strip() for text in said]
