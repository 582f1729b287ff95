"""All responses of a large study: the folder `samples` beside the page, of plain HTML that needs no script.

A page holds questions in the order of their table, each with all responses to it. The report is whole without the
folder, which is not declared to Snakemake or DVC: it can be left out when the page is passed on.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from visualzero.report import scripts
from visualzero.report.inputs import ReportInputs
from visualzero.report.questions import QuestionTable
from visualzero.report.responses import Said, said_by
from visualzero.report.sample_set import OF_AN_IMAGE, Room, SampleSet
from visualzero.report.samples import Case, judge
from visualzero.report.shown import HEAD, TAIL
from visualzero.report.tables import Arm
from visualzero.wording import clean

FOLDER = "samples"
OF_A_PAGE = Room(rows=2_000, bytes=2_000_000)
Answers = Mapping[str, Sequence[Said]]  # by the id of the question


@dataclass
class Listed:
    """A benchmark in the folder's list: the ids of the questions on each of its pages, by the page's name."""

    benchmark: str
    total: int
    pages: dict[str, list[str]] = field(default_factory=dict)


def sample_pages(
    inputs: ReportInputs,
    arms: Sequence[Arm],
    tables: Mapping[str, QuestionTable],
    sets: Iterable[SampleSet],
    templates: Environment,
    style: str,
) -> Iterator[tuple[str, str]]:
    """Names and contents of the folder's pages, then of its list `index.html`.

    They are of each benchmark that the page's `sets` don't hold whole; there is none where they hold all.

    Raises:
        UserError: if responses, scores or images can't be read.
    """
    partial = {one.name: one.total for one in sets if one.kind == "responses" and not one.whole}
    about = {"style": Markup(style), "policy": scripts.still_policy(style), "scale": inputs.scale}
    listed = []
    for number, (benchmark, table) in enumerate(tables.items(), start=1):
        if clean(benchmark) not in partial:
            continue
        said = _by_question(inputs, arms, benchmark)
        chunks = list(_chunks([key for key in table.ids if key in said], said))
        names = [f"{number}-{place:03}.html" for place in range(1, len(chunks) + 1)]
        listed.append(Listed(benchmark, partial[clean(benchmark)], dict(zip(names, chunks, strict=True))))
        page = templates.get_template("sample_page.html.jinja")
        for place, chunk in enumerate(chunks):
            content = page.render(
                **about,
                benchmark=benchmark,
                place=place,
                names=names,
                cases=list(_cases(table, chunk, said)),
            )
            yield f"{FOLDER}/{names[place]}", content
    if listed:
        yield f"{FOLDER}/index.html", templates.get_template("sample_list.html.jinja").render(**about, listed=listed)


def _by_question(inputs: ReportInputs, arms: Iterable[Arm], benchmark: str) -> Answers:
    found: dict[str, list[Said]] = {}
    for arm in arms:
        for one in said_by(inputs, arm, benchmark):
            found.setdefault(str(one.prediction["id"]), []).append(one)
    return found


def _chunks(ids: Sequence[str], said: Answers) -> Iterator[list[str]]:
    """The ids page by page, each at least one."""
    start = 0
    while start < len(ids):
        items: Any = ((key, [len(one.text) for one in said[key]], OF_AN_IMAGE) for key in ids[start:])
        fitting = list(OF_A_PAGE.fitting(items))
        yield fitting
        start += len(fitting)


def _cases(table: QuestionTable, ids: Iterable[str], said: Answers) -> Iterator[Case]:
    """The questions with all that was said to them."""
    for key, question in table.get(ids).items():
        responses = [
            judge(one.arm, one.seed or None, one.prediction, one.score or None, question, HEAD, TAIL)
            for one in said[key]
        ]
        yield Case(question, "", responses)
