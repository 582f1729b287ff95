"""Pages in a headless Chromium that notes what they complain of and what they ask for. Skipped where there is none."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


@dataclass
class Opened:
    """A page; `complaints` are its errors and warnings, `requests` what it asked for beside itself."""

    page: Any
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser of Playwright, on the system's Chromium."""
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright: pip install -r tests/optional.lock")
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip("no Chromium here: apt-get install --no-install-recommends chromium")
    with playwright.sync_playwright() as started:
        root = os.geteuid() == 0  # for whom Chromium has no sandbox
        browser = started.chromium.launch(executable_path=program, args=["--no-sandbox"] if root else [])
        yield browser
        browser.close()


def opened(browser: Any, address: str, width: int = 1280, **options: Any) -> Opened:
    """A fresh page at that address; `options` are those of a Playwright context."""
    page = browser.new_context(viewport={"width": width, "height": 900}, **options).new_page()
    seen = Opened(page)
    page.on("console", lambda message: seen.complaints.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    page.on("request", lambda request: _note(seen, request.url, address))
    page.goto(address)
    return seen


def _note(seen: Opened, url: str, address: str) -> None:
    if not url.startswith("data:") and url.partition("#")[0] != address.partition("#")[0]:
        seen.requests.append(url)
