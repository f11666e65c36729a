"""The list of calls as somebody watches it: live whichever worker records, paused, searched, and left alone when it cannot be live."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.inspected import Inspected, inspected
from tests.browser.watch import Watch


def row(page: Page, call: str) -> object:
    return page.locator(f'[id="row-{call}"]')


def watched(page: Page, address: str = "/debug/") -> None:
    page.goto(address)
    expect(page.locator("#live-state")).to_have_text("live")


def test_calls_appear_by_themselves_whichever_worker_records_them(page: Page, bridge: Inspected):
    watched(page)
    for call in [bridge.call("1", "1", "1234") for _ in range(4)]:
        expect(row(page, call)).to_be_visible()
    expect(page.locator("tbody tr").first).to_contain_text("ended")


def test_a_list_that_is_paused_stays_as_it_is(page: Page, bridge: Inspected):
    watched(page)
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#live-state")).to_have_text("paused")
    call = bridge.call("1")
    time.sleep(2.5)  # twice as long as a list that is live takes to show it
    expect(row(page, call)).to_have_count(0)
    page.get_by_role("button", name="Go live").click()
    expect(row(page, call)).to_be_visible()
    expect(page.locator("#live-state")).to_have_text("live")


def test_a_search_goes_into_the_address_and_stays_live(page: Page, bridge: Inspected):
    other = bridge.call("1", called_number="0730000001")
    watched(page)
    expect(row(page, other)).to_be_visible()
    page.get_by_label("Number").fill("0730-000 002")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/debug/\?number=0730-000(%20|\+)002$"))
    expect(row(page, other)).to_have_count(0)
    expect(page.locator("#live-state")).to_have_text("live")
    wanted = bridge.call("1", called_number="0730000002")
    expect(row(page, wanted)).to_be_visible()
    bridge.call("1", called_number="0730000001")
    time.sleep(2)  # as long as it would take to appear here, too
    assert set(page.locator("tbody .who span:nth-child(2)").all_text_contents()) == {"→ ********02"}
    page.go_back()
    expect(row(page, other)).to_be_visible()


def test_a_filter_that_is_none_is_said_and_the_form_is_left(page: Page, watch: Watch):
    watch.expect("refused: GET .*/debug/.*digits=1234: 400")
    watched(page)
    page.get_by_text("More").click()
    page.get_by_label("Digits").fill("1234")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("**** finds every input of 4")
    expect(page.get_by_label("Digits")).to_have_value("1234")
    page.get_by_label("Digits").fill("1")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_call_is_reached_by_keyboard_though_the_list_changes(page: Page, bridge: Inspected):
    call = bridge.call("1")
    watched(page)
    row(page, call).focus()
    newer = bridge.call("1")
    expect(row(page, newer)).to_be_visible()
    expect(row(page, call)).to_be_focused()


def test_without_a_stream_the_list_is_looked_at_again_and_again(browse: Callable[..., Page], tmp_path: Path, watch: Watch):
    watch.expect("refused: GET .*/debug/live.*: 503")
    watch.expect("console error: .*object Event")
    with inspected(tmp_path, "[server]\nthreads = 9\nmax_calls = 8", workers=1) as bridge:  # no thread to spare
        page = browse(base_url=bridge.url)
        page.goto("/debug/")
        expect(page.locator("#live-state")).to_have_text("looking every 5 seconds")
        call = bridge.call("1")
        expect(row(page, call)).to_be_visible()
        page.goto("about:blank")
