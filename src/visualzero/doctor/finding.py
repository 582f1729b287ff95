"""What a check has found."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "note", "fail"]


@dataclass(frozen=True)
class Finding:
    """One thing: fine, worth knowing, or in the way; then `remedy` says what would help."""

    level: Level
    what: str
    remedy: str = ""


def ok(what: str) -> Finding:
    """A thing that is as it should be."""
    return Finding("ok", what)


def note(what: str, remedy: str = "") -> Finding:
    """A thing that may or may not be in the way."""
    return Finding("note", what, remedy)


def fail(what: str, remedy: str) -> Finding:
    """A thing that is in the way."""
    return Finding("fail", what, remedy)


def text_of(findings: Iterable[Finding]) -> str:
    """A line for each finding."""
    return "\n".join(f"{f.level:4}  {f.what}{f': {f.remedy}' if f.remedy else ''}" for f in findings)
