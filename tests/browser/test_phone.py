"""The phone in a browser: whole calls by keyboard alone, the phone system's clock, the fault drill, and what goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.axe import no_serious_fault
from tests.browser.inspected import Inspected, inspected
from tests.browser.watch import Watch
from tests.support import backend as backends
from tests.support.backend import reply


def log_of(page: Page) -> Locator:
    return page.get_by_role("log")


def called(page: Page, **fields: str) -> None:
    """The phone's page, and a call begun on it."""
    page.goto("/debug/phone")
    for label, value in fields.items():
        field = page.locator(f"#{label}")
        field.select_option(value) if field.evaluate("it => it.tagName") == "SELECT" else field.fill(value)
    page.get_by_role("button", name="Call", exact=True).click()


def logged_in(page: Page) -> None:
    """Whoever says the token."""
    if "/debug/login" not in page.url:
        page.goto("/debug/phone")
    page.locator("input[type=password]").fill("let-me-in-please-now")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Call", exact=True)).to_be_visible()


def tabbed_to(page: Page, name: str) -> None:
    """Go there by the tabulator."""
    there = page.get_by_role("button", name=name, exact=True)
    for _ in range(60):
        if there.evaluate("it => it === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the tabulator does not come to {name}")


@pytest.mark.parametrize("look", [{}, {"color_scheme": "dark", "viewport": {"width": 360, "height": 740}}], ids=["wide", "narrow and dark"])
def test_a_whole_call_by_keyboard_alone(browse: Callable[..., Page], bridge: Inspected, look: dict):
    page = browse(**look)
    page.goto("/debug/phone")
    tabbed_to(page, "Call")
    page.keyboard.press("Enter")
    expect(log_of(page)).to_contain_text("plays welcome · up to 1 digit · menu language")
    no_serious_fault(page)
    page.keyboard.press("1")
    expect(log_of(page)).to_contain_text("menu main_he")
    page.keyboard.press("1")
    expect(log_of(page)).to_contain_text("up to 4 digits · menu order_he")
    page.keyboard.type("12")
    expect(page.get_by_label("Digits pressed")).to_have_text("1 2 _ _")
    page.keyboard.type("34")
    expect(log_of(page)).to_contain_text("says 0 5 4 7")
    expect(log_of(page)).to_contain_text("menu after_order_he")
    page.keyboard.press("1")
    expect(log_of(page).get_by_text("menu main_he")).to_have_count(2)
    page.keyboard.press("2")
    expect(page.get_by_role("group", name="What comes of dialling")).to_be_visible()
    expect(log_of(page)).to_contain_text("dials 0501234567 for at most 20 s")
    no_serious_fault(page)
    tabbed_to(page, "Busy")
    page.keyboard.press("Enter")
    expect(log_of(page)).to_contain_text("the line is busy")
    expect(log_of(page)).to_contain_text("menu nobody_he")
    page.keyboard.press("1")
    expect(log_of(page)).to_contain_text("is recorded for at most 120 s")
    tabbed_to(page, "Hang up")
    page.keyboard.press("Enter")
    expect(log_of(page)).to_contain_text("acknowledged (STATUS 0)")
    expect(page.get_by_role("button", name="Call again")).to_be_focused()
    no_serious_fault(page)
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    turns = page.locator("article.turn")
    expect(turns).to_have_count(8)
    expect(turns.first).to_contain_text("HANGUP_CALL")
    expect(turns.first.locator("> details")).to_have_attribute("open", "")
    expect(turns.last).to_contain_text("answered")
    kept = bridge.recorded(page.locator("[data-call-id]").inner_text(), 9)
    assert {row["origin"] for row in kept} == {"phone"}
    assert [row["outcome"] for row in kept][-2:] == ["stored", "delivered"]


def test_silence_plays_the_prompt_as_often_as_the_action_says(page: Page):
    page.clock.install()
    called(page)
    expect(log_of(page)).to_contain_text("plays welcome")
    expect(page.get_by_text("up to 1 digit · played 2 times, 3 s after each")).to_be_visible()
    page.clock.run_for(2_100)
    expect(page.get_by_text("Silence, 3 s")).to_be_visible()
    page.clock.run_for(3_000)
    expect(log_of(page)).to_contain_text("plays welcome again, 2 of 2")
    expect(log_of(page)).not_to_contain_text("presses nothing")
    page.clock.run_for(5_200)
    expect(log_of(page)).to_contain_text("presses nothing")
    page.get_by_role("button", name="Hang up").click()


def test_silence_passes_at_once_where_nobody_waits(page: Page):
    called(page)
    expect(log_of(page)).to_contain_text("plays welcome")
    page.get_by_role("button", name="Do not wait").click()
    expect(log_of(page)).to_contain_text("presses nothing")
    expect(log_of(page)).to_contain_text("menu last_chance_he")
    page.get_by_role("button", name="Hang up").click()
    expect(log_of(page)).to_contain_text("The caller hangs up.")
    expect(log_of(page)).to_contain_text("acknowledged (STATUS 0)")


def test_the_drill_says_what_the_caller_hears_and_when(page: Page, bridge: Inspected):
    called(page, fault="wrong_action", fault_from="2")
    expect(log_of(page)).to_contain_text("plays welcome")
    page.keyboard.press("1")
    expect(log_of(page)).to_contain_text("1 attempt at the backend, unknown_action); then the fallback:")
    expect(log_of(page)).to_contain_text("plays technical_problem")
    expect(log_of(page)).to_contain_text("The phone system hangs up.")
    expect(page.locator("article.turn", has_text="fallback").first).to_contain_text("The caller hears nothing for")
    call_id = page.locator("[data-call-id]").inner_text()
    assert call_id.startswith("rb-drill-")
    assert {row["origin"] for row in bridge.recorded(call_id, 4)} == {"drill"}
    page.get_by_role("link", name="this call in the inspector").click()
    expect(page.get_by_role("main")).to_contain_text(call_id)


