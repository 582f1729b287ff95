"""Entropy where a thought reconsiders: that of the distribution that each token was drawn from."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from visualzero.causes.certainty import Reconsidered, certainty, thought_entropies
from visualzero.config import Evaluate
from visualzero.evaluation.answering.asking import Asked, ask
from visualzero.evaluation.answering.preparing import prepare
from visualzero.models.loading import load_model
from visualzero.models.processor import ImageProcessor, load_processor

if TYPE_CHECKING:
    import pandas as pd

pytestmark = pytest.mark.usefixtures("one_thread")
SETTINGS = Evaluate(max_new_tokens=8, batch_size=3, dtype="float32", threads=1)
BEFORE, THOUGHT = "The cube is left.", "The cube is left. Wait, let me check again.</think>"


@pytest.fixture(scope="module")
def processor(tiny_model: Path) -> ImageProcessor:
    return load_processor(tiny_model, "r1_zero", 3136, 12544)


@pytest.fixture
def one(processor: ImageProcessor, toyspace: "pd.DataFrame") -> Asked:
    return ask(toyspace.iloc[:1], processor, "lettered")[0]


def count(processor: ImageProcessor, text: str) -> int:
    return len(processor.tokenizer(text, add_special_tokens=False)["input_ids"])


def test_entropies_are_those_of_the_tokens_predictions_one_at_a_time(
    one: Asked, tiny_model: Path, processor: ImageProcessor
) -> None:
    model = load_model(tiny_model, "float32")
    tokens = count(processor, one.prompt + THOUGHT) - count(processor, one.prompt)
    found = thought_entropies(model, processor, one, THOUGHT, tokens)
    assert found.shape == (tokens,)
    whole = prepare([one._replace(prompt=one.prompt + THOUGHT)], processor)
    for place in (0, tokens // 2, tokens - 1):
        upto = whole["input_ids"].shape[1] - tokens + place
        inputs = {
            key: value if key in ("pixel_values", "image_grid_thw") else value[:, :upto] for key, value in whole.items()
        }
        logs = model(**inputs).logits[0, -1].detach().log_softmax(-1)
        assert found[place].item() == pytest.approx(float(-(logs.exp() * logs).sum()), rel=1e-3, abs=1e-4)


def test_the_cue_is_the_first_token_behind_what_stands_before_it(
    one: Asked, tiny_model: Path, processor: ImageProcessor
) -> None:
    thoughts = {one.id: Reconsidered(THOUGHT, BEFORE)}
    [[found]] = certainty([[one]], thoughts, tiny_model, processor, SETTINGS)
    tokens = count(processor, one.prompt + THOUGHT) - count(processor, one.prompt)
    each = thought_entropies(load_model(tiny_model, "float32"), processor, one, THOUGHT, tokens)
    place = count(processor, one.prompt + BEFORE) - count(processor, one.prompt)
    assert found["entropy"]
    assert found["entropy"]["cue"] == pytest.approx(each[place].item(), rel=1e-4)
    assert found["entropy"]["n"] == tokens - 1
    rest = torch.cat([each[:place], each[place + 1 :]])
    assert found["entropy"]["others"] == pytest.approx(rest.mean().item(), rel=1e-4)


def test_a_question_without_a_cue_has_none(one: Asked, tiny_model: Path, processor: ImageProcessor) -> None:
    assert list(certainty([[one]], {}, tiny_model, processor, SETTINGS)) == [[{"entropy": None}]]
