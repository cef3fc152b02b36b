"""A headless Chromium for the tests of pages: the Debian package, installed if it is missing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

from tests.support.debian_packages import found_or_installed

NAMES = ("chromium", "chromium-browser", "google-chrome")


def chromium() -> str:
    """The path of Chromium. Installs it if allowed, else skips the test with a message."""
    return found_or_installed(
        lambda: next(filter(None, map(shutil.which, NAMES)), None), "chromium", "pages are not tested"
    )


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser, shared by all tests."""
    path = chromium()
    with sync_playwright() as playwright:
        # Containers lack the user namespaces that the sandbox needs. The pages are trusted.
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield started
        started.close()


class Opened:
    """A page opened from disk, with all its errors, messages and requests."""

    def __init__(self, browser: Browser, path: Path, width: int = 1000, scheme: Any = "light") -> None:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.on("request", self._request)
        self.page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))
        self.page.goto(path.resolve().as_uri())
        self.page.wait_for_selector("html[data-ready]", timeout=60_000)

    def rows(self, table: str) -> list[list[str]]:
        """The cells of a table's body, as text; `table` is its id."""
        rows: list[list[str]] = self.page.evaluate(
            "id => [...document.querySelectorAll(`#${id} tbody tr, tbody#${id} tr`)]"
            ".map(row => [...row.cells].map(cell => cell.textContent.trim()))",
            table,
        )
        return rows

    def charts(self) -> dict[str, int]:
        """The number of marks in each chart."""
        drawn: dict[str, int] = self.page.evaluate(
            "() => Object.fromEntries([...document.querySelectorAll('figure[data-chart]')].map(figure => ["
            "figure.dataset.chart, figure.querySelectorAll('svg .mark-rect.role-mark path').length]))"
        )
        return drawn

    def overflow(self) -> int:
        """The number of pixels by which the page is wider than the window."""
        wider: int = self.page.evaluate(
            "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        return wider

    def close(self) -> None:
        self.page.context.close()

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    def _request(self, request: Request) -> None:
        if not request.url.startswith("file:"):
            self.complaints.append(f"request: {request.url}")
