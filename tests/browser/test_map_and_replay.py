"""The menu map is a way to calls, also by keyboard; a replay asks for what was masked, and says what came back."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import no_serious_fault
from tests.browser.inspected import Inspected

LINK = 'a.head[href*="menu=order_he"]'


@pytest.fixture(scope="module")
def call(bridge: Inspected) -> str:
    return bridge.call("1", "1", "1234", "9")


@pytest.mark.usefixtures("call")
def test_a_menu_of_the_map_leads_to_its_calls(page: Page):
    page.goto("/debug/map")
    page.locator(LINK).click()
    expect(page).to_have_url(re.compile(r"/debug/\?menu=order_he"))
    page.goto("/debug/map")
    page.locator(LINK).focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')").startswith("/debug/?menu=order_he"), "its ways out come next"
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/debug/\?menu=order_he&digits="))


@pytest.mark.usefixtures("call")
def test_a_large_map_scrolls_within_its_own_box(browse: Callable[..., Page]):
    page = browse(viewport={"width": 400, "height": 800})
    page.goto("/debug/map")
    box = page.locator(".map")
    assert box.evaluate("it => it.scrollWidth > it.clientWidth")
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    expect(page.locator("#start")).to_be_in_viewport()
    expect(page.get_by_role("table").get_by_role("rowheader", name="order_he", exact=False).first).to_be_visible()


def test_a_call_is_replayed_once_what_was_masked_is_given(page: Page, call: str):
    page.goto(f"/debug/replay?id={call}")
    replay = page.get_by_role("button", name="Replay", exact=True)
    replay.click()
    expect(page.get_by_label("called_number")).to_be_focused()  # the browser asks for it: it is required
    for name, value in {"called_number": "0730000000", "caller_number": "0540000000", "caller_name": "Example Caller"}.items():
        page.get_by_label(name).fill(value)
    page.get_by_role("group", name="Turn 4").get_by_label("digits").fill("1234")
    replay.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Everything came back as it was")
    no_serious_fault(page)
    page.get_by_role("link", name="once more").click()
    page.get_by_role("group", name="Turn 3").get_by_label("digits").fill("2")
    page.get_by_role("button", name="Replay with stars").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Not as it was")
    expect(page.get_by_role("row", name="was: menu order_he, now: call")).to_be_visible()
    no_serious_fault(page)
