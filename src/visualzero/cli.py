"""The command line: one command per stage, the same code that the workflow's rules call.

    visualzero train base-grpo --seed 1

Without further options a command reads config/config.yaml and uses the paths of `layout.py`, so the commands can be run
by hand in the order of the stages.
"""

import argparse
import errno
import json
import os
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from visualzero import __version__
from visualzero.config import CONTROLS, SCORERS, Study, read_study
from visualzero.errors import UserError
from visualzero.layout import UNTRAINED, Layout


def main(arguments: list[str] | None = None) -> None:
    """Run a command; mistakes of the user end in one line and exit code 1."""
    options = _parser().parse_args(arguments)
    try:
        options.command(options)
    except UserError as error:
        _fail(str(error))
    except KeyboardInterrupt:
        _fail("interrupted: run the same command again to go on", 130)
    except BrokenPipeError:  # the reader has seen enough, as in `visualzero plan | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if not disk_full(error):
            raise
        _fail(f"no space left on the disk of {Path.cwd()} or of a temporary folder: free some and run again")


# What safetensors, and torch.save in its several ways, say of a full disk.
FULL = ("No space left on device", "file write failed", "unexpected pos ", "basic_ios::clear: iostream error")


def disk_full(error: BaseException | None) -> bool:
    """Whether a full disk is behind an error; torch and safetensors report that in a text only."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        if any(text in str(error) for text in FULL):
            return True
        error = error.__cause__ or error.__context__
    return False


def _fail(message: str, code: int = 1) -> None:
    for line in message.splitlines():
        print(f"error: {line}", file=sys.stderr, flush=True)
    sys.exit(code)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="visualzero", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    parser.add_argument(
        "--config", type=Path, default=Path("config/config.yaml"), help="the study (default: %(default)s)"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="override a config key, such as grpo.steps=10"
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], None], text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(command=run)
        return sub

    sub = command("questions", _questions, "make the Question table of `train` or of a benchmark")
    sub.add_argument("name", help="train, or a benchmark of data.benchmarks")
    sub = command("model", _model, "fetch an initial model")
    sub.add_argument("init", choices=("base", "instruct"))
    sub = command("train", _train, "train an arm with a seed, from its last checkpoint if there is one")
    _arm(sub)
    sub = command("predict", _predict, "let an arm answer a benchmark")
    _arm(sub)
    _benchmark_and_control(sub)
    sub.add_argument("--shard", metavar="N-of-M", help="answer this part of it only, such as 2-of-4")
    sub.add_argument("--checkpoint", type=int, metavar="STEP", help="with the weights kept of this step")
    sub = command("gather", _gather, "join the evaluate.shards parts of an arm's responses to a benchmark")
    _arm(sub)
    _benchmark_and_control(sub)
    sub = command("score-arm", _score_arm, "score an arm's responses to a benchmark")
    _arm(sub)
    _benchmark_and_control(sub)
    sub = command("score", _score, "score anybody's responses: JSONL of id, question, choices, answer_index, response")
    sub.add_argument("file", type=Path, metavar="FILE")
    sub.add_argument("--scorer", default="strict", metavar="NAME", help=f"one of {', '.join(SCORERS)}, or all")
    sub.add_argument("--out", type=Path, required=True, metavar="FILE", help="the same rows with their scores")
    sub.add_argument("--think-prefix", action="store_true", help="the prompts had already written <think>")
    sub = command("compare", _compare, "list the answers that flipped between two runs, with the paired statistics")
    sub.add_argument("a", metavar="A", help="an arm, an arm/seed, or a file that `visualzero score` wrote")
    sub.add_argument("b", metavar="B", help="the one to compare it with")
    sub.add_argument("--benchmark", help="what runs were asked (default: the config's first)")
    sub.add_argument("--json", action="store_true", help="write JSON")
    sub = command("inspect", _inspect, "show one response: question, prompt, text, every scorer's reading, score")
    sub.add_argument("name", metavar="RUN", help="an arm, an arm/seed, or a file of responses, scored or not")
    sub.add_argument("id", metavar="ID", help="the question's id")
    sub.add_argument("--benchmark", help="what the run was asked (default: the config's first)")
    command("curve", _curve, "accuracy against steps, from the answers of the checkpoints that runs keep")
    command("summarize", _summarize, "every number of the study in one JSON file")
    command("report", _report, "the page, with CSV and Markdown tables")
    sub = command("rewards", _rewards, "list the reward terms, or try one on recorded completions")
    tries = sub.add_subparsers(metavar="[try TERM FILE]")
    sub = tries.add_parser("try", help="what a term would have paid", description="what a term would have paid")
    sub.add_argument("term", metavar="TERM")
    sub.add_argument("file", type=Path, metavar="FILE", help="a run's rollouts.parquet, or JSONL with completions")
    sub.add_argument("--json", action="store_true", help="write JSON")
    sub.set_defaults(command=_try_reward)
    sub = command("why", _why, "what would run now, and for which change")
    sub.add_argument("target", nargs="?", default="all", help="a target of the Snakefile (default: %(default)s)")
    sub.add_argument("--json", action="store_true", help="write JSON")
    command("hydrate", _hydrate, "after dvc pull or checkout: verify the results and let Snakemake believe in them")
    command("fingerprints", _fingerprints, "write what each stage is made from, for DVC: dvc.yaml's first stage")
    sub = command("plan", _plan, "what the study costs before it is run: tokens, FLOPs, GPU memory and hours, disk")
    sub.add_argument("--gpu", metavar="NAME", help="a GPU such as H100-80GB (default: the paper's; in float32 a CPU)")
    sub.add_argument("--gpus", type=int, default=1, metavar="N", help="GPUs of a training run (default: %(default)s)")
    sub.add_argument("--reasoning", type=int, metavar="TOKENS", help="assumed mean length of completions that reason")
    sub.add_argument("--json", action="store_true", help="write JSON")
    sub = command("doctor", _doctor, "check this machine, or this login node and its cluster, before anything is run")
    sub.add_argument(
        "--profile", type=Path, metavar="FOLDER", help="the profile (default: slurm, where there is sbatch)"
    )
    _cluster_commands(command("cluster", _nothing, "a private SLURM on this machine, to try --profile slurm on"))
    command("schema", _schema, "write config/schema from the config's types")
    sub = command("tiny-models", _tiny_models, "train the demo scale's two initial models from a seed")
    sub.add_argument("--out", type=Path, default=Path("models"))
    sub.add_argument("--seed", type=int, default=0)
    return parser


def _cluster_commands(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")
    start = actions.add_parser("up", help="start it: slurmctld, slurmd and munged in a folder of their own")
    start.set_defaults(command=_cluster_up)
    start.add_argument("--nodes", type=int, default=2, help="nodes n1, n2, ... (default: %(default)s)")
    start.add_argument("--gpus", type=int, default=2, help="fake GPUs of each node (default: %(default)s)")
    start.add_argument(
        "--cpus", type=int, default=os.cpu_count() or 1, help="CPUs of each node (default: this machine's)"
    )
    start.add_argument("--accounting", action="store_true", help="with slurmdbd and MariaDB, for sacct and accounts")
    stop = actions.add_parser("down", help="cancel its jobs and stop it")
    stop.set_defaults(command=_cluster_down)
    for action in (start, stop):
        action.add_argument("--folder", type=Path, default=Path("work/cluster"), help="default: %(default)s")


def _nothing(options: argparse.Namespace) -> None:
    """Stands where a command's actions do the work."""


