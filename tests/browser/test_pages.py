"""What holds for every page: nobody is shut out, nothing is cut off, nothing goes wrong behind it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import no_serious_fault
from tests.browser.inspected import TOKEN, Inspected
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
def test_nobody_is_shut_out(browse: Callable[..., Page], request: pytest.FixtureRequest, names: dict[str, str], name: str, look: str):
    address = PAGES[name]
    bridge: Inspected = request.getfixturevalue("guarded" if address.guarded else "bridge")
    page = browse(base_url=bridge.url, **LOOKS[look])
    address.open_in(page, **names)
    no_serious_fault(page)
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0, "the page scrolls sideways"


def test_a_call_is_found(page: Page, bridge: Inspected):
    call = bridge.call("1", "1", "1234")
    page.goto(f"/debug/exchanges?call_id={call}")
    expect(page.get_by_role("heading", level=1)).to_contain_text(call)
    page.get_by_role("link").filter(has=page.locator("time")).first.click()
    expect(page.get_by_role("heading", name="Stations")).to_be_visible()


def test_who_knows_the_token_gets_in_and_out(browse: Callable[..., Page], guarded: Inspected):
    page = browse(base_url=guarded.url)
    page.goto("/debug/exchanges?call_id=nobody")
    page.get_by_label("Token").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    no_serious_fault(page)
    page.get_by_label("Token").fill(TOKEN)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("nobody")  # where they wanted to go
    page.get_by_role("button", name="Log out").click()
    page.goto("/debug/")
    expect(page.get_by_label("Token")).to_be_focused()
