"""The phone in a browser on a phone system that asks for each round anew, and is told over its API whom to dial."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.inspected import Inspected, inspected
from tests.browser.test_phone import called, log_of
from tests.pbx.configured import CONFIGURED
from tests.support import backend as backends
from tests.support import bridge as bridges
from tests.support.backend import reply


@pytest.fixture(scope="module")
def bridge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inspected]:
    folder = tmp_path_factory.mktemp("mediaservice")
    with inspected(folder, CONFIGURED["mediaservice"](folder, bridges.free_port()), workers=2) as running:
        yield running


@pytest.fixture
def phone(browse: Callable[..., Page], bridge: Inspected) -> Page:
    return browse(base_url=bridge.url)


def test_each_platform_is_offered_its_own_dialects(phone: Page):
    phone.goto("/debug/phone")
    dialect = phone.locator("#dialect")
    expect(dialect).to_have_value("xmlrpc")
    assert dialect.locator("option:not([disabled])").all_inner_texts() == ["XML-RPC", "JSON", "JSON-RPC 2.0"]
    phone.locator("#platform").select_option("mediaservice")
    expect(dialect).to_have_value("rest")
    assert dialect.locator("option:not([disabled])").all_inner_texts() == ["REST"]
    phone.locator("#platform").select_option("voicenter")
    expect(dialect).to_have_value("xmlrpc")


def test_a_whole_call_with_a_transfer_and_a_recording(phone: Page, bridge: Inspected):
    called(phone, platform="mediaservice")
    log = log_of(phone)
    expect(log).to_contain_text("plays welcome · up to 1 digit")
    expect(log).not_to_contain_text("menu", timeout=100)
    phone.keyboard.press("1")
    expect(log).to_contain_text("plays main_menu_he")
    phone.keyboard.press("1")
    expect(log).to_contain_text("plays order_number_he · up to 4 digits")
    phone.keyboard.type("1234")
    expect(log).to_contain_text("says 0 5 4 7")
    expect(log).to_contain_text("plays anything_else_he")
    phone.keyboard.press("1")
    expect(log.get_by_text("plays main_menu_he")).to_have_count(2)
    phone.keyboard.press("2")
    expect(log).to_contain_text("dials 0501234567 for at most 20 s")
    phone.get_by_role("button", name="Busy").click()
    expect(log).to_contain_text("plays nobody_answers_he")
    phone.keyboard.press("1")
    expect(log).to_contain_text("is recorded for at most 120 s")
    phone.get_by_role("button", name="Hang up").click()
    expect(log).to_contain_text("acknowledged (HTTP 200)")
    turns = phone.locator("article.turn h3 code")
    expect(turns.first).to_have_text("sessionCompleted")
    assert turns.all_inner_texts()[:-4:-1] == ["newCall", "callAnswered", "getIvrCommand"]
    expect(phone.locator("article.turn > details[open]")).to_have_count(1)
    assert {row["origin"] for row in bridge.recorded(phone.locator("[data-call-id]").inner_text(), 15)} == {"phone"}


def test_a_silent_round_is_followed_by_another(phone: Page):
    called(phone, platform="mediaservice")
    log = log_of(phone)
    expect(log).to_contain_text("plays welcome")
    phone.get_by_role("button", name="Do not wait").click()
    expect(log.get_by_text("plays welcome")).to_have_count(2)
    phone.get_by_role("button", name="Hang up").click()
    expect(log).to_contain_text("acknowledged (HTTP 200)")


def test_a_conversation_after_which_the_target_hangs_up(phone: Page):
    called(phone, platform="mediaservice")
    log = log_of(phone)
    for key, prompt in (("2", "main_menu_en"), ("2", "connecting_en")):
        expect(log).to_contain_text("plays welcome" if prompt == "main_menu_en" else "plays main_menu_en")
        phone.keyboard.press(key)
        expect(log).to_contain_text(f"plays {prompt}")
    phone.get_by_role("button", name="Answered").click()
    expect(log).to_contain_text("talks to 0501234567")
    phone.get_by_role("button", name="Do not wait").click()
    expect(log).to_contain_text("the target hangs up")
    expect(log).to_contain_text("acknowledged (HTTP 200)")
    expect(phone.locator("article.turn", has_text="callEvent").first).to_be_visible()


def test_the_drill_is_heard_too(phone: Page):
    called(phone, platform="mediaservice", fault="wrong_action", fault_from="3")
    log = log_of(phone)
    expect(log).to_contain_text("plays welcome")
    phone.keyboard.press("1")
    expect(log).to_contain_text("1 attempt at the backend, unknown_action); then the fallback:")
    expect(log).to_contain_text("plays technical_problem")
    expect(log).to_contain_text("The phone system hangs up.")


def test_the_key_that_ends_the_digits(browse: Callable[..., Page], tmp_path: Path):
    asks = {"action": "menu", "menu": "order", "prompt": "order_number", "max_digits": 6, "finish_key": "#"}
    with backends.running(reply(asks)) as backend, inspected(tmp_path, workers=1, backend=backend.url) as running:
        page = browse(base_url=running.url)
        called(page, platform="mediaservice")
        expect(log_of(page)).to_contain_text("plays order_number · up to 6 digits, or #")
        page.keyboard.type("12#")
        expect(log_of(page)).to_contain_text("presses 12#")
        expect(log_of(page).get_by_text("plays order_number")).to_have_count(2)
        assert [question.json["digits"] for question in backend.questions if question.json.get("digits")] == ["12"]
        page.get_by_role("button", name="Hang up").click()
        expect(log_of(page)).to_contain_text("acknowledged (HTTP 200)")
