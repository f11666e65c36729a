"""A browser, a bridge with its inspector on, and pages in which nothing may go wrong unseen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser import chromium as chromiums
from tests.browser.inspected import TOKEN, Inspected, inspected
from tests.browser.watch import Watch

expect.set_options(timeout=20_000)  # a busy machine is no fault


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    if not chromiums.PROGRAM:
        pytest.skip(chromiums.MISSING)
    with chromiums.launched() as browser:
        yield browser


@pytest.fixture(scope="package")
def bridge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inspected]:
    """The bridge of all browser tests: four workers, the example backend. A test finds its calls by their ids."""
    with inspected(tmp_path_factory.mktemp("inspected")) as running:
        yield running


@pytest.fixture(scope="package")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inspected]:
    """A bridge whose inspector asks for TOKEN: `browse(base_url=guarded.url)`."""
    with inspected(tmp_path_factory.mktemp("guarded"), f'token = "{TOKEN}"', workers=2) as running:
        yield running


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Fails the test if anything went wrong in a page of it, unless `watch.expect(pattern)` announced it."""
    watching = Watch()
    yield watching
    assert not (faults := watching.verdict()), "\n".join(faults)


@pytest.fixture
def browse(chromium: Browser, watch: Watch, request: pytest.FixtureRequest) -> Iterator[Callable[..., Page]]:
    """Opens an empty page in a context of its own, with Playwright's options: `browse(color_scheme="dark")`."""
    contexts: list[BrowserContext] = []

    def opened(**options: Any) -> Page:
        if "base_url" not in options:
            options["base_url"] = request.getfixturevalue("bridge").url
        context = chromium.new_context(**{"locale": "en-GB", "timezone_id": "UTC", "reduced_motion": "reduce", **options})
        context.set_default_timeout(20_000)
        watch.over(context)
        contexts.append(context)
        return context.new_page()

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def page(browse: Callable[..., Page]) -> Page:
    """A page on the bridge of all browser tests: `page.goto("/debug/")`."""
    return browse()
