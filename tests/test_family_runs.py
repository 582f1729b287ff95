"""The study on every family of models: fetched, trained by every recipe, resumed, asked, and read by anyone.

`python benchmarks/families.py` prints what passes here, and how exact sharing is, as a table.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from tiny_families import FAMILIES, hub_folder
from training_runs import MakeRun, logits_as_anyone_reads_them, make_run, paid_by_the_letter
from visualzero.causes.certainty import thought_entropies
from visualzero.causes.drawing import draw, seed_of
from visualzero.config import Evaluate, ModelSource, Sampling
from visualzero.data.question import read_questions
from visualzero.errors import UserError
from visualzero.evaluation.answering.asking import Batch, ask, batches_of
from visualzero.evaluation.answering.preparing import prepare, questions_of
from visualzero.evaluation.answering.transformers_engine import answer, answers, stop_tokens
from visualzero.models.families import family_in
from visualzero.models.fetching import fetch_model
from visualzero.models.loading import load_model
from visualzero.models.processor import ImageProcessor, load_processor, most_image_tokens, prompt_of
from visualzero.training.grpo import train_grpo
from visualzero.training.run import Run
from visualzero.training.sealing import Sealing
from visualzero.training.sft import train_sft

pytestmark = pytest.mark.usefixtures("one_thread", "paid_by_the_letter")
__all__ = ["make_run", "paid_by_the_letter"]  # the fixtures
SEEING = ("visual", "vision", "connector", "projector", "aligner")  # in the names of weights
CALM = "grpo.adam_epsilon=1e-3"  # else Adam blows up what is only rounding
TRAIN = {"base-sft": train_sft, "base-grpo": train_grpo}
WHOLE = {"base-sft": ["sft.save_steps=1"], "base-grpo": [CALM, "grpo.save_steps=1"]}
LORA = "arms.base-grpo.grpo.lora={r: 2, alpha: 4, targets: [o_proj]}"  # of which only decoders have some


@pytest.fixture(scope="module", params=FAMILIES)
def weights(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A checkpoint of a family as the models stage lays it down."""
    folder = tmp_path_factory.mktemp(request.param)
    hub_folder(request.param, folder / "hub")
    source = ModelSource(path=str(folder / "hub"), min_pixels=3136, max_pixels=12544)
    fetch_model(source, folder / "base/model", "0" * 16, "models.base")
    return folder / "base/model"


@pytest.fixture
def sees(weights: Path) -> bool:
    return family_in(weights).sees


@pytest.fixture
def runs(weights: Path, make_run: MakeRun) -> MakeRun:
    """Makes runs on the family's weights."""
    return lambda arm, *overrides: replace(make_run(arm, *overrides), weights=weights)


@pytest.fixture(scope="module")
def kept(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Run]]:
    """A folder for a family's undisturbed runs, and those that are there, by arm."""
    return tmp_path_factory.mktemp(weights.parents[1].name), {}


@pytest.fixture
def whole(runs: MakeRun, kept: tuple[Path, dict[str, Run]]) -> Callable[[str], Run]:
    """An undisturbed run of an arm with a checkpoint after each step, made once for all that is compared with it."""
    folder, done = kept

    def made(arm: str) -> Run:
        if arm not in done:
            run = replace(runs(arm, *WHOLE[arm]), out=folder / "out" / arm, work=folder / "work" / arm)
            TRAIN[arm](run)
            done[arm] = run
        return done[arm]

    return made


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


def test_sft_trains_all_of_it_and_anyone_reads_the_result(whole: Callable[[str], Run], sees: bool) -> None:
    run = whole("base-sft")
    assert moved(run) == ({"vision", "language"} if sees else {"language"})
    logits_as_anyone_reads_them(run.out / "model", run.arm.prompt)


def test_a_frozen_tower_stays_as_it_is(runs: MakeRun, sees: bool) -> None:
    run = runs("instruct-grpo-vision-frozen")
    if not sees:
        with pytest.raises(UserError, match="freeze: 'vision': this model has no such part: leave it out"):
            train_grpo(run)
        return
    train_grpo(run)
    assert moved(run) == {"language"}
    logits_as_anyone_reads_them(run.out / "model", run.arm.prompt)


def test_adapters_are_trained_and_merged(runs: MakeRun) -> None:
    run = runs("base-grpo", LORA)
    train_grpo(run)
    assert moved(run) == {"language"}
    logits_as_anyone_reads_them(run.out / "model", run.arm.prompt)


def test_grpo_shared_trains_as_stock_trl_does(whole: Callable[[str], Run], runs: MakeRun) -> None:
    ours, stock = whole("base-grpo"), runs("base-grpo", CALM, "grpo.sharing=off")
    train_grpo(stock)
    rollouts = [pd.read_parquet(run.out / "rollouts.parquet")["completion"].tolist() for run in (ours, stock)]
    assert rollouts[0] == rollouts[1]
    weights = [load_file(run.out / "model/model.safetensors") for run in (ours, stock)]
    assert max(float((a - weights[1][name]).abs().max()) for name, a in weights[0].items()) < 1e-4


class StoppedError(Exception):
    """The run was ended."""


