"""The faults of a campaign, from a seed: what is disturbed, and how. Each is a function that injects it.

A case gets a fresh copy of the undisturbed study, injects its fault, and returns what is to be run again.
"""

import os
import random
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from faults.damage import DAMAGES, UNSEEN
from faults.full import run_without_space
from faults.hostile import refusals
from faults.process import Disturbance
from faults.study import ROOT, STAGES, Study

STAGE_NAMES = {
    "questions": "data",
    "model": "models",
    "train": "training",
    "predict": "evaluation",
    "score-arm": "scores",
    "summarize": "summary",
    "report": "report",
}
# File operations of a stage up to its end, about: an end that is drawn beyond is none, which is drawn again.
OPERATIONS = {"questions": 8, "model": 30, "train": 220, "predict": 14, "score-arm": 6, "summarize": 4, "report": 24}
SECONDS = {
    "questions": 0.5,
    "model": 0.3,
    "train": 6.0,
    "predict": 2.0,
    "score-arm": 0.3,
    "summarize": 1.0,
    "report": 3.0,
}
SNAKEMAKE = ("snakemake", "all")


@dataclass(frozen=True)
class Fault:
    """A fault of a stage: `kind` in a word for the table, `inject` returns the command to run again and its outputs."""

    stage: str
    kind: str
    inject: "Callable[[Study], Again]"


@dataclass(frozen=True)
class Again:
    """What is run again, and which outputs (below results/demo) then have to be the undisturbed ones; `what` tells."""

    command: tuple[str, ...]
    outputs: tuple[str, ...]
    what: str
    refused: bool = False  # in one line, and nothing is made
    unseen: bool = False  # the file's time says nothing: `visualzero verify` is asked first


def kill(command: tuple[str, ...], chance: random.Random, times: int) -> Fault:
    """SIGKILL, at a file operation or after some time, once or several times in a row."""
    name = command[0]

    def inject(study: Study) -> Again:
        study.remove(*STAGES[command])
        ends = []
        for _ in range(times):
            operation = chance.randrange(1, OPERATIONS[name] + 1) if chance.random() < 0.7 else None
            seconds = None if operation else chance.uniform(0.0, SECONDS[name])
            study.run(*command, disturbance=Disturbance(operation=operation, seconds=seconds))
            ends.append(f"operation {operation}" if operation else f"{seconds:.2f} s")
        return Again(command, STAGES[command], f"{' '.join(command)}: killed at {', '.join(ends)}")

    return Fault(STAGE_NAMES[name], "killed" if times == 1 else "killed again and again", inject)


def full(command: tuple[str, ...], chance: random.Random) -> Fault:
    """No space on the disk, or a limit on the size of files."""

    def inject(study: Study) -> Again:
        how, said = run_without_space(study, command, chance)
        no_traceback(said)
        return Again(command, STAGES[command], f"{' '.join(command)}: {how}")

    return Fault(STAGE_NAMES[command[0]], "no space", inject)


def damaged_state(command: tuple[str, ...], chance: random.Random) -> Fault:
    """Killed on its way, and then a file of its resume state is damaged."""
    damage = chance.choice(DAMAGES)

    def inject(study: Study) -> Again:
        study.remove(*STAGES[command])
        work = study.folder / "work"
        lowest = OPERATIONS[command[0]] // 4
        for _ in range(6):
            study.run(*command, disturbance=Disturbance(operation=chance.randrange(lowest, OPERATIONS[command[0]])))
            files = [path for path in sorted(work.rglob("*")) if path.is_file() and "made_from" not in path.parts]
            if files or all((study.folder / ROOT / output).exists() for output in STAGES[command]):
                break
        if not files:
            return Again(command, STAGES[command], f"{' '.join(command)}: killed, nothing in work")
        path = chance.choice(files)
        damage(path, chance)
        return Again(command, STAGES[command], f"{' '.join(command)}: killed, {_short(path, study)} {damage.__name__}")

    return Fault(STAGE_NAMES[command[0]], f"resume state {damage.__name__}", inject)


def foreign_state(chance: random.Random) -> Fault:
    """Another run's checkpoint lies where this one's is."""
    arm, other = chance.sample(["base-sft", "base-grpo"], 2)

    def inject(study: Study) -> Again:
        for name in (arm, other):
            study.remove(f"runs/{name}")
            study.run("train", name, disturbance=Disturbance(operation=chance.randrange(90, 160)))
        mine, theirs = (_checkpoints(study, name) for name in (arm, other))
        if mine and theirs:
            shutil.rmtree(mine[-1])
            shutil.copytree(theirs[-1], mine[-1])
        return Again(("train", arm), (f"runs/{arm}",), f"train {arm}: the checkpoint is {other}'s")

    return Fault("training", "another run's checkpoint", inject)


def leases(chance: random.Random) -> Fault:
    """A killed trainer's lease, damaged."""
    damage = chance.choice(DAMAGES)

    def inject(study: Study) -> Again:
        study.remove("runs/base-sft")
        study.run("train", "base-sft", disturbance=Disturbance(operation=chance.randrange(20, 160)))
        for lease in sorted((study.folder / "work").rglob("*.lease")):
            damage(lease, chance)
        return Again(("train", "base-sft"), ("runs/base-sft",), f"train base-sft: killed, its lease {damage.__name__}")

    return Fault("training", "lease damaged", inject)


