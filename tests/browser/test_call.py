"""The page of a call in a browser: from what went wrong to the turn, and through the ladder, by mouse and by keyboard."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import no_serious_fault
from tests.browser.inspected import Inspected, inspected
from tests.support import backend as backends
from tests.support.backend import in_turn, reply
from tests.support.calls import xml

MENU = {"action": "menu", "menu": "תפריט", "prompt": "welcome"}


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Inspected, list[str]]]:
    """A call of three turns: one was tried twice, the last got the fallback; and the ids of its exchanges."""
    folder: Path = tmp_path_factory.mktemp("call")
    behave = in_turn(reply(MENU), reply(b"", 503), reply(MENU), reply({"action": "menu"}))
    with backends.running(behave) as backend, inspected(folder, backend=backend.url) as bridge:
        backend.take = reply(b"", 204)
        for menu in ("-1", "תפריט", "תפריט"):
            bridge.bridge.post(xml(IVR_UNIQUE_ID="troubled", MENU=menu, DTMF="" if menu == "-1" else "1"))
        yield bridge, [row["id"] for row in bridge.recorded("troubled", 4) if row["event"] == "action_requested"]


@pytest.fixture
def call(browse: Callable[..., Page], troubled: tuple[Inspected, list[str]]) -> Page:
    page = browse(base_url=troubled[0].url)
    page.goto("/debug/call?id=troubled")
    return page


def test_what_went_wrong_leads_to_its_turn(call: Page, troubled: tuple[Inspected, list[str]]):
    wrong = call.get_by_role("list", name="What went wrong").get_by_role("listitem").first
    expect(wrong).to_contain_text("the caller got the fallback: invalid_answer")
    wrong.get_by_role("link").click()
    turn = call.locator(f"#e-{troubled[1][2]}")
    expect(turn).to_be_in_viewport()
    expect(turn.get_by_role("heading", level=4, name="Backend answers")).to_be_visible()  # open, for something went wrong there


def test_each_exchange_of_the_ladder_leads_to_its_place_by_keyboard(call: Page, troubled: tuple[Inspected, list[str]]):
    link = call.get_by_role("group", name="Ladder diagram").get_by_role("link").nth(1)
    link.focus()
    call.keyboard.press("Enter")
    assert call.url.endswith(f"#e-{troubled[1][1]}")
    expect(call.locator(f"#e-{troubled[1][1]}")).to_be_in_viewport()


def test_fields_and_raw_payloads_open_and_nothing_is_shut_out_then(call: Page, troubled: tuple[Inspected, list[str]]):
    turn = call.locator(f"#e-{troubled[1][0]}")
    for summary in turn.locator("summary").all():
        if summary.is_visible() and not summary.evaluate("it => it.parentElement.open"):
            summary.click()
    expect(turn.get_by_role("cell", name="CALLER_ID")).to_be_visible()
    expect(turn.get_by_text("raw").first).to_be_visible()
    no_serious_fault(call)
    assert call.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0


def test_a_narrow_screen_scrolls_the_ladder_alone(browse: Callable[..., Page], troubled: tuple[Inspected, list[str]]):
    page = browse(base_url=troubled[0].url, viewport={"width": 360, "height": 740})
    page.goto("/debug/call?id=troubled")
    box = page.locator(".ladder-box")
    assert box.evaluate("it => it.scrollWidth > it.clientWidth")
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
