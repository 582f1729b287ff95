"""Commands for the project itself: files that are made from its code and kept in git."""

from pathlib import Path

from visualzero.cli.commands import Commands, Options


def add(commands: Commands) -> None:
    """Declare them."""
    commands.add("schema", _schema, "write config/schema from the config's types")
    models = commands.add("tiny-models", _tiny_models, "train the demo scale's two initial models from a seed")
    models.add_argument("--out", type=Path, default=Path("models"))
    models.add_argument("--seed", type=int, default=0)


def _schema(options: Options) -> None:
    from visualzero.config import write_schema

    write_schema(Path("config/schema/study.schema.json"))


def _tiny_models(options: Options) -> None:
    from visualzero.models.tiny.build import build_tiny_models

    build_tiny_models(options.out, options.seed)
