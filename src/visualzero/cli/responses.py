"""Commands that look at responses, of the study's runs or anybody's."""

from pathlib import Path

from visualzero.cli.commands import (
    Commands,
    Options,
    at_least_one,
    counts,
    part,
    print_text,
    share,
    show,
    study_of,
    takes_json,
)
from visualzero.config import SCORERS, Study
from visualzero.layout import Layout

TITLE = "answers: score them, look at them, compare them"


def add(commands: Commands) -> None:
    """Declare them."""
    score = commands.add(
        "score",
        _score,
        "score anybody's responses: JSONL of id, question, choices, answer_index, response",
        "score mine.jsonl --out scored.jsonl",
        "score mine.jsonl --scorer all --out scored.jsonl",
    )
    score.add_argument("file", type=Path, metavar="FILE")
    score.add_argument(
        "--scorer",
        default="strict",
        metavar="NAME",
        help=f"one of {', '.join(SCORERS)}; all of them (all); of open questions number, yes_no, text",
    )
    score.add_argument("--out", type=Path, required=True, metavar="FILE", help="the same rows with their scores")
    score.add_argument("--think-prefix", action="store_true", help="the prompts had already written <think>")

    compare = commands.add(
        "compare",
        _compare,
        "list the answers that flipped between two runs, with the paired statistics",
        "compare base-grpo base-sft",
        "compare base-grpo/1 base-grpo/2 --json",
        "compare scored-before.jsonl scored-after.jsonl",
    )
    compare.add_argument("a", metavar="A", help="an arm, an arm/seed, or a file that `visualzero score` wrote")
    compare.add_argument("b", metavar="B", help="the one to compare it with")
    compare.add_argument("--benchmark", help="what runs were asked (default: the config's first)")
    compare.add_argument(
        "--margin", type=share, help="difference up to which the two are called equal (default: the config's, 0.02)"
    )
    takes_json(compare)

    _add_power(commands)

    inspect = commands.add(
        "inspect",
        _inspect,
        "show one response: question, prompt, text, every scorer's reading, score",
        "inspect base-grpo bench-3-00000",
        "inspect scored.jsonl some-id",
    )
    inspect.add_argument("name", metavar="RUN", help="an arm, an arm/seed, or a file of responses, scored or not")
    inspect.add_argument("id", metavar="ID", help="the question's id")
    inspect.add_argument("--benchmark", help="what the run was asked (default: the config's first)")


def _add_power(commands: Commands) -> None:
    power = commands.add(
        "power",
        _power,
        "how many seeds and questions a study needs to find a difference",
        "power --difference 0.03",
        "power --discordance 0.3 --seed-sd 0.015 --seeds 3,5,10 --questions 2638",
        "power results/demo/summary.json --pair base-grpo base-sft --difference 0.02",
        "power before.jsonl after.jsonl --seed-sd 0.02 --alpha 0.01",
    )
    power.add_argument(
        "names", nargs="*", metavar="SEEN", help="what has been seen: a summary.json, or two scored files or runs"
    )
    power.add_argument("--pair", nargs=2, metavar=("A", "B"), help="of a summary, these two arms (default: the first)")
    power.add_argument("--benchmark", help="what the arms were asked (default: the first)")
    power.add_argument("--difference", type=share, help="how many questions it takes to find this one (0.03: 3 points)")
    power.add_argument("--seeds", type=counts, default=[1, 2, 3, 5, 10], help="numbers of seeds, such as 1,3,5")
    power.add_argument(
        "--questions", type=counts, default=[150, 400, 800, 2638], help="numbers of questions, such as 800,2638"
    )
    power.add_argument("--discordance", type=share, help="questions that only one arm gets right (default: 0.4)")
    power.add_argument("--seed-sd", type=part, help="standard deviation of the difference over trainings (0.02)")
    power.add_argument("--shared", type=part, help="part of a question's variance that all trainings share (0.5)")
    power.add_argument("--per-image", type=at_least_one, help="questions that share an image (1)")
    power.add_argument("--alike", type=part, help="correlation of the differences of those (0.3)")
    power.add_argument("--power", type=share, default=0.8, help="how often the difference is found (%(default)s)")
    power.add_argument("--alpha", type=share, default=0.05, help="level of the two-sided test (%(default)s)")
    takes_json(power)


def _power(options: Options) -> None:
    from visualzero.evaluation.comparing.sizing import Assumed, plan, plan_text, seen_in

    assumed = Assumed(options.discordance, options.seed_sd, options.shared, options.per_image, options.alike)
    seen = seen_in(options.names, options.pair, lambda: study_of(options), options.benchmark, assumed)
    made = plan(seen, options.seeds, options.questions, options.difference, options.power, options.alpha)
    show(options, made, plan_text)


def _score(options: Options) -> None:
    from visualzero.evaluation.reading.score_file import score_file

    print_text(score_file(options.file, options.out, options.scorer, think_prefix=options.think_prefix))


def _compare(options: Options) -> None:
    from visualzero.evaluation.comparing.compare import compare, comparison_text
    from visualzero.evaluation.comparing.scored import read_scored

    studies: list[tuple[Study, Layout]] = []

    def study() -> tuple[Study, Layout]:
        studies.append(study_of(options))
        return studies[0]

    a, b = (read_scored(name, study, options.benchmark) for name in (options.a, options.b))
    margin = options.margin or (studies[0][0].margin if studies else Study.model_fields["margin"].default)
    show(options, compare(a, b, margin), comparison_text)


def _inspect(options: Options) -> None:
    from visualzero.evaluation.comparing.inspection import inspect_row

    print_text(inspect_row(options.name, options.id, lambda: study_of(options), options.benchmark))
