"""vLLM is used only where it can run and answers as transformers does. None of these tests needs it."""

import importlib.util
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from visualzero.config import Evaluate
from visualzero.errors import UserError
from visualzero.evaluation.answering import transformers_engine, vllm_engine
from visualzero.evaluation.answering.asking import Answer, Asked, Batch, ask
from visualzero.evaluation.answering.engine_agreement import SAMPLE, agreement, require_agreement
from visualzero.models.loading import load_model
from visualzero.models.processor import PREPROCESSOR, ImageProcessor, load_processor

if TYPE_CHECKING:
    import pandas as pd

SETTINGS = Evaluate(max_new_tokens=8, batch_size=4, dtype="float32", threads=1, engine="vllm")
ASKED = [Asked(str(i), "Which is closer?", None, ("the red cube", "the blue ball")) for i in range(100)]


def say(*texts: str) -> list[Answer]:
    return [{"response": text, "n_tokens": 3, "finish_reason": "stop"} for text in texts]


@pytest.fixture
def processor(tiny_model: Path) -> ImageProcessor:
    return load_processor(tiny_model, "r1_zero", 3136, 12544)


# Agreement


@pytest.mark.parametrize(
    ("ours", "theirs", "agrees"),
    [
        ("(A)", "(A)", True),
        ("(A)", "(B)", False),
        ("I see it. </think> <answer> (A) </answer>", "It is near. </think> <answer> the red cube </answer>", True),
        ("I can't say.", "No idea.", False),
        ("I can't say.", "I can't say.", True),
        ("(A)", "I can't say.", False),
    ],
)
def test_engines_agree_on_a_question_by_words_or_by_choice(ours: str, theirs: str, agrees: bool) -> None:
    assert agreement(ASKED[:1], say(ours), say(theirs)) == agrees


def test_the_share_of_agreement_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    require_agreement("vllm", ASKED, say(*["(A)"] * 100), say(*["(A)"] * 95, *["(B)"] * 5))
    assert capsys.readouterr().err == "visualzero: vllm agrees with transformers on 95.0% of 100 questions\n"


def test_too_little_agreement_is_refused() -> None:
    with pytest.raises(UserError, match=r"on 94\.0% of 100 questions, less than 95%: set it to transformers"):
        require_agreement("vllm", ASKED, say(*["(A)"] * 100), say(*["(A)"] * 94, *["(B)"] * 6))


# Where it can't run


def test_without_vllm_the_user_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vllm_engine, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"evaluate\.engine: vllm is not installed"):
        next(vllm_engine.answers([ASKED], Path("none"), None, SETTINGS))


def test_without_a_gpu_the_user_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vllm_engine, "find_spec", lambda name: importlib.util.find_spec("json"))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match=r"evaluate\.engine: vllm needs a CUDA GPU"):
        next(vllm_engine.answers([ASKED], Path("none"), None, SETTINGS))


# The order of things, with transformers in vLLM's place


@pytest.fixture
def started(
    monkeypatch: pytest.MonkeyPatch, tiny_model: Path, processor: ImageProcessor
) -> Iterator[Callable[[Callable[[Answer], Answer]], list[int]]]:
    """A function that puts an engine in vLLM's place, which changes answers as told; it returns the batch sizes."""

    def start(change: Callable[[Answer], Answer]) -> list[int]:
        sizes: list[int] = []

        def respond(batch: Batch) -> list[Answer]:
            sizes.append(len(batch))
            [answers] = transformers_engine.answers([batch], tiny_model, processor, SETTINGS)
            return [change(answer) for answer in answers]

        monkeypatch.setattr(vllm_engine, "require_vllm", lambda: None)
        monkeypatch.setattr(vllm_engine, "start", lambda *arguments: respond)
        return sizes

    return start


def batches_of_four(asked: list[Asked]) -> Iterable[Batch]:
    return [asked[start : start + 4] for start in range(0, len(asked), 4)]


def test_every_batch_is_answered_once(
    started: Callable[..., list[int]],
    tiny_model: Path,
    processor: ImageProcessor,
    toyspace: "pd.DataFrame",
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(vllm_engine, "SAMPLE", 6)
    sizes = started(lambda answer: answer)
    batches = list(batches_of_four(ask(toyspace, processor, "lettered")))
    given = list(vllm_engine.answers(batches, tiny_model, processor, SETTINGS))
    assert sizes == [4, 4, 4, 4]
    assert given == list(transformers_engine.answers(batches, tiny_model, processor, SETTINGS))


def test_no_answer_is_given_by_an_engine_that_disagrees(
    started: Callable[..., list[int]], tiny_model: Path, processor: ImageProcessor, toyspace: "pd.DataFrame"
) -> None:
    started(lambda answer: {**answer, "response": "something else"})
    batches = batches_of_four(ask(toyspace, processor, "lettered"))
    with pytest.raises(UserError, match=r"agrees with transformers on 0\.0% of 16 questions"):
        next(vllm_engine.answers(batches, tiny_model, processor, SETTINGS))
    assert SAMPLE == 100


def test_vllm_gets_a_checkpoint_that_says_how_images_are_sized(
    tmp_path: Path, tiny_model: Path, processor: ImageProcessor
) -> None:
    assert not (tiny_model / PREPROCESSOR).exists(), "a trained arm's folder has none"
    vllm_engine.complete(tiny_model, processor, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {*(path.name for path in tiny_model.iterdir()), PREPROCESSOR}
    assert Qwen2VLImageProcessorPil.from_pretrained(tmp_path).size == processor.image_processor.size
    assert load_model(tmp_path, "float32").num_parameters() == load_model(tiny_model, "float32").num_parameters()


def test_a_question_is_handed_over_with_its_decoded_image(processor: ImageProcessor, toyspace: "pd.DataFrame") -> None:
    [one] = ask(toyspace.iloc[:1], processor, "lettered")
    request = vllm_engine.request(one)
    assert request["prompt"] == one.prompt
    assert request["multi_modal_data"]["image"].size == (112, 112)
    assert vllm_engine.request(one._replace(image=None)) == {"prompt": one.prompt}
