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
