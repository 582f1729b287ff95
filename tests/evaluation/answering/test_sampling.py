"""Qwen2-VL's checkpoints ask to be sampled almost greedily; neither rollouts nor answers of the study heed that."""

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
import torch
from transformers import Qwen2VLForConditionalGeneration

from visualzero.config import ModelSource, read_study
from visualzero.data.question import write_questions
from visualzero.data.toyspace.questions import toyspace_rows
from visualzero.evaluation.answering.asking import ask, batches_of
from visualzero.evaluation.answering.transformers_engine import answers
from visualzero.models.fetching import fetch_model
from visualzero.models.loading import load_model
from visualzero.models.processor import load_processor
from visualzero.training.grpo import train_grpo
from visualzero.training.run import Run

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.usefixtures("one_thread")
ROOT = Path(__file__).resolve().parents[3]
# As in Qwen2-VL-2B's generation_config.json; `transformers_version` 4.50 or newer is what lets it override a call.
OPINIONS = {
    "do_sample": True,
    "temperature": 0.1,
    "top_k": 1,
    "top_p": 0.001,
    "repetition_penalty": 0.2,  # there 1.05, which would rarely turn an answer of a random model
    "transformers_version": "4.50.0",
}


@pytest.fixture
def opinionated(tiny_model: Path, tmp_path: Path) -> Path:
    """The tiny model with Qwen2-VL's opinions on sampling."""
    folder = tmp_path / "opinionated" / "model"
    shutil.copytree(tiny_model.parent, folder.parent)
    file = folder / "generation_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | OPINIONS))
    return folder


def opinions(folder: Path) -> set[str]:
    """Which of OPINIONS a checkpoint has."""
    found = json.loads((folder / "generation_config.json").read_text())
    return {name for name in OPINIONS if name in found} - {"transformers_version"}


def rollouts(weights: Path, tmp_path: Path) -> pd.DataFrame:
    """What a GRPO step of the study samples with these weights."""
    questions = tmp_path / "train.parquet"
    write_questions(toyspace_rows("train", 8, 1), questions)
    grpo = {"steps": 1, "batch_size": 2, "group_size": 4, "micro_batch": 8, "max_completion": 12}
    study = read_study(ROOT / "config/config.yaml", ["run=all", f"grpo={json.dumps(grpo)}"])
    out = tmp_path / "out" / weights.parent.name
    train_grpo(Run(study, "base-grpo", 1, questions, weights, out, tmp_path / "work" / weights.parent.name, "0" * 16))
    return pd.read_parquet(out / "rollouts.parquet")


def test_rollouts_are_those_of_a_checkpoint_without_opinions(
    tiny_model: Path, opinionated: Path, tmp_path: Path
) -> None:
    heeded, free = rollouts(opinionated, tmp_path), rollouts(tiny_model, tmp_path)
    assert heeded["completion"].tolist() == free["completion"].tolist()
    assert all(group["completion"].nunique() == 4 for _, group in heeded.groupby("id"))


def test_answers_are_those_of_a_checkpoint_without_opinions(
    tiny_model: Path, opinionated: Path, toyspace: pd.DataFrame
) -> None:
    settings = read_study(ROOT / "config/config.yaml", ["evaluate={max_new_tokens: 24, batch_size: 8}"]).evaluate
    given: Iterator[Any]
    found = []
    for weights in (tiny_model, opinionated):
        processor = load_processor(weights, "r1_zero", 3136, 12544)
        given = answers(batches_of(ask(toyspace, processor, "lettered"), processor, 8), weights, processor, settings)
        found.append(list(given))
    assert found[0] == found[1]


def test_without_our_loading_the_opinions_are_heeded(tiny_model: Path, opinionated: Path) -> None:
    """So the tests above can fail."""
    prompt = torch.arange(20, 40)[None]

    def greedy(folder: Path) -> list[int]:
        model = Qwen2VLForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
        return model.generate(input_ids=prompt, do_sample=False, max_new_tokens=60)[0].tolist()

    def sampled(folder: Path) -> int:
        model = Qwen2VLForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
        torch.manual_seed(0)
        many = model.generate(input_ids=prompt, do_sample=True, num_return_sequences=8, max_new_tokens=6)
        return len({tuple(row) for row in many.tolist()})

    assert greedy(tiny_model) != greedy(opinionated)
    assert (sampled(tiny_model), sampled(opinionated)) == (8, 1)


def test_a_fetched_checkpoint_has_no_opinions(opinionated: Path, tmp_path: Path) -> None:
    """Whatever program reads it: vLLM takes its defaults from that file too."""
    (opinionated.parent / "manifest.json").unlink()
    out = tmp_path / "base" / "model"
    fetch_model(ModelSource(path=str(opinionated), min_pixels=3136, max_pixels=12544), out, "0" * 16, "models.base")
    assert opinions(opinionated) == OPINIONS.keys() - {"transformers_version"}
    assert opinions(out) == set()
    ours, theirs = (json.loads((folder / "generation_config.json").read_text()) for folder in (out, opinionated))
    assert ours == {name: theirs[name] for name in ("bos_token_id", "eos_token_id", "pad_token_id")}


def test_a_checkpoint_that_is_saved_again_has_no_opinions(opinionated: Path, tmp_path: Path) -> None:
    load_model(opinionated, "float32").save_pretrained(tmp_path / "saved")
    assert opinions(tmp_path / "saved") == set()
