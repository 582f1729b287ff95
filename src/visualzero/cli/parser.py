"""Command lines: mistakes are told in one line with the nearest name, the study is described anywhere in the line."""

import argparse
import shutil
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from visualzero.cli.failures import fail
from visualzero.config.naming import unknown

USAGE = 2  # the exit code for a command line that can't be understood
COLUMN = 14  # of the help's second column


class Parser(argparse.ArgumentParser):
    """A parser that abbreviates nothing and tells a mistake in one line; examples keep their lines."""

    def __init__(self, **kwargs: Any):
        plain: dict[str, Any] = {"allow_abbrev": False, "formatter_class": argparse.RawDescriptionHelpFormatter}
        super().__init__(**plain | kwargs)

    def error(self, message: str) -> NoReturn:
        """Leave with `message` and where help is."""
        fail(f"{message}: see `{self.prog} --help`", USAGE)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            what = f"{action.option_strings[0]} value" if action.option_strings else action.dest
            if isinstance(action.choices, Mapping):
                what = "command"
            raise argparse.ArgumentError(None, unknown(what, value, map(str, action.choices)))

    def refuse(self, rest: Sequence[str]) -> NoReturn:
        """Leave because of words that no command took."""
        word = next((one for one in rest if one.startswith("-")), None)
        if word is None:
            self.error(f"'{rest[0]}': one word too many")
        self.error(unknown("option", word.split("=")[0], sorted(self._option_string_actions)))


def takes_study(parser: argparse.ArgumentParser, depth: int = 0) -> None:
    """Let a parser take what describes the study; `depth` is how many commands stand before it in the line.

    `visualzero --set a=1 plan --set b=2` means both, so each depth has a list of its own.
    """
    group = parser.add_argument_group("the study")
    group.add_argument(
        "--config",
        type=Path,
        default=argparse.SUPPRESS if depth else Path("config/config.yaml"),
        help="its file (default: config/config.yaml)",
    )
    group.add_argument(
        "--scale",
        action="append",
        dest=f"set_{depth}",
        type=lambda name: f"scale={name}",
        default=argparse.SUPPRESS,
        metavar="NAME",
        help="how big: demo or paper (default: the config's)",
    )
    group.add_argument(
        "--set",
        action="append",
        dest=f"set_{depth}",
        default=argparse.SUPPRESS,
        metavar="KEY=VALUE",
        help="override a config key, such as grpo.steps=10",
    )


def listed(groups: Mapping[str, Sequence[tuple[str, str]]]) -> str:
    """Commands by their groups, as wide as the terminal is."""
    width = max(60, shutil.get_terminal_size().columns - 2)
    parts = []
    for title, commands in groups.items():
        lines = [f"{title}:"]
        for name, text in commands:
            first = f"    {name:<{COLUMN}} "
            lines += textwrap.wrap(text, width, initial_indent=first, subsequent_indent=" " * len(first))
        parts.append("\n".join(lines))
    return "\n\n".join(parts)