def test_right_to_left_text_and_markup_are_text(browse: Callable[..., Page], tmp_path: Path):
    menu = {"action": "menu", "menu": "<b>תפריט</b>", "prompt": "ברוכים הבאים", "max_digits": 3, "validate_digits": True}
    with backends.running(reply(menu)) as backend, inspected(tmp_path, workers=1, backend=backend.url) as bridge:
        page = browse(base_url=bridge.url)
        called(page, caller_name="דנה לוי")
        prompt = log_of(page).get_by_text("ברוכים הבאים")
        expect(prompt).to_be_visible()
        assert prompt.evaluate("it => getComputedStyle(it).direction") == "rtl"
        expect(log_of(page).get_by_text("<b>תפריט</b>")).to_be_visible()
        expect(page.get_by_text("validation asked for, not simulated")).to_be_visible()
        assert log_of(page).locator("b").count() == 0
        page.get_by_role("button", name="Hang up").click()
        expect(log_of(page)).to_contain_text("acknowledged (STATUS 0)")


def test_a_form_that_cannot_be_used_says_where(page: Page, watch: Watch):
    watch.expect("phone/call: 400")
    called(page, called_number="")
    expect(page.get_by_label("Called number")).to_be_focused()
    expect(page.get_by_text("expected the number that is called")).to_be_visible()
    no_serious_fault(page)


def test_a_step_that_fails_can_be_tried_again(page: Page, watch: Watch):
    watch.expect("phone/press: 401")
    called(page)
    expect(log_of(page)).to_contain_text("plays welcome")
    page.route("**/debug/phone/press", lambda route: route.fulfill(status=401, body="forbidden"))
    page.keyboard.press("1")
    expect(page.get_by_role("alert").get_by_text("You are not logged in any more")).to_be_visible()
    no_serious_fault(page)
    page.unroute("**/debug/phone/press")
    page.get_by_role("button", name="Try again").click()
    expect(log_of(page)).to_contain_text("menu main_he")
    page.get_by_role("button", name="Hang up").click()
    expect(log_of(page)).to_contain_text("acknowledged (STATUS 0)")


def test_a_call_goes_on_after_a_new_login(browse: Callable[..., Page], watch: Watch, tmp_path: Path):
    watch.expect("phone/press: 401")
    with inspected(tmp_path, 'token = "let-me-in-please-now"', workers=2) as bridge:
        page = browse(base_url=bridge.url)
        logged_in(page)
        called(page)
        expect(log_of(page)).to_contain_text("plays welcome")
        page.context.clear_cookies()
        page.keyboard.press("1")
        expect(page.get_by_role("alert").get_by_text("You are not logged in any more")).to_be_visible()
        with page.context.expect_page() as opened:
            page.get_by_role("link", name="Log in in another tab").click()
        logged_in(opened.value)
        page.get_by_role("button", name="Try again").click()
        expect(log_of(page)).to_contain_text("menu main_he")
        page.get_by_role("button", name="Hang up").click()
        expect(log_of(page)).to_contain_text("acknowledged (STATUS 0)")


def test_a_bridge_that_takes_its_time_is_waited_for(page: Page):
    called(page, fault="slow")
    expect(page.get_by_text("The bridge is asked…")).to_be_visible()
    expect(log_of(page)).to_contain_text("timeout); then the fallback:")


def test_the_caller_may_hang_up_while_the_bridge_is_asked(page: Page, bridge: Inspected):
    called(page, fault="slow")
    expect(page.get_by_text("The bridge is asked…")).to_be_visible()
    page.get_by_role("button", name="Hang up").click()
    expect(log_of(page)).to_contain_text("acknowledged (STATUS 0)")
    expect(page.get_by_text("The call is over")).to_be_visible()
    expect(log_of(page)).not_to_contain_text("technical_problem")  # nobody was there to hear it
    assert [row["outcome"] for row in bridge.recorded(page.locator("[data-call-id]").inner_text(), 3)] == ["fallback", "stored", "delivered"]


def test_digits_and_names_of_recordings_are_spoken_where_that_is_switched_on(page: Page):
    page.add_init_script("window.said = []; speechSynthesis.speak = (it) => said.push([it.text, it.lang])")
    page.goto("/debug/phone")
    page.get_by_label("Speak aloud").check()
    page.get_by_role("button", name="Call", exact=True).click()
    for menu, keys in (("language", "2"), ("main_en", "1"), ("order_en", "5678")):
        expect(log_of(page).get_by_text(menu, exact=True)).to_be_visible()
        page.keyboard.type(keys)
    expect(log_of(page)).to_contain_text("says 0 3 1 2")
    said = page.evaluate("said")
    assert said[:3] == [["welcome", "he"], ["main menu en", "en"], ["order number en", "en"]]
    assert [word for word in said if word[0].isdigit()] == [[digit, "en"] for digit in "0312"]
    page.get_by_role("button", name="Hang up").click()
    expect(log_of(page)).to_contain_text("acknowledged (STATUS 0)")


def test_whoever_leaves_the_page_hangs_up(page: Page, bridge: Inspected):
    called(page)
    expect(log_of(page)).to_contain_text("plays welcome")
    call_id = page.locator("[data-call-id]").inner_text()
    page.goto("/debug/")
    assert [row["outcome"] for row in bridge.recorded(call_id, 3)] == ["answered", "stored", "delivered"]
