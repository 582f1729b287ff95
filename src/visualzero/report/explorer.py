"""The browser of single responses and rollouts: what it is given, within the room that a page has."""

from collections.abc import Mapping, Sequence

from visualzero.report.checkpoints import checkpoint_set
from visualzero.report.inputs import ReportInputs
from visualzero.report.questions import QuestionTable
from visualzero.report.responses import response_set
from visualzero.report.rollouts import rollout_set
from visualzero.report.sample_set import Room, SampleSet
from visualzero.report.tables import Arm

ON_THE_PAGE = Room(rows=5_000, bytes=5_000_000)
OF_ROLLOUTS = 0.25  # of the room, where there are any
OF_CHECKPOINTS = 0.25  # and these


def sample_sets(
    inputs: ReportInputs,
    arms: Sequence[Arm],
    tables: Mapping[str, QuestionTable],
    train: QuestionTable | None,
    scorer: str = "",
) -> list[SampleSet]:
    """A set for each benchmark that was answered, then those of checkpoints and of rollouts.

    `tables` are the benchmarks' questions, and `scorer` the study's, by which checkpoints are judged.
    """
    answered = {name for (_, _, name), path in inputs.predictions.items() if path.is_file()}.intersection(tables)
    rollouts = rollout_set(inputs, arms, train, ON_THE_PAGE.part(OF_ROLLOUTS))
    first = next(iter(inputs.benchmarks), "")
    kept = (
        checkpoint_set(inputs, arms, first, tables[first], scorer, ON_THE_PAGE.part(OF_CHECKPOINTS))
        if first in tables
        else None
    )
    parts = [(one, part) for one, part in ((kept, OF_CHECKPOINTS), (rollouts, OF_ROLLOUTS)) if one]
    rows = ON_THE_PAGE.rows - sum(len(one.rows) for one, _ in parts)
    size = ON_THE_PAGE.bytes * (1 - sum(part for _, part in parts))
    left = Room(rows, int(size)).part(1 / max(len(answered), 1))
    sets = [response_set(inputs, arms, name, tables[name], left) for name in tables if name in answered]
    return [*sets, *(one for one, _ in parts)]
