"""The report in a browser: it asks for nothing, complains of nothing, and works by mouse, keyboard and address."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from chromium import Opened, chromium, opened
from report_study import ARMS, EVIL, write_study
from visualzero.report import ReportInputs, build_report

DETAIL = ".explore .full h3"
PICTURES = "VISUALZERO_SCREENSHOTS"  # names the folder in which pictures of the page are kept


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("browser")
    build_report(write_study(folder), folder / "report")
    return (folder / "report" / "index.html").as_uri()


@pytest.fixture
def seen(browser: Any, address: str) -> Iterator[Opened]:
    one = opened(browser, address)
    yield one
    assert one.complaints == []
    assert one.requests == []
    one.page.context.close()


def count(seen: Opened) -> int:
    """How many responses pass the filters."""
    return int(seen.page.locator(".count").inner_text().split()[0])


def choose(seen: Opened, name: str, label: str) -> None:
    seen.page.locator(f".filters [name={name}]").select_option(label=label)


def test_every_chart_draws_all_its_arms(seen: Opened) -> None:
    figures = seen.page.locator(".together figure")
    assert figures.count() == 8
    reward = figures.filter(has_text=re.compile("^Reward"))
    assert reward.first.locator("polyline").count() == 1
    assert seen.page.locator(".together figure", has_text="Loss").locator("polyline").count() == 2


def test_an_arm_that_is_switched_off_leaves_every_chart_table_and_list(seen: Opened) -> None:
    page = seen.page
    before = count(seen)
    assert page.locator("[data-arm=base-sft]:visible").count() > 3
    page.locator(".arms summary").click()
    page.get_by_role("checkbox", name="Base + SFT").uncheck()
    assert page.locator("[data-arm=base-sft]:visible").count() == 0
    assert page.locator(".together figure", has_text="Loss").locator("polyline").count() == 1
    assert count(seen) == before * 3 // 4  # of four runs, one
    assert page.locator(".arms .now").inner_text() == "3 of 4 shown"


def test_values_are_shown_relative_to_an_arm(seen: Opened) -> None:
    page = seen.page
    value = page.locator(".forest").first.locator("[data-arm=base] .val")
    mine, other = (
        float(page.locator(".forest").first.locator(f"[data-arm={arm}]").get_attribute("data-value"))
        for arm in ("base", "base-sft")
    )
    assert value.inner_text() == f"{mine:.1f}"
    page.locator(".arms summary").click()
    page.locator(".reference").select_option("base-sft")
    assert float(value.inner_text().replace("\N{MINUS SIGN}", "-")) == pytest.approx(mine - other, abs=0.05)
    assert "less that of Base + SFT" in page.locator(".together figure", has_text="Loss").inner_text()
    assert "the reference has none" in page.locator(".together figcaption", has_text="Reward").first.inner_text()


def test_a_step_that_is_pointed_at_in_one_chart_is_shown_in_all(seen: Opened) -> None:
    page = seen.page
    plot = page.locator(".together .plot").first
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
    page.wait_for_function("document.querySelector('.values thead th').textContent === 'At step 21'")
    cursors = {line.get_attribute("x1") for line in page.locator(".together .cursor, [data-first='1.0'] .cursor").all()}
    assert cursors == {str(1000 * 20 / 39)}
    page.locator("#step").fill("40")
    page.wait_for_function("document.querySelector('.values thead th').textContent === 'At step 40'")
    row = page.locator(".values tbody tr", has_text="Base + GRPO")
    assert "0.95" in row.inner_text()  # the running mean of the reward at the end


def test_filters_narrow_the_list_and_clear_again(seen: Opened) -> None:
    everything = count(seen)
    choose(seen, "arm", "Base + GRPO")
    assert count(seen) == everything // 2  # two of four runs
    choose(seen, "verdict", "right")
    choose(seen, "task", "Depth")
    assert 0 < count(seen) < everything // 4
    assert set(seen.page.locator(".list a > span").all_inner_texts()) == {"\N{CHECK MARK} right"}
    seen.page.get_by_role("button", name="Clear").click()
    assert count(seen) == everything


def test_cues_flips_and_readings_that_differ_are_found(seen: Opened) -> None:
    page = seen.page
    page.get_by_label("has a cue").check()
    assert count(seen) == 4  # one response of each run
    assert page.locator(".full > pre mark").all_inner_texts() == ["Wait", "let me check again"]
    page.get_by_role("button", name="Clear").click()
    page.get_by_label("read differently by scorers").check()
    assert 0 < count(seen) < 64
    page.get_by_role("button", name="Clear").click()
    choose(seen, "against", "Base + SFT")
    assert count(seen) == 1  # seed 2 of GRPO alone has that question right


def test_a_link_leads_to_the_same_row_under_the_same_filters_after_a_reload(
    browser: Any, address: str, seen: Opened
) -> None:
    choose(seen, "arm", "Base + GRPO")
    choose(seen, "verdict", "wrong")
    seen.page.locator(".list a").nth(3).click()
    seen.page.locator(".arms summary").click()
    seen.page.get_by_role("checkbox", name="Base + SFT").uncheck()
    seen.page.locator(".reference").select_option("base")
    parts = (DETAIL, ".full .cap", ".count", ".arms .now")
    state = [seen.page.locator(where).first.inner_text() for where in parts]
    assert state[3].startswith("3 of 4 shown, relative to Base")
    link = seen.page.evaluate("location.href")
    assert "#explore?" in link
    seen.page.reload()
    other = opened(browser, link)
    for page in (seen.page, other.page):
        assert [page.locator(where).first.inner_text() for where in parts] == state
        assert page.locator(".list [aria-current]").count() == 1
    assert other.complaints == []


def test_j_and_k_go_through_the_list(seen: Opened) -> None:
    page = seen.page
    page.locator(".list a").first.click()
    for key, place in [("j", 1), ("j", 2), ("k", 1)]:
        page.keyboard.press(key)
        assert page.locator(".list li").nth(place).locator("[aria-current]").count() == 1
    page.locator("[name=find]").fill("jk")  # where they are letters
    assert page.locator("[name=find]").input_value() == "jk"


def test_rollouts_have_their_rewards_and_a_slider_over_the_steps_of_a_prompt(seen: Opened) -> None:
    page = seen.page
    choose(seen, "set", "rollouts of training")
    assert page.locator(".full > .values dt").all_inner_texts() == ["accuracy", "total", "advantage"]
    assert page.locator(".sampled output").inner_text() == "1"
    slider = page.locator("#sampled")
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert page.locator(".sampled output").inner_text() == "20"
    page.keyboard.press("ArrowRight")  # the slider is still there, and has the focus
    assert page.locator(".sampled output").inner_text() == "40"
    assert "sampled at 3 steps" in page.locator(".sampled").inner_text()
    assert page.locator(".says").count() > 0
    assert "step 40" in page.locator(DETAIL).inner_text()


def test_hostile_text_is_shown_as_text(seen: Opened) -> None:
    page = seen.page
    page.locator("[name=find]").fill("<script>")
    assert count(seen) > 0
    assert EVIL in page.locator(".full > pre").inner_text()
    for part in ("\N{HEBREW LETTER SHIN}", "characters left out", "\N{SYMBOL FOR NULL}"):
        page.locator("[name=find]").fill(part)
        assert count(seen) == 4, part
        assert part in page.locator(".full > pre").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") == 1280


def test_a_study_without_any_run_opens_too(browser: Any, tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_text("{}")
    build_report(ReportInputs("demo", tmp_path / "summary.json", ARMS), tmp_path / "report")
    seen = opened(browser, (tmp_path / "report" / "index.html").as_uri())
    assert seen.page.locator(".arms .now").inner_text() == "4 of 4 shown"
    assert seen.page.locator(".compare:visible, .explore").count() == 0
    assert seen.complaints == []


def test_without_scripting_nothing_that_needs_it_is_shown(browser: Any, address: str) -> None:
    page = opened(browser, address, java_script_enabled=False).page
    assert page.locator(".scripted:visible").count() == 0
    assert page.locator(".scriptless:visible").count() == 1
    assert page.locator(".forest .val:visible").count() > 3


@pytest.mark.parametrize("width", [360, 768, 1440, 1600])
def test_no_width_needs_scrolling_sideways(browser: Any, address: str, width: int) -> None:
    page = opened(browser, address, width).page
    assert page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 1440), ("light", 360)])
def test_axe_finds_nothing_serious(browser: Any, address: str, scheme: str, width: int) -> None:
    checker = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install -r tests/optional.lock")
    page = opened(browser, address, width, color_scheme=scheme).page
    page.locator(".arms summary").click()
    for details in page.locator("details:not(.arms) > summary").all():
        details.click()
    found = checker.Axe().run(page).response["violations"]
    told = [(one["id"], one["nodes"][0]["html"][:200]) for one in found if one["impact"] in ("serious", "critical")]
    assert told == []


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Where pictures go: a folder that is kept if the environment names one."""
    folder = Path(os.environ.get(PICTURES) or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_pictures_show_the_whole_page_in_its_scheme(
    browser: Any, address: str, width: int, scheme: str, pictures: Path
) -> None:
    file = pictures / f"page-{width}-{scheme}.png"
    page = opened(browser, address, width, color_scheme=scheme).page
    page.screenshot(path=file, full_page=True)
    with Image.open(file) as picture:
        assert picture.width == width
        assert picture.height == page.evaluate("document.documentElement.scrollHeight")
        paper = sum(picture.convert("RGB").getpixel((2, 2)))
    assert (paper > 600) == (scheme == "light")


def test_printing_leaves_out_what_needs_a_hand_and_shows_all_text(browser: Any, address: str, pictures: Path) -> None:
    page = opened(browser, address).page
    page.emulate_media(media="print")
    assert page.locator(".arms:visible, .filters:visible, .list:visible").count() == 0
    page.pdf(path=pictures / "page-print.pdf")
    assert (pictures / "page-print.pdf").stat().st_size > 10_000
