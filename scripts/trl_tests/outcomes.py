"""What became of TRL's tests with TRL's trainers and with ours, as a table."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

REFUSAL = re.compile(r"group sharing: (.+?): TRL's own trainer may take it", re.DOTALL)

VERDICTS = ("passed", "failed", "refused", "skipped")

# Tests that ours fail, and not because something is refused: why, and what is so instead.
EXPLAINED = {
    "test_prepare_input_called_with_correct_data": "compares a step's rows; ours have one column more, the question",
}


class Outcome(NamedTuple):
    """Of one test: `passed`, `failed` or `skipped`, and what pytest says to that."""

    kind: str
    said: str = ""

    @property
    def refusal(self) -> str | None:
        """The line with which sharing was refused, if that is why the test failed."""
        found = REFUSAL.search(self.said)
        return re.sub(r"\s+", " ", found[1]) if found else None

    @property
    def verdict(self) -> str:
        """`kind`, but `refused` where it failed by a refusal."""
        return "refused" if self.kind == "failed" and self.refusal else self.kind

    @property
    def reason(self) -> str:
        """The first line of what was said."""
        return self.said.partition("\n")[0].removeprefix("Skipped: ")


def read(outcomes: Path) -> dict[str, Outcome]:
    """The outcomes that the plugin wrote down, by class and test; one that failed at any point has failed."""
    read: dict[str, Outcome] = {}
    for line in map(json.loads, outcomes.read_text().splitlines()):
        if line["test"] not in read or line["kind"] == "failed":
            read[line["test"]] = Outcome(line["kind"], line["said"])
    return read


def table(stock: dict[str, Outcome], ours: dict[str, Outcome]) -> list[str]:
    """Lines of Markdown: how many tests pass with either, then every exception with its reason.

    Raises ValueError where the two are not of the same tests.
    """
    if set(stock) != set(ours):
        raise ValueError(f"not run with both trainers: {', '.join(sorted(set(stock) ^ set(ours)))}")
    refused = [test for test in ours if ours[test].verdict == "refused"]
    failing = [test for test in stock if stock[test].kind == "failed"]
    differs = [test for test in stock if ours[test].verdict not in (stock[test].kind, "refused")]
    skipped = [test for test in stock if stock[test].kind == "skipped"]
    return [
        f"| trainer | {' | '.join(VERDICTS)} | in all |",
        "|---|---|---|---|---|---|",
        _counts("TRL's", stock),
        _counts("group sharing's", ours),
        *_rows("| refused, with this reason | tests |", _grouped((ours[test].refusal or "", test) for test in refused)),
        *_rows("| differs | why |", [(_name(test), _why(test, ours[test])) for test in differs]),
        *_rows(
            "| fails with stock TRL | why |",
            [(_name(test), stock[test].reason[:100]) for test in failing],
        ),
        *_rows("| skipped | tests |", _grouped((stock[test].reason, test) for test in skipped)),
    ]


def _counts(trainer: str, outcomes: dict[str, Outcome]) -> str:
    found = [outcome.verdict for outcome in outcomes.values()]
    return f"| {trainer} | {' | '.join(str(found.count(name)) for name in VERDICTS)} | {len(found)} |"


def _grouped(reasons: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    tests: dict[str, list[str]] = defaultdict(list)
    for reason, test in reasons:
        tests[reason].append(test)
    return [(reason, _names(tests[reason])) for reason in sorted(tests)]


def _rows(heading: str, rows: list[tuple[str, str]]) -> list[str]:
    """A table of two columns, if it has any row."""
    return ["", heading, "|---|---|", *(f"| {one} | {other} |" for one, other in rows)] if rows else []


def _name(test: str) -> str:
    return f"`{test.partition('::')[2].replace('trl-internal-testing/tiny-', '')}`"


def _names(tests: list[str]) -> str:
    return f"{len(tests)}: " + ", ".join(map(_name, tests))


def _why(test: str, outcome: Outcome) -> str:
    name = test.partition("::")[2]
    return EXPLAINED.get(name, f"not explained: {outcome.reason[:200] or outcome.kind}")
