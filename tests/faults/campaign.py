"""Injecting a fault, running again, and judging what came of it."""

import re
import shutil
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from faults.cases import Again, Fault, TracebackError, no_traceback
from faults.study import ROOT, Study

SAME, TOLD, REFUSED = "the same bytes", "told, then the same bytes", "refused in one line"
RIGHT = (SAME, TOLD, REFUSED)
WRONG, LOST, TRACE, HALF, HUNG = "SILENTLY WRONG", "LOST", "TRACEBACK", "HALF-WRITTEN FILES LEFT", "HANGS"
ROUNDS = 5  # what a line asks for may bring the next line up


@dataclass(frozen=True)
class Result:
    """A fault, what it was in full, and what came of it; `said` is what was printed where that is a defect."""

    stage: str
    kind: str
    what: str
    outcome: str
    said: str = ""


def try_fault(fault: Fault, truth: Study, right: dict[str, str], folder: Path) -> Result:
    """Inject a fault into a copy of the undisturbed study in `folder`, run again, judge, and remove the copy.

    `right` are the digests of the undisturbed study.
    """
    study = truth.copy(folder)
    what = fault.kind
    try:
        again = fault.inject(study)
        what = again.what
        outcome, said = judge(again, study, right)
    except TracebackError as trace:
        outcome, said = TRACE, str(trace)
    shutil.rmtree(folder)
    return Result(fault.stage, fault.kind, what, outcome, said)


def judge(again: Again, study: Study, right: dict[str, str]) -> tuple[str, str]:
    """Run again until the results are right, doing what is asked for on the way; the outcome and what was printed."""
    told: list[str] = []
    if again.refused:
        return _judge_refusal(again, study)
    if again.unseen:
        found = study.run("verify")
        no_traceback(found.said)
        if found.code:
            told.append(found.said)
            remedy(found.said, study)
    for _ in range(ROUNDS):
        done = study.run(*again.command)
        if done.hung:
            return HUNG, done.said[-2000:]
        if done.code == 0:
            break
        no_traceback(done.said)
        told.append(done.said)
        if not remedy(done.said, study):
            return LOST, done.said[-2000:]
    else:
        return LOST, "\n".join(told)[-2000:]
    if left := study.half_written(*again.outputs):
        return HALF, " ".join(left)
    wanted = {path: digest for path, digest in right.items() if not again.outputs or _within(path, again.outputs)}
    now = study.digests(*again.outputs)
    if now != wanted:
        differ = sorted(path for path in wanted.keys() | now.keys() if wanted.get(path) != now.get(path))
        return WRONG, f"{' '.join(differ)}\n{done.said[-1500:]}"
    return (TOLD if told else SAME), ""


def _judge_refusal(again: Again, study: Study) -> tuple[str, str]:
    done = study.run(*again.command)
    no_traceback(done.said)
    lines = [line for line in done.said.splitlines() if line.startswith("error: ")]
    if done.code != 1 or not lines or study.files(*again.outputs):
        return WRONG, f"exit code {done.code}: {done.said[-1500:]}"
    if left := study.half_written():
        return HALF, " ".join(left)
    return REFUSED, ""


def remedy(said: str, study: Study) -> bool:
    """Do what the lines ask for; whether they ask for anything that can be done."""
    done = False
    named = re.findall(r"\bdelete (\S*[^\s:,.;])", said)
    named += re.findall(r"(\S+/\S+?)(?::\d+)?: [^\n]*\bdelete (?:it|the file)\b", said)
    for name in named:
        path = study.folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        done = True
    if "--unlock" in said:
        study.run("snakemake", "all", "--unlock")
        done = True
    return done or "again" in said


def table(results: Iterable[Result]) -> str:
    """Stage, fault, how many, and what came of them."""
    counted = Counter((result.stage, result.kind, result.outcome) for result in results)
    rows = [("stage", "fault", "n", "outcome"), *((*key[:2], str(n), key[2]) for key, n in sorted(counted.items()))]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]:>{widths[2]}}  {row[3]}" for row in rows)


def as_json(result: Result) -> dict[str, str]:
    """A result as JSON."""
    return asdict(result)


def _within(path: str, outputs: tuple[str, ...]) -> bool:
    return any(Path(path).is_relative_to(ROOT / output) for output in outputs)
