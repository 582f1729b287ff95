"""The folder of all responses beside a page that can't hold them: plain, whole, and not needed by the page."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from chromium import chromium, opened
from report_study import SEEDS, write_study
from visualzero.errors import UserError
from visualzero.report import ReportInputs, build_report, explorer, sample_pages
from visualzero.report.sample_set import Room

RUNS = sum(map(len, SEEDS.values()))
QUESTIONS = {"toyspace": 16, "my own": 8}


class Reader(HTMLParser):
    """Tags, links and anchors of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append(tag)
        self.links += [given.get("href") or ""] * (tag == "a")
        self.anchors |= {given.get("id") or ""}
        assert (given.get("src") or "data:").startswith("data:")
        assert not any(name.startswith("on") or name == "style" for name in given)


@pytest.fixture
def little_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explorer, "ON_THE_PAGE", Room(rows=24, bytes=10**6))
    monkeypatch.setattr(sample_pages, "OF_A_PAGE", Room(rows=20, bytes=10**6))


@pytest.fixture
def study(tmp_path: Path) -> ReportInputs:
    (tmp_path / "study").mkdir()
    return write_study(tmp_path / "study")


def pages_in(out: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in sorted((out / "samples").iterdir())}


@pytest.mark.usefixtures("little_room")
def test_every_question_is_there_with_all_responses_and_its_image(study: ReportInputs, tmp_path: Path) -> None:
    build_report(study, tmp_path / "out")
    pages = pages_in(tmp_path / "out")
    assert list(pages) == [
        "1-001.html",
        "1-002.html",
        "1-003.html",
        "1-004.html",
        "2-001.html",
        "2-002.html",
        "index.html",
    ]
    for number, (benchmark, questions) in enumerate(QUESTIONS.items(), start=1):
        mine = [page for name, page in pages.items() if name.startswith(f"{number}-")]
        assert sum(page.count('<div class="say ') for page in mine) == questions * RUNS
        assert sum(page.count("<img ") for page in mine) == questions
        assert f"<h1>Responses to {benchmark}</h1>" in mine[0]
    first = pages["1-001.html"]
    assert first.count("Page 1 of 4: ") == 1
    assert "&lt;script&gt;alert(" in first
    assert "characters left out" in first
    assert "(A) the cube \N{MIDDLE DOT} seed 2" in first
    assert re.search(r'class="right">\N{CHECK MARK} right', first)


@pytest.mark.usefixtures("little_room")
def test_pages_hold_no_script_and_fetch_nothing(study: ReportInputs, tmp_path: Path) -> None:
    build_report(study, tmp_path / "out")
    for page in pages_in(tmp_path / "out").values():
        assert not {"script", "link", "iframe", "form"} & set(Reader(page).tags)
        [policy] = re.findall('http-equiv="Content-Security-Policy" content="(.*?)"', page)
        assert policy.startswith("default-src &#39;none&#39;; style-src &#39;sha256-")
        assert "script-src" not in policy
        assert not re.search("[\x00-\x08\x0b-\x1f]|url\\(|@import", page)


@pytest.mark.usefixtures("little_room")
def test_links_lead_from_the_page_to_every_question_and_back(study: ReportInputs, tmp_path: Path) -> None:
    build_report(study, tmp_path / "out")
    page, pages = (tmp_path / "out/index.html").read_text(encoding="utf-8"), pages_in(tmp_path / "out")
    assert [link for link in Reader(page).links if not link.startswith("#")] == ["samples/index.html"]
    assert "All responses to toyspace and my own can be read in the folder" in page
    assert "This page is whole without that folder" in " ".join(page.split())
    read = {name: Reader(text) for name, text in pages.items()}
    reached = set()
    for one in read.values():
        for link in one.links:
            name, _, anchor = link.partition("#")
            assert link == "../index.html" or anchor in {"", *read[name].anchors}
            reached |= {link} if anchor else set()
    assert len(reached) == sum(QUESTIONS.values())


def test_where_the_page_holds_all_there_is_no_folder_and_an_old_one_goes(study: ReportInputs, tmp_path: Path) -> None:
    (tmp_path / "out/samples").mkdir(parents=True)
    (tmp_path / "out/samples/1-001.html").write_text("of before")
    (tmp_path / "out/notes.txt").write_text("mine")
    build_report(study, tmp_path / "out")
    assert not (tmp_path / "out/samples").exists()
    assert (tmp_path / "out/notes.txt").read_text() == "mine"
    assert "samples/index.html" not in (tmp_path / "out/index.html").read_text(encoding="utf-8")
    assert {path.name for path in tmp_path.iterdir()} == {"out", "study"}


@pytest.mark.usefixtures("little_room")
def test_a_folder_takes_the_place_of_the_one_before(study: ReportInputs, tmp_path: Path) -> None:
    (tmp_path / "out/samples").mkdir(parents=True)
    (tmp_path / "out/samples/9-001.html").write_text("of before")
    build_report(study, tmp_path / "out")
    first = pages_in(tmp_path / "out")
    assert "9-001.html" not in first
    build_report(study, tmp_path / "out")
    assert pages_in(tmp_path / "out") == first


@pytest.mark.usefixtures("little_room")
def test_an_image_that_is_none_is_named_and_nothing_is_written(study: ReportInputs, tmp_path: Path) -> None:
    rows = pq.read_table(study.benchmarks["toyspace"]).to_pylist()
    rows[-1]["image"]["bytes"] = b"not an image"  # of a question that the page itself doesn't show
    pq.write_table(pa.Table.from_pylist(rows), study.benchmarks["toyspace"])
    with pytest.raises(UserError, match=r"toyspace\.parquet: question Depth-7: image"):
        build_report(study, tmp_path / "out")
    assert {path.name for path in tmp_path.iterdir()} == {"study"}


@pytest.mark.usefixtures("little_room")
@pytest.mark.parametrize("name", ["1-001.html", "index.html"])
def test_a_page_asks_for_nothing_complains_of_nothing_and_fits_a_phone(
    name: str, study: ReportInputs, tmp_path: Path
) -> None:
    build_report(study, tmp_path / "out")
    with chromium() as browser:
        seen = opened(browser, (tmp_path / "out/samples" / name).as_uri(), 360)
        assert seen.page.evaluate("document.documentElement.scrollWidth") == 360
        seen.page.get_by_role("link", name="The report").first.click()
        assert seen.page.locator("h1").inner_text() == "R1-Zero for a vision-language model"
        assert seen.complaints == []
        assert [url for url in seen.requests if not url.endswith("/out/index.html")] == []
