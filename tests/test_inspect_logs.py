"""Logs for Inspect hold what the study holds, as inspect_ai itself reads them."""

import base64
import io
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from scored_study import CONFIG, LAYOUT, answer, study
from visualzero.cli import main
from visualzero.config import Study
from visualzero.data.image import decode
from visualzero.data.question import read_questions
from visualzero.evaluation.reading.score import read_rows
from visualzero.exporting.inspect_logs import data_uri

__all__ = ["study"]  # the fixture
OF_THE_FILE = {"location", "etag"}
needs_inspect = pytest.mark.skipif(
    find_spec("inspect_ai") is None, reason="inspect_ai is not installed: docs/exports.md says how"
)


def read(name: str) -> Any:
    """A log, images included, by inspect_ai."""
    from inspect_ai.log import read_eval_log

    return read_eval_log(f"build/inspect/demo/{name}.eval", resolve_attachments=True)


def exported(*words: str) -> list[str]:
    main([*CONFIG, "export", "inspect", *words])
    return sorted(path.stem for path in Path("build/inspect/demo").iterdir())


def content_of(uri: str) -> bytes:
    return base64.b64decode(uri.partition(";base64,")[2])


@needs_inspect
def test_a_log_has_the_questions_images_responses_and_scores(study: Study) -> None:
    answer(study, "base-grpo")
    assert exported() == ["base-grpo-1-toyspace"]
    log = read("base-grpo-1-toyspace")
    questions = read_questions(LAYOUT.questions("toyspace"))
    said = read_rows(LAYOUT.predictions("base-grpo", 1, "toyspace"))
    scored = read_rows(LAYOUT.scores("base-grpo", 1, "toyspace"))
    assert (log.status, log.eval.task, log.eval.model, log.results.total_samples) == (
        *("success", "toyspace", "visualzero/base-grpo-1"),
        16,
    )
    for sample, question, response, score in zip(log.samples, questions.itertuples(), said, scored, strict=True):
        image, text = sample.input[0].content
        assert sample.id == question.id == response["id"] == score["id"]
        assert content_of(image.image) == question.image["bytes"]
        assert question.question in text.text
        assert sample.choices == list(question.choices)
        assert sample.target == question.choices[question.answer_index]
        assert sample.output.completion == sample.messages[-1].content == response["response"]
        assert sample.metadata["task"] == question.task
        assert (sample.scores["strict"].value == "C") == score["correct"]
        for scorer, option in score["readings"].items():
            assert sample.scores[scorer].answer == (None if option is None else question.choices[option])
            assert (sample.scores[scorer].value == "C") == (option == question.answer_index)
    assert [log.samples[i].output.choices[0].stop_reason for i in (0, 15)] == ["stop", "max_tokens"]
    found = {score.name: score.metrics["accuracy"].value for score in log.results.scores}
    assert next(iter(found)) == "strict"
    assert found["strict"] == sum(row["correct"] for row in scored) / 16


@needs_inspect
def test_a_control_is_a_log_of_its_own_that_shows_what_was_asked(study: Study) -> None:
    answer(study, "base-grpo", "no_image")
    assert exported("base-grpo") == ["base-grpo-1-toyspace-no_image"]
    log = read("base-grpo-1-toyspace-no_image")
    assert log.eval.task == "toyspace.no_image"
    assert [part.type for part in log.samples[0].input[0].content] == ["text"]


@needs_inspect
def test_the_same_results_give_the_same_log(study: Study) -> None:
    answer(study, "base")
    exported("base", "--out", "build/inspect/demo")
    first = read("base-untrained-toyspace")
    exported("base")
    again = read("base-untrained-toyspace")
    assert again.model_dump(exclude=OF_THE_FILE) == first.model_dump(exclude=OF_THE_FILE)


def told(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one line in which a command says why it does nothing."""
    with pytest.raises(SystemExit):
        exported(*words)
    [line] = capsys.readouterr().err.splitlines()
    assert not Path("build").exists()
    return line


@needs_inspect
def test_what_is_not_there_is_told_in_a_line(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    missing = "error: results/demo/scores: nothing of base-sft is scored: run `snakemake evaluate`"
    assert told(capsys, "base-sft") == missing
    assert "unknown arm 'bas-grpo'; did you mean 'base-grpo'?" in told(capsys, "bas-grpo")
    assert study


def test_inspect_that_is_not_installed_is_told_in_a_line(
    study: Study, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert study
    monkeypatch.setattr("visualzero.exporting.inspect_logs.find_spec", lambda name: None)
    assert told(capsys).startswith("error: inspect_ai: not installed here: pip install inspect_ai==0.3.285, in a copy")


def test_an_image_that_viewers_do_not_show_becomes_a_png_of_the_same_pixels() -> None:
    image = Image.radial_gradient("L").resize((20, 10)).convert("RGB")
    for kind, as_it_is in (("PNG", True), ("JPEG", True), ("TIFF", False), ("PPM", False)):
        made = io.BytesIO()
        image.save(made, kind)
        uri = data_uri(made.getvalue())
        assert uri.startswith(f"data:image/{'jpeg' if kind == 'JPEG' else 'png'};base64,")
        assert (content_of(uri) == made.getvalue()) == as_it_is
        assert decode(content_of(uri)).tobytes() == decode(made.getvalue()).tobytes()
