"""Logs of Inspect (inspect_ai): each arm's questions, images, responses and scores, as `inspect view` shows them.

A log for each arm, seed and benchmark or control, written by inspect_ai itself. Every scorer of the study is a scorer
of the log. The study's own comes first; its accuracy there is the micro accuracy of summary.json.
"""

import base64
import io
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from visualzero.config import Study
from visualzero.data.image import decode
from visualzero.data.question import images_of, read_questions
from visualzero.errors import UserError
from visualzero.evaluation.answering.control_questions import controlled
from visualzero.evaluation.reading.score import verified_rows
from visualzero.layout import Layout, seeds_of
from visualzero.manifest import sha256, verify
from visualzero.progress import say
from visualzero.prompts import question_text

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog, EvalResults, EvalSample

SHOWN = {"PNG": "image/png", "JPEG": "image/jpeg"}  # what every viewer shows; other images become PNG
STOPS = {"stop": "stop", "length": "max_tokens"}
FACTS = ("task", "source", "image_id", "parse_class", "format")  # of a score row, for the sample's metadata

Row = dict[str, Any]
Evaluation = tuple[str, int | str, str, str | None]
"""Arm, seed, benchmark, control."""


def export_inspect(study: Study, layout: Layout, arms: Sequence[str], out: Path) -> None:
    """Write `<out>/<arm>-<seed>-<benchmark>.eval` of every evaluation of these arms (of all if none is named).

    What isn't scored yet is left out.

    Raises:
        UserError: if inspect_ai is not installed, there is no such arm, or nothing of them is scored.
    """
    if find_spec("inspect_ai") is None:
        raise UserError(
            "inspect_ai: not installed here: pip install inspect_ai==0.3.285, in a copy of this environment, since it"
            " takes an older fsspec"
        )
    from inspect_ai.log import write_eval_log

    for arm in arms:
        study.arm(arm)
    named = arms or list(study.arms)
    found = [one for one in _evaluations(study, named) if layout.scores(*one).is_file()]
    if not found:
        raise UserError(f"{layout.root / 'scores'}: nothing of {', '.join(named)} is scored: run `snakemake evaluate`")
    out.mkdir(parents=True, exist_ok=True)
    for arm, seed, benchmark, control in found:
        asked = f"{benchmark}-{control}" if control else benchmark
        file = out / f"{arm}-{seed}-{asked}.eval"
        write_eval_log(eval_log(study, layout, (arm, seed, benchmark, control)), str(file), format="eval")
        say(str(file))


def eval_log(study: Study, layout: Layout, evaluation: Evaluation) -> "EvalLog":
    """The log of one evaluation; the same results give the same log.

    Raises:
        UserError: if questions, responses or scores are missing, or altered since they were made.
    """
    from inspect_ai.log import EvalConfig, EvalDataset, EvalLog, EvalSpec, EvalStats

    arm, seed, benchmark, control = evaluation
    spec, path = study.arm(arm), layout.scores(*evaluation)
    scores, said = verified_rows(path), {row["id"]: row for row in verified_rows(layout.predictions(*evaluation))}
    verify(layout.questions(benchmark).with_suffix(".json"))
    questions = controlled(read_questions(layout.questions(benchmark)), control)
    options = study.data.benchmarks[benchmark].options
    texts = [question_text(row.question, list(row.choices), options) for row in questions.itertuples()]
    by_id = {row.id: (row, text) for row, text in zip(questions.itertuples(), texts, strict=True)}
    model = f"visualzero/{arm}" + (f"-{seed}" if spec.trained else "")
    scorer = study.evaluate.scorer
    samples = [_sample(*by_id[score["id"]], said[score["id"]], score, scorer, model) for score in scores]
    made, key = datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="seconds"), sha256(path)[:22]
    return EvalLog(
        status="success",
        eval=EvalSpec(
            created=made,
            eval_id=key,
            run_id=key,
            task_id=key,
            task=f"{benchmark}.{control}" if control else benchmark,
            task_args={"scale": study.scale, "prompt": spec.asked_with, "control": control},
            dataset=EvalDataset(name=benchmark, samples=len(samples), sample_ids=[sample.id for sample in samples]),
            model=model,
            model_args={"title": spec.title, "recipe": spec.recipe, "init": spec.init, "seed": seed},
            config=EvalConfig(),
        ),
        results=_results(samples),
        stats=EvalStats(started_at=made, completed_at=made),
        samples=samples,
    )


