"""Commands for the project itself: files that are made from its code and kept in git, and completion in a shell."""

from pathlib import Path

from visualzero.cli.commands import Commands, Options

TITLE = "upkeep"
SHELLS = ("bash", "zsh", "tcsh")


def add(commands: Commands) -> None:
    """Declare them."""
    completion = commands.add(
        "completion",
        _completion,
        "print what lets a shell complete commands and options",
        'completion bash > "${XDG_DATA_HOME:-$HOME/.local/share}/bash-completion/completions/visualzero"',
        "completion zsh > ~/.zfunc/_visualzero",
    )
    completion.add_argument("shell", choices=SHELLS)
    commands.add("schema", _schema, "write config/schema from the config's types", "schema")
    models = commands.add(
        "tiny-models", _tiny_models, "train the demo scale's two initial models from a seed", "tiny-models --out models"
    )
    models.add_argument("--out", type=Path, default=Path("models"))
    models.add_argument("--seed", type=int, default=0)
    measure = commands.add(
        "tiny-measure",
        _tiny_measure,
        "measure what these two can, on validation scenes (docs/toyspace.md); fails if they miss a measure",
        "tiny-measure",
        "tiny-measure --questions 200 --seed 1",
    )
    measure.add_argument("--models", type=Path, default=Path("models"), help="the folder that holds them")
    measure.add_argument("--questions", type=int, default=1000)
    measure.add_argument("--seed", type=int, default=0, help="of the scenes and of what is sampled")
    expected = commands.add(
        "tiny-expected",
        _tiny_expected,
        "judge what was expected of the study with these two (docs/toyspace.md)",
        "tiny-expected results/demo",
    )
    expected.add_argument("results", type=Path, nargs="?", default=Path("results/demo"))


def _completion(options: Options) -> None:
    import shtab

    from visualzero.cli import parser

    whole = parser()
    for action in whole._actions:
        if action.dest == "name_of_command":
            action.help = None  # the help lists commands itself; shtab leaves out what has none
    print(shtab.complete(whole, options.shell))


def _schema(options: Options) -> None:
    from visualzero.config import write_schema

    write_schema(Path("config/schema/study.schema.json"))


def _tiny_models(options: Options) -> None:
    from visualzero.models.tiny.build import build_tiny_models

    build_tiny_models(options.out, options.seed)


def _tiny_measure(options: Options) -> None:
    from visualzero.models.tiny.build import measure_tiny_models

    measure_tiny_models(options.models, options.questions, options.seed)


def _tiny_expected(options: Options) -> None:
    from visualzero import results
    from visualzero.models.tiny.expected import judge

    for one in judge(results(options.results)):
        print(f"{one.name} {one.verdict}: {one.expected}: {one.numbers}")