@pytest.mark.parametrize(("arm", "train"), TRAIN.items())
def test_a_run_that_was_stopped_goes_on_to_the_same_weights(
    arm: str,
    train: Callable[[Run], None],
    whole: Callable[[str], Run],
    runs: MakeRun,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cut = runs(arm, *WHOLE[arm])
    seal = Sealing.on_save

    def stop(self: Sealing, *args: Any, **kwargs: Any) -> None:
        seal(self, *args, **kwargs)
        raise StoppedError

    with monkeypatch.context() as patched:
        patched.setattr(Sealing, "on_save", stop)
        with pytest.raises(StoppedError):
            train(cut)
    train(cut)
    first, second = (load_file(run.out / "model/model.safetensors") for run in (whole(arm), cut))
    assert all(torch.equal(first[name], second[name]) for name in first)


def about_images(questions: pd.DataFrame, images: int) -> pd.DataFrame:
    """The questions about so many images: none, their own, or their own twice."""
    if images == 0:
        return questions.assign(image=None)
    return questions if images == 1 else questions.assign(more_images=[[one] for one in questions["image"]])


def asked_of(weights: Path, questions: Path, images: int) -> tuple[Batch, ImageProcessor]:
    """Questions about so many images, as a family's model gets them."""
    processor = load_processor(weights, "plain", 3136, 12544)
    [batch] = batches_of(ask(about_images(read_questions(questions), images), processor, "lettered"), processor, 16)
    return batch, processor


@pytest.mark.parametrize("images", [0, 1, 2])
def test_a_batch_is_answered_as_generate_answers_it(weights: Path, make_run: MakeRun, images: int) -> None:
    batch, processor = asked_of(weights, make_run("base").questions, images)
    model, inputs = load_model(weights, "float32"), prepare(batch, processor)
    rows = model.generate(**inputs, do_sample=False, max_new_tokens=8)[:, inputs["input_ids"].shape[1] :]
    said = processor.tokenizer.batch_decode(rows, skip_special_tokens=True)
    for at_a_time in (16, 5):
        settings = Evaluate(batch_size=at_a_time, max_new_tokens=8, threads=1, dtype="float32")
        [found] = answers([batch], weights, processor, settings)
        assert [one["response"].strip() for one in found] == [text.strip() for text in said]


def test_samples_are_drawn_as_generate_draws_them(weights: Path, make_run: MakeRun) -> None:
    batch, processor = asked_of(weights, make_run("base").questions, 1)
    one, model = batch[:1], load_model(weights, "float32")
    ends, inputs = stop_tokens(model.generation_config.eos_token_id, processor), prepare(one * 4, processor)
    torch.manual_seed(seed_of(one, 0, "base/untrained"))
    rows = model.generate(
        **inputs, do_sample=True, top_k=0, max_new_tokens=8, pad_token_id=processor.tokenizer.pad_token_id
    )
    theirs = []
    for row in rows[:, inputs["input_ids"].shape[1] :].tolist():
        stop = next((k for k, token in enumerate(row, 1) if token in ends), None)
        theirs.append(answer(row[:stop], ends, processor)["response"])
    settings = Evaluate(batch_size=4, max_new_tokens=8, threads=1, dtype="float32")
    [[samples]] = draw([[one]], weights, processor, settings, Sampling(samples=4, seed=0), "base/untrained")
    assert samples["responses"] == theirs


def test_entropies_of_a_thought_are_those_of_the_models_own_pass(weights: Path, make_run: MakeRun) -> None:
    [one, *_], processor = asked_of(weights, make_run("base").questions, 1)
    model = load_model(weights, "float32")
    found = thought_entropies(model, processor, one, " It is left. Wait, it is right.", 5)
    inputs = prepare([one._replace(prompt=one.prompt + " It is left. Wait, it is right.")], processor)
    with torch.inference_mode():
        logs = model(**inputs).logits[0, -6:-1].log_softmax(-1)
    torch.testing.assert_close(found, -(logs.exp() * logs).sum(-1), rtol=1e-4, atol=1e-5)


def test_questions_are_the_same_prepared_together_and_alone(weights: Path, make_run: MakeRun) -> None:
    path, model = make_run("base").questions, load_model(weights, "float32")
    each = [asked_of(weights, path, images) for images in (0, 1, 2)]
    batch, processor = [batch[i] for i, (batch, _) in enumerate(each)], each[0][1]
    for one, question in zip(batch, questions_of(batch, processor, model), strict=True):
        [alone] = questions_of([one], processor, model)
        assert question.image_count == alone.image_count
        given, expected = (
            {"ids": q.input_ids, "positions": q.positions, **q.types, **q.images} for q in (question, alone)
        )
        assert given.keys() == expected.keys()
        assert all(value.equal(expected[name]) for name, value in given.items())


def test_what_needs_images_of_any_size_is_refused_before_training(runs: MakeRun, weights: Path) -> None:
    if family_in(weights).any_size:
        return
    with pytest.raises(UserError, match=r"grpo\.engine: vllm: this model's images are not Qwen's"):
        train_grpo(runs("base-grpo", "grpo.engine=vllm"))
    with pytest.raises(UserError, match=r"grpo\.perception: this model's images are not rows of patches"):
        train_grpo(runs("base-papo", "run=[base-papo]"))
