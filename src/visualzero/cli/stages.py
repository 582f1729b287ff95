"""Commands that a rule of the workflow runs, in the order of the study."""

from collections.abc import Callable

from visualzero.cli.commands import (
    Commands,
    Options,
    benchmark_of,
    loading,
    seed_of,
    study_of,
    takes_arm,
    takes_benchmark,
)
from visualzero.config import Study
from visualzero.errors import UserError
from visualzero.layout import Layout

TITLE = "the study, a job at a time (snakemake runs these)"


def add(commands: Commands) -> None:
    """Declare them."""
    questions = commands.add(
        "questions",
        _questions,
        "make the Question table of `train` or of a benchmark",
        "questions train",
        "questions toyspace",
        "questions cvbench --scale paper",
    )
    questions.add_argument("name", help="train, or a benchmark of data.benchmarks")
    model = commands.add("model", _model, "fetch an initial model", "model base", "model instruct --scale paper")
    model.add_argument("init", choices=("base", "instruct"))
    train = commands.add(
        "train",
        _train,
        "train an arm with a seed, from its last checkpoint if there is one",
        "train base-grpo",
        "train base-sft --seed 2 --set 'seeds=[1,2]'",
    )
    takes_arm(train)

    predict = commands.add(
        "predict",
        _predict,
        "let an arm answer a benchmark",
        "predict base-grpo toyspace",
        "predict base-grpo toyspace --control no_image",
        "predict base-grpo toyspace --shard 2-of-4",
    )
    gather = commands.add(
        "gather",
        _gather,
        "join the evaluate.shards parts of an arm's responses to a benchmark",
        "gather base-grpo toyspace",
    )
    score = commands.add(
        "score-arm", _score_arm, "score an arm's responses to a benchmark", "score-arm base-grpo toyspace"
    )
    for parser in (predict, gather, score):
        takes_arm(parser)
        takes_benchmark(parser)
    predict.add_argument("--shard", metavar="N-of-M", help="answer this part of it only, such as 2-of-4")
    predict.add_argument("--checkpoint", type=int, metavar="STEP", help="with the weights kept of this step")

    sample = commands.add(
        "sample",
        _sample,
        "draw an arm's samples of answers (causes.sampling)",
        "sample base-grpo --set 'causes.sampling={}'",
        "sample base-grpo --shard 2-of-4 --set 'causes.sampling={}'",
    )
    sample.add_argument("--shard", metavar="N-of-M", help="draw this part of them only, such as 2-of-4")
    gather_samples = commands.add(
        "gather-samples",
        _gather_samples,
        "join the evaluate.shards parts of an arm's samples",
        "gather-samples base-grpo --set 'causes.sampling={}'",
    )
    read_samples = commands.add(
        "read-samples",
        _read_samples,
        "have every scorer read an arm's samples",
        "read-samples base-grpo --set 'causes.sampling={}'",
    )
    intervene = commands.add(
        "intervene",
        _intervene,
        "alter an arm's thoughts and let it go on (causes.interventions)",
        "intervene base-grpo --set 'causes.interventions={}'",
        "intervene base-grpo --shard 2-of-4 --set 'causes.interventions={}'",
    )
    intervene.add_argument("--shard", metavar="N-of-M", help="take this part of them only, such as 2-of-4")
    gather_interventions = commands.add(
        "gather-interventions",
        _gather_interventions,
        "join the evaluate.shards parts of an arm's answers from altered thoughts",
        "gather-interventions base-grpo --set 'causes.interventions={}'",
    )
    read_interventions = commands.add(
        "read-interventions",
        _read_interventions,
        "read an arm's answers from altered thoughts",
        "read-interventions base-grpo --set 'causes.interventions={}'",
    )
    of_causes = (sample, gather_samples, read_samples, intervene, gather_interventions, read_interventions)
    for parser in of_causes:
        takes_arm(parser)

    curve = commands.add(
        "curve", _curve, "accuracy against steps, from the answers of the checkpoints that runs keep", "curve"
    )
    summarize = commands.add("summarize", _summarize, "every number of the study in one JSON file", "summarize")
    report = commands.add("report", _report, "the page, with CSV and Markdown tables", "report", "report --partial")
    report.add_argument(
        "--partial", action="store_true", help="what is scored so far, in work/<scale>/partial, while the study runs"
    )
    for parser in (questions, model, train, predict, gather, score, *of_causes, curve, summarize, report):
        parser.add_argument("--planned", metavar="FINGERPRINT", help="do nothing unless it is made from exactly this")


def _made_from(options: Options, layout: Layout, parts: dict[str, str]) -> str:
    """The fingerprint of what a job is made from, which is kept for `visualzero why`.

    Raises:
        UserError: if it isn't the one that was planned: Snakemake would note that one, and later believe it.
    """
    from visualzero.fingerprint import digest
    from visualzero.reruns.ledger import remember

    made_from = digest(parts)
    if options.planned not in (None, made_from):
        raise UserError(
            f"code, config or envs: not those that Snakemake has planned this job with ({options.planned}, here"
            f" {made_from}): they were edited since, or other code runs here: run snakemake again"
        )
    remember(layout, parts)
    return made_from


def _questions(options: Options) -> None:
    from visualzero.data.build import build_questions
    from visualzero.jobs import data_parts

    study, layout = study_of(options)
    if options.name == "train":
        key, source, listed = "data.train", study.data.train, study.data.train_options
    else:
        key = f"data.benchmarks.{options.name}.source"
        benchmark = study.data.benchmarks[benchmark_of(study, options.name)]
        source, listed = benchmark.source, benchmark.options
    made_from = _made_from(options, layout, data_parts(study, options.name))
    build_questions(source, layout.questions(options.name), made_from, key, listed)


