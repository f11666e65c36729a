"""What holds for every page: nobody is shut out, nothing is cut off, nothing goes wrong behind it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.browser.axe import no_serious_fault
from tests.browser.inspected import Inspected
from tests.browser.pages import PAGES, recorded

LOOKS = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "narrow": {"viewport": {"width": 360, "height": 740}},
}


@pytest.fixture(scope="module")
def names(bridge: Inspected) -> dict[str, str]:
    return recorded(bridge)


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("name", PAGES)
def test_nobody_is_shut_out(browse: Callable[..., Page], names: dict[str, str], name: str, look: str):
    page = browse(**LOOKS[look])
    PAGES[name].open_in(page, **names)
    no_serious_fault(page)
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0, "the page scrolls sideways"
