"""A headless Chromium for tests of the page: the system's own, driven by playwright, never a download."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
TIMEOUT_MS = 180_000
"""A machine may be busy."""
INSTALL = "apt-get update && apt-get install -y chromium"
VIEWS = {
    "board": "#view-board tbody tr",
    "compare": "#view-compare .card",
    "robustness": "#view-robustness tbody tr",
    "rounds": "#view-rounds tbody tr",
    "samples": "#sample .reply",
    "about": "#settings details",
}
"""What stands in each view of the page once it is there."""


def find() -> str:
    """The browser's file; the test is skipped where there is none, with the command that installs it."""
    found = next((file for name in NAMES if (file := shutil.which(name))), None)
    if not found:
        pytest.skip(f"no browser is installed; {INSTALL}")
    return found


@contextmanager
def launched() -> Iterator[Any]:
    """A browser. Root's Chromium runs without its sandbox, as it would not start otherwise."""
    driver = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    arguments = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with driver.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find(), args=[*arguments, "--disable-gpu"], timeout=TIMEOUT_MS
        )
        yield browser
        browser.close()


class Opened:
    """A page that remembers what went wrong in it."""

    def __init__(self, browser: Any, **options: Any) -> None:
        self.context = browser.new_context(**{"viewport": {"width": 1360, "height": 900}, **options})
        self.page = self.context.new_page()
        self.page.set_default_timeout(TIMEOUT_MS)
        self.faults: list[str] = []
        self.requests: list[str] = []
        self.page.on(
            "console", lambda told: self.faults.append(told.text) if told.type in ("error", "warning") else None
        )
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.faults.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        self.page.on("request", lambda request: self.requests.append(request.url))

    def go(self, address: str, wait_for: str) -> Any:
        """Open an address and wait until it shows what the selector names."""
        self.page.goto(address)
        self.page.wait_for_selector(wait_for)
        return self.page