def _evaluations(study: Study, arms: Sequence[str]) -> Iterator[Evaluation]:
    for arm in arms:
        for seed in seeds_of(study, arm):
            for benchmark in study.data.benchmarks:
                controls = (control for control, asked in study.controls if arm in asked)
                yield from ((arm, seed, benchmark, control) for control in (None, *controls))


def _sample(
    question: Any, text: str, said: dict[str, Any], score: dict[str, Any], scorer: str, model: str
) -> "EvalSample":
    from inspect_ai.log import EvalSample
    from inspect_ai.model import (
        ChatCompletionChoice,
        ChatMessageAssistant,
        ChatMessageUser,
        ContentImage,
        ContentText,
        ModelOutput,
        ModelUsage,
    )
    from inspect_ai.scorer import CORRECT, INCORRECT, Score

    choices, right = list(question.choices), int(question.answer_index)
    image = [ContentImage(image=data_uri(one["bytes"])) for one in images_of(question)]
    asked = ChatMessageUser(id=f"{question.id}-asked", content=[*image, ContentText(text=text)])
    answer = ChatMessageAssistant(id=f"{question.id}-said", content=said["response"], source="generate", model=model)
    readings = {
        scorer: score["prediction"],
        **{name: read for name, read in score["readings"].items() if name != scorer},
    }
    scores = {
        name: Score(
            value=CORRECT if (score["correct"] if name == scorer else read == right) else INCORRECT,
            answer=_given(read, choices, score),
        )
        for name, read in readings.items()
    }
    return EvalSample(
        id=question.id,
        epoch=1,
        input=[asked],
        choices=choices if len(choices) > 1 else None,
        target=choices[right],
        messages=[asked, answer],
        output=ModelOutput(
            model=model,
            choices=[ChatCompletionChoice(message=answer, stop_reason=STOPS.get(said["finish_reason"], "unknown"))],
            usage=ModelUsage(output_tokens=said["n_tokens"], total_tokens=said["n_tokens"]),
        ),
        scores=scores,
        metadata={name: score[name] for name in FACTS},
    )


def _given(read: int | None, choices: list[str], score: dict[str, Any]) -> str | None:
    """The answer that a scorer has read: an option's text, or to an open question the words."""
    if read is None:
        return None
    return choices[read] if len(choices) > 1 else score.get("read")


def _results(samples: "Sequence[EvalSample]") -> "EvalResults":
    """Accuracy under each scorer."""
    from inspect_ai.log import EvalMetric, EvalResults, EvalScore
    from inspect_ai.scorer import CORRECT

    accuracies = {
        name: sum((sample.scores or {})[name].value == CORRECT for sample in samples) / len(samples)
        for name in samples[0].scores or ()
    }
    scores = [
        EvalScore(name=name, scorer=name, metrics={"accuracy": EvalMetric(name="accuracy", value=accuracy)})
        for name, accuracy in accuracies.items()
    ]
    return EvalResults(total_samples=len(samples), completed_samples=len(samples), scores=scores)


def data_uri(content: bytes) -> str:
    """An encoded image as a data URI: the same bytes if every viewer shows its format, else as PNG."""
    with Image.open(io.BytesIO(content)) as image:
        kind = SHOWN.get(image.format or "")
    if kind is None:
        made = io.BytesIO()
        decode(content).save(made, "PNG")
        kind, content = SHOWN["PNG"], made.getvalue()
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
