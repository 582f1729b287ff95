"""Commands that show results while they come."""

from visualzero.cli.commands import Commands, Options, study_of

TITLE = "results: watch them come"


def add(commands: Commands) -> None:
    """Declare them."""
    watch = commands.add(
        "watch",
        _watch,
        "what the training runs are doing: steps, time left, reward, length, last rollouts",
        "watch",
        "watch --once --scale paper",
    )
    watch.add_argument("--once", action="store_true", help="print one picture and end")


def _watch(options: Options) -> None:
    from visualzero.watching.watch import watch, watch_once

    study, layout = study_of(options)
    (watch_once if options.once else watch)(study, layout)
