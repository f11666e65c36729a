"""A call that the bridge carries on, in a browser: its page, its ladder, the map, a replay; in light and dark and on a narrow screen."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import no_serious_fault
from tests.browser.inspected import Inspected, inspected
from tests.browser.test_pages import LOOKS
from tests.support import backend as backends
from tests.support.backend import reply
from tests.support.exchanges import FIXTURES, OPEN, Case, Playing

CALL = ("new_call_headers", "get_ivr_command_spoken", "get_ivr_command_typing", "get_ivr_command_pin")


@pytest.fixture(scope="module")
def carried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Inspected, str]]:
    """A call of two turns and two requests between them, and its id."""
    folder: Path = tmp_path_factory.mktemp("carried")
    with backends.running(reply({})) as backend, inspected(folder, OPEN, backend=backend.url) as bridge:

        def answer(body: bytes) -> None:
            backend.behave = reply(body)

        playing = Playing(bridge.bridge.post, answer)
        for name in CALL:
            assert playing.step(Case(FIXTURES / "mediaservice" / name)).status == 200
        (call_id,) = playing.ids.values()
        bridge.recorded(call_id, len(CALL))
        yield bridge, call_id


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("page_of", ["call?id=", "map?", "replay?id=", "exchanges?call_id=", "?call="])
def test_nobody_is_shut_out(browse: Callable[..., Page], carried: tuple[Inspected, str], page_of: str, look: str):
    bridge, call_id = carried
    page = browse(base_url=bridge.url, **LOOKS[look])
    response = page.goto(f"/debug/{page_of}{'' if page_of == 'map?' else quote(call_id)}")
    assert response is not None
    assert response.status == 200
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0, "the page scrolls sideways"
    no_serious_fault(page)


def test_what_goes_on_by_itself_stands_between_the_turns(browse: Callable[..., Page], carried: tuple[Inspected, str]):
    bridge, call_id = carried
    page = browse(base_url=bridge.url)
    page.goto(f"/debug/call?id={call_id}")
    names = page.locator(".chapter h3").all_inner_texts()
    assert names == ["Turn 1", "getIvrCommand after turn 1", "getIvrCommand after turn 1, again", "Turn 2"]
    expect(page.get_by_text("2 turns")).to_be_visible()
    ladder = page.get_by_role("group", name="Ladder diagram")
    expect(ladder.get_by_text("into the IVR · menu pin follows")).to_be_visible()
    expect(page.get_by_text("Nothing went wrong.")).to_be_visible()


def test_a_curl_command_posts_to_the_path_of_its_callback(browse: Callable[..., Page], carried: tuple[Inspected, str]):
    bridge, call_id = carried
    page = browse(base_url=bridge.url)
    page.goto(f"/debug/call?id={call_id}")
    commands = page.locator("pre[id^=curl-bridge]").all_text_contents()
    assert ["/mediaservice/newCall'" in text for text in commands] == [True, False, False, False]
    assert all("/mediaservice/getIvrCommand'" in text for text in commands[1:])


def test_the_map_knows_each_menu_once(browse: Callable[..., Page], carried: tuple[Inspected, str]):
    bridge, _ = carried
    found = json.loads(bridge.bridge.get("/debug/map?platform=mediaservice", Accept="application/json").body)
    assert {node["key"]: node["visits"] for node in found["nodes"]} == {"start": 1, "menu:pin": 1, "menu:again": 1}
    page = browse(base_url=bridge.url)
    page.goto("/debug/map?platform=mediaservice")
    expect(page.get_by_role("link", name="pin").first).to_be_visible()


def test_a_turn_is_sent_again_from_its_page(browse: Callable[..., Page], carried: tuple[Inspected, str]):
    bridge, call_id = carried
    page = browse(base_url=bridge.url)
    page.goto(f"/debug/call?id={call_id}")
    page.get_by_role("link", name="Replay this turn").last.click()
    expect(page.get_by_text("What came before it in its call is sent first.")).to_be_visible()
    page.get_by_role("button", name="Replay with stars").click()
    expect(page.get_by_role("table")).to_contain_text("the call goes on")
    assert page.get_by_role("row").count() == 1 + len(CALL)
