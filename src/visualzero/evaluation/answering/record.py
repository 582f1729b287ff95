"""The manifest of an arm's responses: what made them, and what the model read of the first question, by token."""

from visualzero.config import Study
from visualzero.data.question import read_questions
from visualzero.evaluation.answering.asking import ask
from visualzero.evaluation.answering.control_questions import controlled
from visualzero.jobs import predict_fingerprint
from visualzero.layout import Layout
from visualzero.manifest import write_manifest
from visualzero.models.processor import load_processor, prompt_record


def write_record(
    study: Study, layout: Layout, arm: str, seed: int | str, benchmark: str, control: str | None = None
) -> None:
    """Write the manifest beside an arm's responses to a benchmark or its control questions (`.json` for `.jsonl`)."""
    spec, source, settings = study.arm(arm), study.source(arm), study.evaluation(arm)
    responses = layout.predictions(arm, seed, benchmark, control)
    style = spec.asked_with
    processor = load_processor(layout.weights(study, arm, seed), style, source.min_pixels, source.max_pixels)
    questions = controlled(read_questions(layout.questions(benchmark)), control)
    [first] = ask(questions.head(1), processor, study.data.benchmarks[benchmark].options)
    write_manifest(
        responses.with_suffix(".json"),
        [responses],
        predict_fingerprint(study, arm, benchmark, control),
        run=f"{arm}/{seed}",
        benchmark=benchmark,
        control=control,
        style=style,
        evaluate=settings.model_dump(exclude={"scorer", "shards"}),
        first={"id": first.id, **prompt_record(processor, first.prompt, *first.pictures())},
    )
