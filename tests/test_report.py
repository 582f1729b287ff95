"""The report: one self-contained page that escapes everything, says "not run", and keeps the paper's numbers apart."""

import csv
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from report_study import ARMS, write_study
from visualzero.errors import UserError
from visualzero.layout import REPORT_FILES
from visualzero.report import ReportInputs, build_report
from visualzero.report.figures import mean_band, nice_ticks, panel


class Reader(HTMLParser):
    """Collects tags, and every attribute that could make a browser fetch something."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action", "data")]
        assert not any(name.startswith("on") for name, _ in attrs)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> ReportInputs:
    return write_study(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def page(study: ReportInputs, tmp_path_factory: pytest.TempPathFactory) -> str:
    out = tmp_path_factory.mktemp("page") / "report"
    build_report(study, out)
    assert {path.name for path in out.iterdir()} == set(REPORT_FILES)
    assert [path.name for path in out.parent.iterdir()] == ["report"]  # nothing left beside it
    return (out / "index.html").read_text(encoding="utf-8")


def test_texts_of_data_models_and_config_are_never_markup(page: str) -> None:
    reader = Reader(page)
    assert reader.tags.count("script") == 4  # what scripting reads, in three, and the page's own script
    assert page.count("&lt;script&gt;") > 10  # the title, questions, responses, completions and a manifest
    assert "the &lt;b&gt;ball&lt;/b&gt;" in page


def test_page_asks_nothing_of_the_network(page: str) -> None:
    links = Reader(page).links
    assert links
    assert all(link.startswith(("#", "data:image/")) for link in links)
    assert not re.search(r"@import|url\(", page)
    assert len(page) < 5_000_000


def test_demo_is_announced_and_the_paper_stands_apart(page: str, study: ReportInputs, tmp_path: Path) -> None:
    assert 'class="banner"' in page
    assert "another scale, not comparable" in page
    assert "paper (Qwen2-VL-2B, CV-Bench)" in page
    assert ">57.84<" in page
    build_report(replace(study, scale="paper"), tmp_path / "r")
    assert 'class="banner"' not in (tmp_path / "r/index.html").read_text(encoding="utf-8")


def test_every_section_of_a_full_study_is_there(page: str) -> None:
    text = " ".join(re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL).split())
    expected = ["Results on toyspace", "Results on my own", "Shelf order", "mean of 2 seeds", "greedy, one evaluation"]
    expected += ["Base + GRPO is ahead of Base &lt;script&gt;", "Reward term: accuracy"]
    expected += ["Highest reward", "advantage \N{MINUS SIGN}1.00", "that Base + GRPO answers wrong", "versions.torch"]
    expected += ["grpo base-grpo takes 77 % of the 6.5 min of job time.", "2.0 GB"]
    assert [phrase for phrase in expected if phrase not in text] == []


def test_comparisons_tell_form_from_capability_and_seeds_from_their_mean(page: str) -> None:
    assert "+9.0 from form" in page
    assert "ahead on the mean of 2 seeds" in page


def test_a_second_benchmark_is_set_against_the_first(page: str) -> None:
    second = page[page.index("Results on my own") :]
    assert "Set against toyspace" in second
    assert "carries over" in second
    assert page.count("Set against") == 1


def test_controls_thoughts_and_scorers_have_their_tables(page: str) -> None:
    assert "without the image" in page
    assert "+17.3" in page
    assert "No thought, %" in page
    assert ">37<" in page
    assert "62.5" in page


def text_of(page: str) -> str:
    return " ".join(re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL).split())


def test_accuracies_and_differences_stand_under_every_scorer_before_the_tasks(page: str) -> None:
    text = text_of(page)
    assert "1 of 1 planned differences change their sign with the scorer." in text
    assert "58.0 [55.0, 61.0] reads 90.0 31.0 [28.0, 34.0] reads 0.0" in text  # an arm under either
    minus = "\N{MINUS SIGN}29.0 [\N{MINUS SIGN}33.0, \N{MINUS SIGN}25.0]"
    assert f"+41.0 [36.0, 46.0] form +30.0 capability +11.0 [4.0, 18.0] {minus}" in text  # over the seeds
    assert "mean of 2" in text
    assert "ahead under strict, behind under &lt;script&gt;" in text
    assert text.index("The same under every scorer") < text.index("Accuracy by task")
    assert "called equal only if the interval lies within 2.0 points" in text


def test_the_tables_of_scorers_stand_beside_the_page(study: ReportInputs, tmp_path: Path) -> None:
    build_report(study, tmp_path / "r")
    rows = list(csv.DictReader((tmp_path / "r/scorers.csv").open(encoding="utf-8")))
    assert [(row["kind"], row["a"], row["scorer"], row["sign"]) for row in rows if row["scorer"] == "strict"] == [
        ("arm", ARMS["base"]["title"], "strict", ""),
        ("arm", "Base + GRPO", "strict", ""),
        ("difference", "Base + GRPO", "strict", "ahead"),
    ]
    assert [row["sign"] for row in rows if row["kind"] == "difference"] == ["ahead", "behind"]
    markdown = (tmp_path / "r/scorers.md").read_text(encoding="utf-8")
    assert "| Arm | strict (the study's) | &lt;script&gt;" in markdown
    assert "| Base + GRPO | 58.0 [55.0, 61.0], reads 90.0 |" in markdown
    assert "| mean of 2 | +41.0 [36.0, 46.0]; +30.0, +11.0 [4.0, 18.0] |" in markdown
    assert [row["capability_low"] for row in rows if row["kind"] == "difference"] == ["0.04", ""]
    assert "- ahead under strict, behind under" in markdown
    assert "<script>" not in markdown
    metrics = json.loads((tmp_path / "r/metrics.json").read_text())
    assert metrics["base-grpo"]["toyspace"]["micro_under_strict"] == 0.58


def test_letters_are_shown_with_recall_and_how_often_they_are_chosen(page: str) -> None:
    assert "Which letters does it choose?" in page
    assert '<td class="n">87.5<small>chosen 87.5</small></td><td class="n">0.0<small>chosen 0.0</small></td>' in page


def test_checkpoints_that_runs_keep_are_drawn_without_a_mean(page: str, study: ReportInputs, tmp_path: Path) -> None:
    assert page.count("Checkpoints: accuracy on toyspace <b>0.75</b>") == 1
    assert "Checkpoints: share of responses with self-reflection on toyspace" in page
    without = replace(study, curve=tmp_path / "none.csv")
    build_report(without, tmp_path / "report")
    assert "Checkpoints: " not in (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    (tmp_path / "bad.csv").write_text("arm,seed,step\nbase-grpo,1,ten\n")
    with pytest.raises(UserError, match=r"curve: .*bad\.csv: .*run `snakemake curve`"):
        build_report(replace(study, curve=tmp_path / "bad.csv"), tmp_path / "report")


def test_same_inputs_give_the_same_bytes(page: str, study: ReportInputs, tmp_path: Path) -> None:
    build_report(study, tmp_path / "again")
    assert (tmp_path / "again/index.html").read_text(encoding="utf-8") == page


def test_tables_as_files_hold_every_arm_and_seed(study: ReportInputs, tmp_path: Path) -> None:
    build_report(study, tmp_path / "r")
    rows = list(csv.DictReader((tmp_path / "r/arms.csv").open(encoding="utf-8")))
    mine = [row for row in rows if row["benchmark"] == "my own"]
    assert [row["seed"] for row in mine if row["arm"] == "base-grpo"] == ["mean", "1", "2"]
    assert [row["status"] for row in mine if row["arm"] == "later"] == ["not run"]
    assert mine[0]["task_Shelf order"]
    assert not mine[0]["task_Count"]
    markdown = (tmp_path / "r/arms.md").read_text(encoding="utf-8")
    assert "not run" in markdown
    assert "- ahead on the mean of 2 seeds" in markdown
    assert "  - +9.0 from form" in markdown
    assert "<script>" not in markdown


def test_a_study_without_any_run_says_so(tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_text("{}")
    nowhere = {("base-sft", "1"): tmp_path / "none"}
    inputs = ReportInputs(
        "demo", tmp_path / "summary.json", ARMS, runs=nowhere, benchmarks={"toyspace": tmp_path / "no"}
    )
    build_report(inputs, tmp_path / "out")
    assert (tmp_path / "out/index.html").read_text(encoding="utf-8").count("not run") > 12


def test_a_folder_that_is_there_keeps_its_other_files(study: ReportInputs, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("old")
    (tmp_path / "notes.txt").write_text("mine")
    build_report(study, tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert (tmp_path / "index.html").stat().st_size > 9


FILES = ["summary.json", "said-base-None-toyspace.jsonl", "score-base-None-my own.jsonl", "toyspace.parquet"]
FILES += ["train.parquet", "runs/base-sft/1/history.parquet", "runs/base-grpo/1/rollouts.parquet", "model.json"]


@pytest.mark.parametrize("broken", [*FILES, "pretrain.tsv", "runs/base-sft/1/manifest.json"])
def test_a_malformed_file_is_named_and_nothing_is_written(broken: str, tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    inputs = write_study(tmp_path / "s")
    (tmp_path / "s" / broken).write_text('{"arms": 3')
    with pytest.raises(UserError, match=re.escape(Path(broken).name)):
        build_report(inputs, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_image_that_is_none_is_named(study: ReportInputs, tmp_path: Path) -> None:
    table = pq.read_table(study.benchmarks["toyspace"]).to_pylist()
    table[0]["image"]["bytes"] = b"not an image"
    pq.write_table(pa.Table.from_pylist(table), tmp_path / "bad.parquet")
    with pytest.raises(UserError, match=r"bad\.parquet: question Count-0: image"):
        build_report(replace(study, benchmarks={"toyspace": tmp_path / "bad.parquet"}), tmp_path / "out")


def test_odd_numbers_and_characters_do_no_harm(study: ReportInputs, tmp_path: Path) -> None:
    summary = json.loads(study.summary.read_text())
    scored = summary["arms"]["base"]["seeds"]["1"]["toyspace"]
    scored |= {"micro": float("nan"), "micro_interval": [float("nan")] * 2, "official": None}
    summary["arms"]["base"]["title"] = "lone \ud800 surrogate, \u202e override, \x00 null"
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    build_report(replace(study, arms={}, summary=tmp_path / "summary.json"), tmp_path / "out")
    text = (tmp_path / "out/index.html").read_text(encoding="utf-8")
    assert not {"\ud800", "\u202e", "\x00"} & set(text)
    assert "nan" not in re.findall(r'(?:x1|cx|width)="([^"%]+)%?"', text)


def test_an_answer_index_without_its_choice_is_named(study: ReportInputs, tmp_path: Path) -> None:
    table = pq.read_table(study.benchmarks["toyspace"]).to_pylist()
    table[0]["answer_index"] = 7
    pq.write_table(pa.Table.from_pylist(table), tmp_path / "bad.parquet")
    with pytest.raises(UserError, match="question Count-0: answer_index 7 of 2 choices"):
        build_report(replace(study, benchmarks={"toyspace": tmp_path / "bad.parquet"}), tmp_path / "out")


def test_ticks_are_round_and_inside() -> None:
    assert nice_ticks(0, 1) == [0, 0.25, 0.5, 0.75, 1]
    assert nice_ticks(3, 97, 3) == [50] or all(3 <= tick <= 97 for tick in nice_ticks(3, 97, 3))


# The mean over seeds


def test_the_mean_over_three_seeds_has_an_interval_at_every_step_that_all_have() -> None:
    courses = [(np.arange(1.0, 9.0), np.arange(1.0, 9.0) + shift) for shift in (-1.0, 0.0, 1.0)]
    courses[2] = (courses[2][0][1:], courses[2][1][1:])
    band = mean_band(courses)
    assert band
    steps, low, high = band
    assert list(steps) == list(range(2, 9))
    assert (low + high) / 2 == pytest.approx(steps)
    assert high - low == pytest.approx(2 * 4.303 / 3**0.5, rel=1e-3)  # t of two degrees, a standard deviation of 1


def test_two_seeds_have_no_band_and_it_stays_on_the_axis() -> None:
    curves = {str(seed): (np.arange(5.0), np.full(5, 0.1 * seed)) for seed in range(4)}
    three, two = (panel("Share", dict(list(curves.items())[:n]), share=True) for n in (3, 2))
    assert three
    assert two
    assert two.band is None
    assert three.band
    assert all(0 <= float(point.split(",")[1]) <= 300 for point in three.band.split())
