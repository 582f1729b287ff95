"""numbers.json: every number that the page shows, where it stands, and a value that rounds to it."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from report_study import write_study
from repository import ROOT
from visualzero import wording
from visualzero.report import ReportInputs, build_report
from visualzero.report.marks import MARK, Marks, without_marks
from visualzero.report.numbers import numbers_text
from visualzero.report.text import short

RECORDED = (ROOT / "docs/demo/index.html").read_text(encoding="utf-8")
VOID = {"img", "meta", "br", "input", "link", "hr"}


class Shown(HTMLParser):
    """(section, number) of the sentences, cells and labels of a page; names, questions and responses are no numbers."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[tuple[str, str]] = []
        self.section = ""
        self.found: set[tuple[str, str]] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "h2":
            self.section = ""
        if tag not in VOID:
            self.open.append((tag, given.get("class") or ("" if tag == "td" else tag)))
        if given.get("role") == "img":
            self._note(given["aria-label"] or "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "section":
            self.section = ""
        if tag not in VOID:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        tags = {tag for tag, _ in self.open}
        classes = {word for _, names in self.open for word in names.split()}
        if "h2" in tags:
            self.section += data
        cell = any(tag == "td" and names for tag, names in self.open)
        label = tags & {"p", "dd", "figcaption"} or "val" in classes or {"svg", "title"} <= tags
        if (cell or label) and not classes & {"q", "card", "says", "kv", "pre", "form"}:
            self._note(data)

    def _note(self, text: str) -> None:
        numbers = re.findall(r"(?<![\w.-])[+\u2212]?\d+(?:[.,]\d+)*(?:e\u2212?\d+|k)?(?![\w])", text)
        self.found |= {(" ".join(self.section.split()), number) for number in numbers}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> ReportInputs:
    return write_study(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def built(study: ReportInputs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("page") / "report"
    build_report(study, out)
    return out


@pytest.fixture(scope="module")
def numbers(built: Path) -> list[dict[str, Any]]:
    return json.loads((built / "numbers.json").read_text(encoding="utf-8"))["numbers"]


@pytest.fixture(params=["a study of everything", "the recorded demo"])
def page_and_numbers(request: pytest.FixtureRequest, built: Path) -> tuple[str, str]:
    if request.param == "the recorded demo":
        return RECORDED, numbers_text(RECORDED, [], [], [])
    return (built / "index.html").read_text(encoding="utf-8"), (built / "numbers.json").read_text(encoding="utf-8")


def test_every_number_of_a_sentence_a_table_or_a_figure_is_there(page_and_numbers: tuple[str, str]) -> None:
    page, text = page_and_numbers
    there = {(one["section"], one["shown"].removeprefix("< ")) for one in json.loads(text)["numbers"]}
    on_page = Shown(page).found
    assert len(on_page) > 130
    assert sorted(on_page - there) == []


def as_shown(value: float) -> Iterator[str]:
    """All ways in which the page may show a value."""
    yield from (wording.percent(value), wording.signed(value), wording.p_value(value), short(value))
    yield from (wording.number(value, digits) for digits in range(3))


def test_a_value_is_what_rounds_to_the_number_that_is_shown(numbers: list[dict[str, Any]]) -> None:
    known = [one for one in numbers if one["value"] is not None]
    assert len(known) > len(numbers) / 2
    for one in known:
        assert one["shown"] in set(as_shown(one["value"])), one
        assert one["shown"] in one["text"]


def of(numbers: list[dict[str, Any]], **where: str) -> list[tuple[str, float | None]]:
    """What stands at a place, as shown and as it is."""
    return [(one["shown"], one["value"]) for one in numbers if all(one[key] == value for key, value in where.items())]


def test_a_number_is_found_by_section_arm_and_column(numbers: list[dict[str, Any]], study: ReportInputs) -> None:
    scored = json.loads(study.summary.read_text())["arms"]["base"]["seeds"]["1"]["toyspace"]
    place = {"section": "Results on toyspace", "part": "Accuracy by arm", "arm": "base"}
    found = of(numbers, **place, what="Micro")
    assert [value for _, value in found] == [scored["micro"], *scored["micro_interval"]]
    assert of(numbers, **place, what="Mean tokens") == [("31.5", 31.5)]
    asked = {"section": "Results on toyspace", "part": "Does it look at the image?", "what": "Lost, points"}
    assert of(numbers, **asked) == [("+17.3", 0.173), ("12.0", 0.12), ("22.0", 0.22)]
    compared = {"row": "base-grpo against base, 1", "what": "p, Holm"}
    assert of(numbers, **compared) == [("< 0.001", 4e-9)]
    assert of(numbers, section="What came out")[1:3] == [("2", None), ("2", None)]  # trained, and seeds


def test_the_sentences_at_the_top_have_the_values_behind_their_numbers(numbers: list[dict[str, Any]]) -> None:
    found = of(numbers, section="What came out")
    assert ("50.0", 0.5) in found  # guessing
    assert ("+40.6", 0.406) in found  # the difference over seeds


def test_what_charts_draw_is_there_too(built: Path) -> None:
    content = json.loads((built / "numbers.json").read_text(encoding="utf-8"))
    courses = {(one["quantity"], one["arm"]): one for one in content["courses"]}
    assert set(courses["Reward", "base-grpo"]) == {"quantity", "arm", "seeds", "steps", "mean"}
    lengths = [one for one in content["lengths"] if (one["benchmark"], one["arm"]) == ("toyspace", "base")]
    assert [(one["longest"], max(one["heights"])) for one in lengths] == [(9.0, 100.0)]


def test_another_number_in_the_summary_is_another_on_the_page_and_in_the_json(
    study: ReportInputs, tmp_path: Path
) -> None:
    summary = json.loads(study.summary.read_text())
    summary["arms"]["base"]["seeds"]["1"]["toyspace"]["parse_rate"] = 0.3337
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    build_report(replace(study, summary=tmp_path / "summary.json"), tmp_path / "out")
    assert ">33.4<" in (tmp_path / "out/index.html").read_text(encoding="utf-8")
    numbers = json.loads((tmp_path / "out/numbers.json").read_text(encoding="utf-8"))["numbers"]
    assert of(numbers, arm="base", what="Parsed")[0] == ("33.4", 0.3337)


def text_of(page: Path) -> str:
    return " ".join(re.sub("<[^>]+>", " ", page.read_text(encoding="utf-8")).split())


def test_sentences_between_the_tables_follow_their_numbers(study: ReportInputs, built: Path, tmp_path: Path) -> None:
    summary = json.loads(study.summary.read_text())
    summary["margin"] = 0.03
    summary["scorer_agreement"]["toyspace"]["n"] = 18
    both = [*summary["comparisons"]["toyspace"], *summary["comparisons_over_seeds"]["toyspace"]]
    for entry in both:
        entry["changes_sign"] = False
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    (tmp_path / "job.tsv").write_text("s\th:m:s\tmax_rss\n600.0\t0:10:00\t2048.5\n")
    timings = {**study.timings, "grpo base-grpo": tmp_path / "job.tsv"}
    build_report(replace(study, summary=tmp_path / "summary.json", timings=timings), tmp_path / "out")
    before, after = text_of(built / "index.html"), text_of(tmp_path / "out/index.html")
    for was, became in [
        ("lies within 2.0 points of zero", "lies within 3.0 points of zero"),
        ("over the same 16 responses", "over the same 18 responses"),
        ("takes 77 % of the 6.5 min of job time", "takes 87 % of the 11.5 min of job time"),
        ("1 of 1 planned differences change their sign", "None of these differences turns round"),
    ]:
        assert was in before
        assert became not in before
        assert became in after
        assert was not in after


def test_the_page_that_is_written_has_no_marks(built: Path) -> None:
    page = (built / "index.html").read_text(encoding="utf-8")
    assert not re.search("[\x00-\x08\x0b-\x1f]", page)


def test_a_mark_leads_to_the_value_and_nothing_has_none() -> None:
    marks = Marks()
    shown = f"{marks.percent(0.1249)} {marks.interval((0.1, 0.2))} {marks.number(None)} {marks.p_value(1e-7)}"
    assert without_marks(shown) == f"12.5 [10.0, 20.0] {wording.NONE} < 0.001"
    assert [marks.values[int(place)] for place in MARK.findall(shown)] == [0.1249, 0.1, 0.2, 1e-7]
