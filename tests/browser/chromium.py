"""Debian's chromium, driven by Playwright: never a browser that Playwright downloads."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), "")
MISSING = "no chromium is installed: sudo apt-get install chromium"


@contextmanager
def launched() -> Iterator[Browser]:
    """The browser, without a window.

    Its sandbox is off, which is Playwright's default: it cannot be had as root or in most containers, and only our own pages are opened.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=PROGRAM)
        try:
            yield browser
        finally:
            browser.close()
