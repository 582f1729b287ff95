"""What became of TRL's tests with TRL's trainers and with ours, as a table."""

import re
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

REFUSAL = re.compile(r"group sharing: (.+?): TRL's own trainer may take it", re.DOTALL)

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
    def reason(self) -> str:
        """The first line of what was said."""
        return self.said.partition("\n")[0]


def read(report: Path) -> dict[str, Outcome]:
    """The outcomes in a JUnit report of pytest, by class and test."""
    outcomes = {}
    for case in ElementTree.parse(report).iter("testcase"):
        outcome = Outcome("passed")
        for found in case:
            if found.tag in ("failure", "error", "skipped"):
                kind = "skipped" if found.tag == "skipped" else "failed"
                outcome = Outcome(kind, f"{found.get('message', '')}\n{found.text or ''}")
        outcomes[f"{case.get('classname', '').rpartition('.')[2]}::{case.get('name')}"] = outcome
    return outcomes


def table(stock: dict[str, Outcome], ours: dict[str, Outcome]) -> list[str]:
    """Lines of Markdown: how many tests pass with either, then every exception with its reason."""
    run = [test for test in stock if stock[test].kind != "skipped"]
    passed = [test for test in run if stock[test].kind == "passed"]
    refused: dict[str, list[str]] = defaultdict(list)
    differs, same = [], []
    for test in passed:
        outcome = ours[test]
        if outcome.kind == "passed":
            same.append(test)
        elif outcome.refusal:
            refused[outcome.refusal].append(test)
        else:
            differs.append(test)
    counts = len(run), len(passed), len(same), len(passed) - len(same) - len(differs), len(differs)
    return [
        "| tests that run here | stock TRL passes | group sharing passes | refuses | differs |",
        "|---|---|---|---|---|",
        f"| {' | '.join(map(str, counts))} |",
        *_rows(
            "| refused, with this reason | tests |", [(reason, _names(refused[reason])) for reason in sorted(refused)]
        ),
        *_rows("| differs | why |", [(_name(test), _why(test, ours[test])) for test in differs]),
        *_rows(
            "| fails with stock TRL | why |",
            [(_name(test), stock[test].reason[:200]) for test in run if stock[test].kind == "failed"],
        ),
    ]


def _rows(heading: str, rows: list[tuple[str, str]]) -> list[str]:
    """A table of two columns, if it has any row."""
    return ["", heading, "|---|---|", *(f"| {one} | {other} |" for one, other in rows)] if rows else []


def _name(test: str) -> str:
    return f"`{test.partition('::')[2].replace('trl-internal-testing/tiny-', '')}`"


def _names(tests: list[str]) -> str:
    return f"{len(tests)}: " + ", ".join(map(_name, tests))


def _why(test: str, outcome: Outcome) -> str:
    name = test.partition("::")[2]
    return EXPLAINED.get(name, f"not explained: {outcome.reason[:200]}")
