"""The command line: one command per stage, the same code that the workflow's rules call.

    visualzero train base-grpo --seed 1

Without further options a command reads config/config.yaml and uses the paths of `layout.py`, so the commands can be run
by hand in the order of the stages. Commands import what they need when they run, so that each starts quickly.
"""

import argparse
import os
import sys
from pathlib import Path

from visualzero import __version__
from visualzero.cli import machines, reruns, responses, results, stages, upkeep
from visualzero.cli.commands import Commands
from visualzero.cli.failures import disk_full, fail
from visualzero.cli.parser import Parser, listed, takes_study
from visualzero.errors import UserError
from visualzero.source_tree import check_tree


def run() -> None:
    """Entry point: quiet libraries, then `main`."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    main()


def main(arguments: list[str] | None = None) -> None:
    """Run a command; mistakes of the user end in one line and exit code 1."""
    options, rest = parser().parse_known_args(arguments)
    if rest:
        options.parser.refuse(rest)
    try:
        check_tree(Path.cwd())
        options.command(options)
    except UserError as error:
        fail(str(error))
    except KeyboardInterrupt:
        fail("interrupted: run the same command again to go on", 130)
    except BrokenPipeError:  # the reader has seen enough, as in `visualzero plan | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if not disk_full(error):
            raise
        fail(
            f"no space left on the disk of {Path.cwd()} or of a temporary folder, or `ulimit -f` is reached:"
            " free some and run again"
        )


def parser() -> Parser:
    """All commands and their options."""
    whole = Parser(
        prog="visualzero", usage="visualzero [options] COMMAND ...", description=(__doc__ or "").splitlines()[0]
    )
    whole.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    takes_study(whole)
    parsers = whole.add_subparsers(
        required=True, dest="name_of_command", metavar="COMMAND", help=argparse.SUPPRESS, prog="visualzero"
    )
    commands = Commands(parsers)
    for group in (stages, results, responses, reruns, machines, upkeep):
        commands.group(group.TITLE)
        group.add(commands)
    whole.epilog = listed(commands.groups) + "\n\n`visualzero COMMAND --help` has examples."
    return whole