def _model(options: Options) -> None:
    from visualzero.jobs import model_parts
    from visualzero.models.fetching import fetch_model

    study, layout = study_of(options)
    source = getattr(study.models, options.init)
    key = f"models.{options.init}"
    fetch_model(source, layout.model(options.init), _made_from(options, layout, model_parts(study, options.init)), key)


def _train(options: Options) -> None:
    study, layout = study_of(options)
    seed = seed_of(options, study)
    if study.arm(options.arm).trained:
        from visualzero.jobs import run_parts
        from visualzero.training.trackers import prepare_trackers

        made_from = _made_from(options, layout, run_parts(study, options.arm, seed))
        prepare_trackers(study.trackers, layout.trackers, f"{options.arm}/{seed}/{made_from[:8]}")
    with loading():
        from visualzero.stages import train_arm  # loads torch, for which a misspelt arm needn't wait

    train_arm(study, layout, options.arm, seed)


def _predict(options: Options) -> None:
    from visualzero.evaluation.answering.shards import Shard
    from visualzero.jobs import predict_parts

    study, layout = study_of(options)
    benchmark, seed = benchmark_of(study, options.benchmark), seed_of(options, study)
    _made_from(options, layout, predict_parts(study, options.arm, benchmark, options.control))
    shard = Shard.parse(options.shard) if options.shard else None
    with loading():
        from visualzero.stages import predict_arm  # loads torch

    predict_arm(study, layout, options.arm, seed, benchmark, options.control, shard, options.checkpoint)


def _gather(options: Options) -> None:
    from visualzero.evaluation.answering.gather import gather_arm
    from visualzero.jobs import predict_parts

    study, layout = study_of(options)
    benchmark, seed = benchmark_of(study, options.benchmark), seed_of(options, study)
    _made_from(options, layout, predict_parts(study, options.arm, benchmark, options.control))
    gather_arm(study, layout, options.arm, seed, benchmark, options.control)
    with loading():
        from visualzero.evaluation.answering.record import write_record  # loads transformers

    write_record(study, layout, options.arm, seed, benchmark, options.control)


def _score_arm(options: Options) -> None:
    from visualzero.evaluation.reading.score import score_arm
    from visualzero.jobs import score_parts

    study, layout = study_of(options)
    benchmark = benchmark_of(study, options.benchmark)
    _made_from(options, layout, score_parts(study, options.arm))
    score_arm(study, layout, options.arm, seed_of(options, study), benchmark, options.control)


def _run_of(options: Options, parts_of: Callable[[Study, str], dict[str, str]]) -> tuple[Study, Layout, int | str]:
    """The study, its layout and the seed of the run that a job is about, once that is made from what was planned.

    Raises:
        UserError: as `_made_from`.
    """
    study, layout = study_of(options)
    seed = seed_of(options, study)
    _made_from(options, layout, parts_of(study, options.arm))
    return study, layout, seed


def _sample(options: Options) -> None:
    from visualzero.evaluation.answering.shards import Shard
    from visualzero.jobs import sample_parts

    study, layout, seed = _run_of(options, sample_parts)
    shard = Shard.parse(options.shard) if options.shard else None
    with loading():
        from visualzero.causes.sample import sample_arm  # loads torch

    sample_arm(study, layout, options.arm, seed, shard)


def _gather_samples(options: Options) -> None:
    from visualzero.causes.gathering import gather_samples
    from visualzero.jobs import sample_parts

    study, layout, seed = _run_of(options, sample_parts)
    gather_samples(study, layout, options.arm, seed)


def _read_samples(options: Options) -> None:
    from visualzero.causes.reading import read_samples
    from visualzero.jobs import sample_scores_parts

    study, layout, seed = _run_of(options, sample_scores_parts)
    read_samples(study, layout, options.arm, seed)


def _intervene(options: Options) -> None:
    from visualzero.evaluation.answering.shards import Shard
    from visualzero.jobs import intervention_parts

    study, layout, seed = _run_of(options, intervention_parts)
    shard = Shard.parse(options.shard) if options.shard else None
    with loading():
        from visualzero.causes.intervene import intervene_arm  # loads torch

    intervene_arm(study, layout, options.arm, seed, shard)


def _gather_interventions(options: Options) -> None:
    from visualzero.causes.intervene import gather_interventions
    from visualzero.jobs import intervention_parts

    study, layout, seed = _run_of(options, intervention_parts)
    gather_interventions(study, layout, options.arm, seed)


def _read_interventions(options: Options) -> None:
    from visualzero.causes.reading_altered import read_interventions
    from visualzero.jobs import intervention_scores_parts

    study, layout, seed = _run_of(options, intervention_scores_parts)
    read_interventions(study, layout, options.arm, seed)


def _curve(options: Options) -> None:
    from visualzero.evaluation.summary.curve import curve_study
    from visualzero.jobs import curve_parts

    study, layout = study_of(options)
    _made_from(options, layout, curve_parts(study))
    curve_study(study, layout)


def _summarize(options: Options) -> None:
    from visualzero.evaluation.summary.summarize import summarize_study
    from visualzero.jobs import summary_parts

    study, layout = study_of(options)
    _made_from(options, layout, summary_parts(study))
    summarize_study(study, layout)


def _report(options: Options) -> None:
    from visualzero.jobs import report_parts
    from visualzero.report.build import report_study

    study, layout = study_of(options)
    if options.partial:
        from visualzero.report.partial import report_so_far

        report_so_far(study, layout)
        return
    _made_from(options, layout, report_parts(study))
    report_study(study, layout)
