"""What commands have in common: how they are declared, the study that they read, and how they print."""

import argparse
import gc
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from visualzero.cli.parser import Parser, takes_study
from visualzero.config import CONTROLS, Study, read_study
from visualzero.errors import UserError
from visualzero.layout import UNTRAINED, Layout

Options = argparse.Namespace
Command = Callable[[Options], None]


class Commands:
    """The commands of a parser, in groups; `depth` is 1 for `visualzero X` and 2 for `visualzero X Y`."""

    def __init__(self, parsers: Any, depth: int = 1):
        self._parsers = parsers
        self._depth = depth
        self.groups: dict[str, list[tuple[str, str]]] = {}

    def group(self, title: str) -> None:
        """What is added from here on stands under `title` in the help."""
        self.groups[title] = []

    def add(self, name: str, run: Command | None, text: str, *examples: str) -> Parser:
        """Declare a command; one without `run` has commands of its own that do the work.

        `examples` are command lines without `visualzero` in front.
        """
        parser: Parser = self._parsers.add_parser(name, help=text, description=text)
        if examples:
            parser.epilog = "examples:\n" + "\n".join(f"  visualzero {example}" for example in examples)
        if run:
            parser.set_defaults(command=run, parser=parser)
            takes_study(parser, self._depth)
        if self.groups:
            self.groups[list(self.groups)[-1]].append((name, text))
        return parser


def takes_arm(parser: argparse.ArgumentParser) -> None:
    """Let a command take an arm and a seed; `seed_of` reads the seed."""
    parser.add_argument("arm")
    parser.add_argument("--seed", default=None, help=f"a seed of the config (default: its first), or {UNTRAINED}")


def takes_benchmark(parser: argparse.ArgumentParser) -> None:
    """Let a command take a benchmark, and one of its controls; `benchmark_of` reads the benchmark."""
    parser.add_argument("benchmark")
    parser.add_argument("--control", choices=CONTROLS, help="ask its control questions of this kind instead")


def takes_json(parser: argparse.ArgumentParser) -> None:
    """Let a command write JSON instead of text; `show` obeys."""
    parser.add_argument("--json", action="store_true", help="write JSON")


def study_of(options: Options) -> tuple[Study, Layout]:
    """The study that `--config` and `--set` describe, and where its files are."""
    study = read_study(options.config, given_overrides(options))
    return study, Layout(study.scale)


def given_overrides(options: Options) -> list[str]:
    """What `--set` and `--scale` say, before the command and behind it; the last one counts."""
    given = vars(options)
    return [text for depth in range(3) for text in given.get(f"set_{depth}", ())]


def seed_of(options: Options, study: Study) -> int | str:
    """The seed of the arm at hand.

    Raises:
        UserError: for an arm that doesn't exist, or a seed that is no number though the arm is trained.
    """
    if not study.arm(options.arm).trained:
        return UNTRAINED
    if options.seed is None:
        return study.seeds[0]
    if not options.seed.isdecimal():
        raise UserError(f"--seed {options.seed}: not a whole number: '{options.arm}' is trained, so it needs one")
    return int(options.seed)


def benchmark_of(study: Study, name: str) -> str:
    """The benchmark of this name.

    Raises:
        UserError: if the study has none.
    """
    from visualzero.config.naming import unknown

    if name not in study.data.benchmarks:
        raise UserError(unknown("benchmark", name, study.data.benchmarks))
    return name


def share(text: str) -> float:
    """A share between 0 and 1 that an option gives."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no share between 0 and 1: give a number such as 0.02")
    return value


def part(text: str) -> float:
    """A share that may be 0 or 1 too."""
    return float(text) if text in ("0", "1") else share(text)


def counts(text: str) -> list[int]:
    """Whole numbers from 1 on that an option gives, with commas."""
    each = text.split(",")
    if not all(one.strip().isdecimal() and int(one) > 0 for one in each):
        raise argparse.ArgumentTypeError(f"'{text}' is no list of whole numbers from 1 on: give 1,3,5")
    return [int(one) for one in each]


def at_least_one(text: str) -> float:
    """A number from 1 on that an option gives."""
    if not (text.replace(".", "", 1).isdecimal() and float(text) >= 1):
        raise argparse.ArgumentTypeError(f"'{text}' is no number from 1 on: give 2.5")
    return float(text)


@contextmanager
def loading() -> Iterator[None]:
    """Where large libraries are imported: they define no garbage, and looking for some takes an eighth of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()  # nor is it looked through later
        gc.enable()


def show(options: Options, found: Any, text_of: Callable[[Any], str]) -> None:
    """Print what a command found, as text or as JSON."""
    print_text(json.dumps(found, indent=2) if options.json else text_of(found))


def print_text(text: str) -> None:
    """Print a text of models and data, whatever characters are in it, to a reader that may stop early (`| head`)."""
    try:
        print(text.encode("utf-8", "replace").decode("utf-8"), flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
