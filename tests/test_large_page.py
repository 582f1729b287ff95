"""A page of a large study is built soon, stays small, opens at once and filters without a wait."""

import os
import time
from pathlib import Path

import pytest

from chromium import chromium, opened
from large_study import TERMS, write_large_study
from visualzero.report import build_report

FILTER = """
async (name) => {
  const box = document.querySelector(`.filters [name=${name}]`);
  box.click();
  const began = performance.now();
  box.dispatchEvent(new Event("input", { bubbles: true }));
  document.querySelector(".list").offsetHeight;
  return performance.now() - began;
}
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("large")
    inputs = write_large_study(folder)
    began = time.process_time()
    build_report(inputs, folder / "report")
    assert time.process_time() - began < 60
    return folder / "report" / "index.html"


def test_it_is_built_in_a_minute_and_has_under_eight_megabytes(page: Path) -> None:
    assert page.stat().st_size < 8_000_000
    assert "of 50122, the questions of all tasks in turn" in page.read_text(encoding="utf-8")


def test_the_folder_beside_it_holds_every_response_on_pages_of_two_megabytes(page: Path) -> None:
    pages = [path for path in (page.parent / "samples").iterdir() if path.name != "index.html"]
    assert sum(path.read_text(encoding="utf-8").count('<div class="say ') for path in pages) == 50122
    assert max(path.stat().st_size for path in pages) < 4_000_000


def test_it_opens_in_two_seconds_and_filters_five_thousand_rows_in_a_tenth(page: Path) -> None:
    """At the best of several tries, and longer where others are at work on this machine."""
    others = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    with chromium() as browser:
        times = []
        for _ in range(5):
            began = time.monotonic()
            seen = opened(browser, page.as_uri(), 1440)
            seen.page.wait_for_selector(".list a")
            times.append(time.monotonic() - began)
        rows = seen.page.evaluate(
            "JSON.parse(document.getElementById('samples-data').textContent).map((s) => s.rows.length)"
        )
        assert sum(rows) > 4_800
        assert min(times) < 2 * others
        assert seen.page.locator(".together .band").count() == 18 * (len(TERMS) + 1)  # and that of self-reflection
        assert min(seen.page.evaluate(FILTER, "cue") for _ in range(9)) < 100 * others
        assert min(seen.page.evaluate(FILTER, "differ") for _ in range(9)) < 100 * others
        assert seen.complaints == []
