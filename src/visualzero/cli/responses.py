"""Commands that look at responses, of the study's runs or anybody's."""

from pathlib import Path

from visualzero.cli.commands import Commands, Options, print_text, show, study_of, takes_json
from visualzero.config import SCORERS


def add(commands: Commands) -> None:
    """Declare them."""
    score = commands.add(
        "score", _score, "score anybody's responses: JSONL of id, question, choices, answer_index, response"
    )
    score.add_argument("file", type=Path, metavar="FILE")
    score.add_argument("--scorer", default="strict", metavar="NAME", help=f"one of {', '.join(SCORERS)}, or all")
    score.add_argument("--out", type=Path, required=True, metavar="FILE", help="the same rows with their scores")
    score.add_argument("--think-prefix", action="store_true", help="the prompts had already written <think>")

    compare = commands.add(
        "compare", _compare, "list the answers that flipped between two runs, with the paired statistics"
    )
    compare.add_argument("a", metavar="A", help="an arm, an arm/seed, or a file that `visualzero score` wrote")
    compare.add_argument("b", metavar="B", help="the one to compare it with")
    compare.add_argument("--benchmark", help="what runs were asked (default: the config's first)")
    takes_json(compare)

    inspect = commands.add(
        "inspect", _inspect, "show one response: question, prompt, text, every scorer's reading, score"
    )
    inspect.add_argument("name", metavar="RUN", help="an arm, an arm/seed, or a file of responses, scored or not")
    inspect.add_argument("id", metavar="ID", help="the question's id")
    inspect.add_argument("--benchmark", help="what the run was asked (default: the config's first)")


def _score(options: Options) -> None:
    from visualzero.evaluation.reading.score_file import score_file

    print_text(score_file(options.file, options.out, options.scorer, think_prefix=options.think_prefix))


def _compare(options: Options) -> None:
    from visualzero.evaluation.comparing.compare import compare, comparison_text
    from visualzero.evaluation.comparing.scored import read_scored

    sides = [read_scored(name, lambda: study_of(options), options.benchmark) for name in (options.a, options.b)]
    show(options, compare(*sides), comparison_text)


def _inspect(options: Options) -> None:
    from visualzero.evaluation.comparing.inspection import inspect_row

    print_text(inspect_row(options.name, options.id, lambda: study_of(options), options.benchmark))