def two_at_once(command: tuple[str, ...], chance: random.Random) -> Fault:
    """The same command twice, the second one a moment later."""

    def inject(study: Study) -> Again:
        outputs = STAGES.get(command, ())
        study.remove(*outputs)
        if command == SNAKEMAKE:
            study.remove("scores/base/untrained/toyspace.jsonl")
        first = study.start(*command)
        seconds = chance.uniform(0.0, SECONDS.get(command[0], 2.0))
        time.sleep(seconds)
        second = study.start(*command)
        for said in (first.wait().said, second.wait().said):
            no_traceback(said)
        return Again(command, outputs, f"{' '.join(command)}: two of them, {seconds:.2f} s apart")

    return Fault(STAGE_NAMES.get(command[0], "Snakemake"), "two at once", inject)


def damaged_result(chance: random.Random, unseen: bool = False) -> Fault:
    """A file of the finished results is damaged; Snakemake is asked for everything again."""
    damage = chance.choice(UNSEEN if unseen else DAMAGES)

    def inject(study: Study) -> Again:
        files = [path for path in study.files() if path.relative_to(ROOT).parts[0] not in ("timings", "report")]
        # Each kind of output as often as another, however many files it has.
        kinds = sorted({path.relative_to(ROOT).parts[0] for path in files})
        kind = chance.choice(kinds)
        path = chance.choice([path for path in files if path.relative_to(ROOT).parts[0] == kind])
        damage(study.folder / path, chance)
        return Again(SNAKEMAKE, (), f"{path.relative_to(ROOT)} {damage.__name__}", unseen=unseen)

    return Fault("results", damage.__name__, inject)


def killed_snakemake(chance: random.Random) -> Fault:
    """Snakemake and all its jobs are killed on their way through the last stages."""

    def inject(study: Study) -> Again:
        study.remove("scores", "summary.json")
        seconds = chance.uniform(1.0, 9.0)
        study.run(*SNAKEMAKE, disturbance=Disturbance(seconds=seconds))
        return Again(SNAKEMAKE, (), f"snakemake all: killed after {seconds:.1f} s")

    return Fault("Snakemake", "killed", inject)


def cases(seed: int) -> Iterator[Fault]:
    """Faults without end, every stage and kind in turn; the same for the same seed."""
    hostile = _hostile_inputs(seed)
    for number, fault in enumerate(_disturbances(seed)):
        yield fault
        if number % 4 == 3 and (one := next(hostile, None)):
            yield one


def _hostile_inputs(seed: int) -> Iterator[Fault]:
    """Every input that has to be refused, with the output that then must not be there."""
    for what, output, lay in refusals(random.Random(f"{seed}/hostile")):
        yield Fault(
            "data" if output.startswith("data") else "models", "hostile input", partial(_refused, what, output, lay)
        )


def _refused(what: str, output: str, lay: Callable[[Study], tuple[str, ...]], study: Study) -> Again:
    study.remove(output)
    return Again(lay(study), (output,), what, refused=True)


def _disturbances(seed: int) -> Iterator[Fault]:
    number = 0
    stages = list(STAGES)
    trainings = [command for command in stages if command[0] == "train"]
    answers = [command for command in stages if command[0] == "predict"]
    while True:
        chance = random.Random(f"{seed}/{number}")
        turn = number % 20
        number += 1
        if turn in (0, 5, 10):
            yield kill(chance.choice(trainings), chance, times=1)
        elif turn in (1, 11):
            yield kill(chance.choice(trainings), chance, times=chance.choice((2, 3)))
        elif turn in (2, 7, 12, 17):
            yield damaged_state(chance.choice(trainings), chance)
        elif turn == 3:
            yield kill(chance.choice(stages), chance, times=chance.choice((1, 2)))
        elif turn == 4:
            yield full(chance.choice(stages), chance)
        elif turn == 6:
            yield damaged_state(chance.choice(answers), chance)
        elif turn == 8:
            yield kill(chance.choice([*answers, *stages[:3]]), chance, times=1)
        elif turn in (9, 13, 16):
            yield damaged_result(chance)
        elif turn == 14:
            yield full(chance.choice([*trainings, stages[2], *answers]), chance)
        elif turn == 15:
            yield chance.choice((leases, foreign_state))(chance)
        elif turn == 18:
            yield damaged_result(chance, unseen=True)
        else:
            yield chance.choice(
                (killed_snakemake, lambda c: two_at_once(SNAKEMAKE, c), lambda c: two_at_once(trainings[0], c))
            )(chance)


def no_traceback(said: str) -> None:
    """Raise `Traceback` if a command ended in one."""
    if "Traceback (most recent call last)" in said:
        raise TracebackError(said[-2000:])


class TracebackError(Exception):
    """What a command printed, where it should have said in one line what is wrong."""


def _checkpoints(study: Study, arm: str) -> list[Path]:
    return sorted((study.folder / "work/demo/runs" / arm).glob("*/*/checkpoint-*"))


def _short(path: Path, study: Study) -> str:
    """The end of a path, which names the file among a run's."""
    return os.sep.join(path.relative_to(study.folder).parts[-2:])