def _arm(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("arm")
    parser.add_argument("--seed", default=None, help=f"a seed of the config (default: its first), or {UNTRAINED}")


def _benchmark_and_control(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("benchmark")
    parser.add_argument("--control", choices=CONTROLS, help="ask its control questions of this kind instead")


def _study(options: argparse.Namespace) -> tuple[Study, Layout]:
    study = read_study(options.config, options.set)
    return study, Layout(study.scale)


def _made_from(layout: Layout, parts: dict[str, str]) -> str:
    """The fingerprint of what a job is made from, which is kept for `visualzero why`."""
    from visualzero.fingerprint import digest
    from visualzero.reruns.ledger import remember

    remember(layout, parts)
    return digest(parts)


def _seed(options: argparse.Namespace, study: Study) -> int | str:
    if not study.arm(options.arm).trained:
        return UNTRAINED
    if options.seed is None:
        return study.seeds[0]
    if not options.seed.isdecimal():
        raise UserError(f"--seed {options.seed}: not a whole number: '{options.arm}' is trained, so it needs one")
    return int(options.seed)


def _questions(options: argparse.Namespace) -> None:
    from visualzero.data.build import build_questions
    from visualzero.jobs import data_parts

    study, layout = _study(options)
    if options.name != "train":
        _benchmark(study, options.name)
    train = options.name == "train"
    source = study.data.train if train else study.data.benchmarks[options.name].source
    key = "data.train" if train else f"data.benchmarks.{options.name}.source"
    build_questions(source, layout.questions(options.name), _made_from(layout, data_parts(study, options.name)), key)


def _benchmark(study: Study, name: str) -> None:
    from visualzero.config.naming import unknown

    if name not in study.data.benchmarks:
        raise UserError(unknown("benchmark", name, study.data.benchmarks))


def _model(options: argparse.Namespace) -> None:
    from visualzero.jobs import model_parts
    from visualzero.models.fetching import fetch_model

    study, layout = _study(options)
    source = getattr(study.models, options.init)
    key = f"models.{options.init}"
    fetch_model(source, layout.model(options.init), _made_from(layout, model_parts(study, options.init)), key)


def _train(options: argparse.Namespace) -> None:
    study, layout = _study(options)
    seed = _seed(options, study)
    if study.arm(options.arm).trained:
        from visualzero.jobs import run_parts

        _made_from(layout, run_parts(study, options.arm, seed))
    from visualzero.stages import train_arm  # loads torch, for which a misspelt arm needn't wait

    train_arm(study, layout, options.arm, seed)


def _predict(options: argparse.Namespace) -> None:
    from visualzero.evaluation.shards import Shard
    from visualzero.jobs import predict_parts

    study, layout = _study(options)
    _benchmark(study, options.benchmark)
    seed = _seed(options, study)
    _made_from(layout, predict_parts(study, options.arm, options.benchmark, options.control))
    shard = Shard.parse(options.shard) if options.shard else None
    from visualzero.stages import predict_arm  # loads torch

    predict_arm(study, layout, options.arm, seed, options.benchmark, options.control, shard, options.checkpoint)


def _gather(options: argparse.Namespace) -> None:
    from visualzero.evaluation.gather import gather_arm

    study, layout = _study(options)
    _benchmark(study, options.benchmark)
    gathered = (study, layout, options.arm, _seed(options, study), options.benchmark, options.control)
    gather_arm(*gathered)
    from visualzero.evaluation.record import write_record  # loads transformers

    write_record(*gathered)


def _score_arm(options: argparse.Namespace) -> None:
    from visualzero.evaluation.score import score_arm
    from visualzero.jobs import score_parts

    study, layout = _study(options)
    _benchmark(study, options.benchmark)
    _made_from(layout, score_parts(study, options.arm))
    score_arm(study, layout, options.arm, _seed(options, study), options.benchmark, options.control)


def _score(options: argparse.Namespace) -> None:
    from visualzero.evaluation.score_file import score_file

    _print(score_file(options.file, options.out, options.scorer, think_prefix=options.think_prefix))


def _compare(options: argparse.Namespace) -> None:
    from visualzero.evaluation.compare import compare, comparison_text
    from visualzero.evaluation.scored import read_scored

    sides = [read_scored(name, lambda: _study(options), options.benchmark) for name in (options.a, options.b)]
    result = compare(*sides)
    _print(json.dumps(result, indent=2) if options.json else comparison_text(result))


def _inspect(options: argparse.Namespace) -> None:
    from visualzero.evaluation.inspection import inspect_row

    _print(inspect_row(options.name, options.id, lambda: _study(options), options.benchmark))


def _print(text: str) -> None:
    """Print a text of models and data, whatever characters are in it, to a reader that may stop early (`| head`)."""
    try:
        print(text.encode("utf-8", "replace").decode("utf-8"), flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _curve(options: argparse.Namespace) -> None:
    from visualzero.evaluation.curve import curve_study

    curve_study(*_study(options))


def _summarize(options: argparse.Namespace) -> None:
    from visualzero.evaluation.summarize import summarize_study
    from visualzero.jobs import summary_parts

    study, layout = _study(options)
    _made_from(layout, summary_parts(study))
    summarize_study(study, layout)


def _report(options: argparse.Namespace) -> None:
    from visualzero.jobs import report_parts
    from visualzero.report.build import report_study

    study, layout = _study(options)
    _made_from(layout, report_parts(study))
    report_study(study, layout)


def _rewards(options: argparse.Namespace) -> None:
    from visualzero.trial import terms_text

    _print(terms_text(_study(options)[0]))


def _try_reward(options: argparse.Namespace) -> None:
    from visualzero.trial import trial_text, try_term

    found = try_term(*_study(options), options.term, options.file)
    _print(json.dumps(found, indent=2) if options.json else trial_text(found))


def _why(options: argparse.Namespace) -> None:
    from snakemake.exceptions import WorkflowError

    from visualzero.reruns.plan import plan
    from visualzero.reruns.why import why, why_text

    study, layout = _study(options)
    try:
        planned = plan(options.set, options.target)
    except WorkflowError as error:
        raise UserError(str(error).strip()) from None
    found = why(study, layout, planned)
    _print(json.dumps(found, indent=2) if options.json else why_text(found))


def _hydrate(options: argparse.Namespace) -> None:
    from visualzero.reruns.hydrate import hydrate

    hydrate(*_study(options))


def _fingerprints(options: argparse.Namespace) -> None:
    from visualzero.reruns.lineage import write_fingerprints

    write_fingerprints(*_study(options))


def _plan(options: argparse.Namespace) -> None:
    from visualzero.planning.plan import plan_study
    from visualzero.planning.table import text_of

    plan = plan_study(*_study(options), options.gpu, options.gpus, options.reasoning)
    print(json.dumps(plan.as_dict(), indent=2) if options.json else text_of(plan))


def _doctor(options: argparse.Namespace) -> None:
    from visualzero.doctor.checks import examine
    from visualzero.doctor.finding import text_of
    from visualzero.doctor.profile import read_profile

    folder = options.profile or (Path("slurm") if shutil.which("sbatch") else None)
    failed = False
    for finding in examine(*_study(options), read_profile(folder) if folder else None):
        _print(text_of([finding]))
        failed |= finding.level == "fail"
    if failed:
        sys.exit(1)


def _cluster_up(options: argparse.Namespace) -> None:
    from visualzero.cluster import Cluster, up

    folder = options.folder.absolute()
    up(Cluster(folder, options.nodes, options.gpus, options.cpus, accounting=options.accounting))
    print(f"export PATH={shlex.quote(str(folder / 'bin'))}:$PATH")


def _cluster_down(options: argparse.Namespace) -> None:
    from visualzero.cluster import down

    down(options.folder.absolute())


def _schema(options: argparse.Namespace) -> None:
    from visualzero.config import write_schema

    write_schema(Path("config/schema/study.schema.json"))


def _tiny_models(options: argparse.Namespace) -> None:
    from visualzero.models.tiny.build import build_tiny_models

    build_tiny_models(options.out, options.seed)


def run() -> None:
    """Entry point: quiet libraries, then `main`."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    main()
