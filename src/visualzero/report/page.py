"""Building the report: every section's content, the page, and the tables beside it, written together.

The page is one file that asks nothing of the network and is complete without its script. All that comes from data,
models or config reaches it through Jinja's escaping or as JSON that the script shows as text, and nothing in it depends
on the time or the machine: the same inputs give the same bytes.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from visualzero import wording
from visualzero.report import scripts, text
from visualzero.report.analyses import Analyses, analyses
from visualzero.report.answer import answer
from visualzero.report.causes import sampled_view
from visualzero.report.checkpoints import STEPS
from visualzero.report.curves import courses
from visualzero.report.explained import explained
from visualzero.report.explorer import sample_sets
from visualzero.report.export import PAPER, csv_text, markdown_text
from visualzero.report.figures import Forest, forest
from visualzero.report.inputs import ReportInputs
from visualzero.report.lengths import Length, lengths
from visualzero.report.marks import Marks, without_marks
from visualzero.report.numbers import numbers_text
from visualzero.report.provenance import manifests, run_manifests, timings
from visualzero.report.questions import Question, QuestionTable
from visualzero.report.sample_pages import FOLDER, sample_pages
from visualzero.report.sample_set import Json
from visualzero.report.samples import Case, Group, cases, contact_sheet, rollout_groups
from visualzero.report.scorers import UnderScorers, under_scorers
from visualzero.report.scorers import csv_text as scorers_csv
from visualzero.report.scorers import markdown_text as scorers_markdown
from visualzero.report.summary import Comparison, SeedsComparison, Summary, Transfer, read_summary
from visualzero.report.tables import Arm, ArmTable, arm_table, seeds_of, study_arms
from visualzero.report.traces import by_arm, traces
from visualzero.report.tracked import curves_text, manifests_text, metrics_text
from visualzero.report.writing import write_together

NOTES = {
    "demo": "Demo scale: a tiny model on rendered scenes. These numbers show that the pipeline works; they say nothing"
    " about Qwen2-VL-2B. The paper's numbers are of another scale (another model, other data) and are not comparable.",
}
NOTE = "The column headed “paper” holds the paper's published numbers; all other numbers come from this study's runs."


@dataclass(frozen=True)
class Section:
    """All about one benchmark; `questions` is None if its table is not there."""

    name: str
    table: ArmTable
    forest: Forest
    by_task: list[Forest]
    comparisons: list[Comparison]
    over_seeds: list[SeedsComparison]
    transfers: list[Transfer]
    lengths: list[Length]
    analyses: Analyses
    scorers: UnderScorers
    sheet: dict[str, list[Question]] | None
    focal: str
    cases: list[Case]


def build_report(settings: ReportInputs, out: Path) -> None:
    """Write the page and the files beside it into the folder `out`: all of them or, on a UserError, none."""
    summary = read_summary(settings.summary)
    tables = {name: QuestionTable(path) for name, path in settings.benchmarks.items() if path.is_file()}
    train = QuestionTable(settings.train) if settings.train and settings.train.is_file() else None
    runs = [*settings.runs, *((arm, seed) for arm, seed, _ in [*settings.predictions, *settings.scores])]
    arms = study_arms(summary, settings.arms, runs)
    named = [
        *settings.benchmarks,
        *(name for arm in summary.arms.values() for one in arm.seeds.values() for name in one),
    ]
    sections = [
        _section(name, settings, summary, arms, tables.get(name))
        for name in dict.fromkeys([*named, *summary.comparisons])
    ]
    trained = courses(arms, settings.runs, settings.curve)
    sets = sample_sets(settings, arms, tables, train, summary.scorer or "")
    note = NOTES.get(settings.scale, NOTE)
    scores, readings = ([getattr(section, part) for section in sections] for part in ("table", "scorers"))
    marks, lines = Marks(), traces(trained)
    templates, code = environment(marks), scripts.script()
    style = "\n".join(templates.get_template(f"{name}.css.jinja").render() for name in ("style", "explore"))
    page = templates.get_template("template.html.jinja").render(
        scale=settings.scale,
        note=note,
        answer=answer(summary, arms, [section.name for section in sections], marks),
        demo=settings.scale == "demo",
        scorer=summary.scorer or wording.NONE,
        margin=summary.margin,
        arms=arms,
        seeds=seeds_of(arms),
        sections=sections,
        sampled=sampled_view(summary, arms),
        why=explained(summary, arms),
        paper=PAPER,
        courses=trained,
        sets=sets,
        steps=STEPS,
        rollouts=_rollouts(settings, arms, train),
        timings=timings(settings.timings),
        models=manifests(settings.models),
        runs=run_manifests(settings.runs),
        style=Markup(style),
        script=Markup(code),
        policy=scripts.policy(code, style),
        names=scripts.embedded({arm.name: scripts.arm_facts(place, arm) for place, arm in enumerate(arms)}),
        traces=scripts.embedded(lines),
        samples=scripts.embedded([asdict(one) for one in sets]),
    )
    files = {
        "arms.csv": csv_text(scores),
        "arms.md": markdown_text(scores, summary, note),
        "scorers.csv": scorers_csv(readings),
        "scorers.md": scorers_markdown(readings, note, summary.scorer or ""),
        "curves.csv": curves_text(settings.runs),
        "manifests.json": manifests_text(settings),
        "metrics.json": metrics_text(summary),
        "numbers.json": numbers_text(page, marks.values, by_arm(lines), _histograms(sections)),
    }
    samples = sample_pages(settings, arms, tables, sets, templates, style)
    texts = chain(files.items(), samples, [("index.html", without_marks(page))])
    write_together(out, ((name, content.encode("utf-8", errors="replace")) for name, content in texts), FOLDER)


def _section(
    name: str, settings: ReportInputs, summary: Summary, arms: list[Arm], questions: QuestionTable | None
) -> Section:
    table = arm_table(summary, arms, name)
    focal, chosen = cases(settings, arms, name, questions) if questions else ("", [])
    return Section(
        name=name,
        table=table,
        forest=forest(summary, arms, name),
        by_task=[forest(summary, arms, name, task) for task in table.tasks],
        comparisons=summary.comparisons.get(name, []),
        over_seeds=summary.comparisons_over_seeds.get(name, []),
        transfers=summary.transfers.get(name, []),
        lengths=lengths(settings, summary, arms, name),
        analyses=analyses(summary, arms, name),
        scorers=under_scorers(summary, arms, name),
        sheet=contact_sheet(questions) if questions else None,
        focal=focal,
        cases=chosen,
    )


def _histograms(sections: Iterable[Section]) -> Iterator[Json]:
    """The bars of each histogram of response lengths: percent of its highest, equal bins from 0 to `longest` tokens."""
    for section in sections:
        for length in section.lengths:
            if length.histogram:
                where = {"benchmark": section.name, "arm": length.arm.name, "longest": length.histogram.longest}
                yield {**where, "heights": length.histogram.heights}


def _rollouts(
    settings: ReportInputs, arms: list[Arm], train: QuestionTable | None
) -> list[tuple[Arm, str, list[Group] | None]]:
    """(arm, seed, groups) of each GRPO arm, for its first seed that has rollouts."""
    folders = {(arm, str(seed)): folder for (arm, seed), folder in settings.runs.items()}
    found: list[tuple[Arm, str, list[Group] | None]] = []
    for arm in arms:
        if arm.recipe != "grpo":
            continue
        tried = ((seed, rollout_groups(folders.get((arm.name, seed)), train)) for seed in arm.seeds)
        seed, groups = next(((seed, groups) for seed, groups in tried if groups), ("", None))
        found.append((arm, seed, groups))
    return found


def environment(marks: Marks) -> Environment:
    """Jinja with escaping on and the page's number formats as filters, which leave their marks."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: Mapping[str, Any] = {**marks.filters(), "clean": wording.clean, "clip": text.clip}
    made.filters.update(filters)
    return made
