"""The map of a real bridge: scripted calls to the example backend, and what the page counts of them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest

from rpcbridge.domain.origins import made
from tests.support import bridge as bridges
from tests.support.bridge import awaited
from tests.support.calls import xml as question
from tests.support.lines import placed

CALLED = "0731234567"
TOML = """
[backend]
url = "http://127.0.0.1:{port}"
[debug]
enabled = true
[capture]
secret_menus = ["after_order_he"]
"""

# What callers do: digits for each menu they hear, then they hang up; and how often.
SCRIPTS = {
    ("1", "1", "1234", "9"): 5,  # an order, its code, goodbye
    ("1", "1", "9999", "1234"): 3,  # the order is asked for again
    ("1", "7", "9"): 4,  # a wrong choice, then goodbye
    ("2", "3"): 6,  # English, a message
    ("2",): 8,  # hangs up in the English main menu
    ("5", "1", "2"): 2,  # the language again, then a person
    ("",): 3,  # says nothing, hangs up in the last chance
    (): 9,  # hangs up at once
}
TOTAL = sum(SCRIPTS.values())
MENU = {"1": "main_he", "2": "main_en"}


@pytest.fixture(scope="module")
def called(tmp_path_factory: pytest.TempPathFactory) -> Iterator[bridges.Running]:
    """A bridge that got all these calls."""
    port = bridges.free_port()
    program = subprocess.Popen([sys.executable, str(bridges.ROOT / "examples" / "shop.py"), "--port", str(port)])
    try:
        with bridges.running(tmp_path_factory.mktemp("map"), TOML.format(port=port)) as bridge:
            awaited(lambda: placed(bridge, "probe", ()) == ["language"], 30)
            for number, presses in enumerate(presses for presses, times in SCRIPTS.items() for _ in range(times)):
                placed(bridge, f"call{number}", presses)
            placed(bridge, made("phone", "01KB0Q8ZJ5T3V9W2X4Y6Z8A0BC"), ("2", "3"), CALLED)
            awaited(lambda: edges(looked_up(bridge, origin="all")).get(("start", None, "language")) == TOTAL + 2, 30)
            yield bridge
    finally:
        program.terminate()
        program.wait(10)


def looked_up(bridge: bridges.Running, **query: str) -> dict:
    got = bridge.get(f"/debug/map?{urlencode(query)}", Accept="application/json")
    assert got.status == 200, got.body
    found: dict = json.loads(got.body)
    return found


def edges(found: dict) -> dict[tuple, int]:
    return {(edge["source"].removeprefix("menu:"), edge["digits"], edge["target"].removeprefix("menu:")): edge["count"] for edge in found["edges"]}


def test_the_map_counts_what_callers_did(called: bridges.Running):
    found = looked_up(called, number="0730000000")
    nodes = {node["key"].removeprefix("menu:"): node for node in found["nodes"]}
    ways = edges(found)
    assert found["calls"] == nodes["start"]["callers"] == ways["start", None, "language"] == TOTAL + 1
    for digits, menu in MENU.items():
        assert ways["language", digits, menu] == sum(times for presses, times in SCRIPTS.items() if digits in presses[:1] or presses[:2] == ("5", digits))
    assert ways["language", "5", "language"] == 2
    assert (ways["main_he", "1", "order_he"], ways["main_he", "7", "main_he"], ways["main_he", "9", "hangup"]) == (8, 4, 4)
    assert (ways["main_he", "2", "call"], ways["main_en", "3", "record"]) == (2, 6)
    assert (ways["order_he", "****", "after_order_he"], ways["order_he", "****", "order_he"]) == (8, 3)
    assert (nodes["main_en"]["dropped"], nodes["main_en"]["callers"], nodes["main_en"]["dropped_share"]) == (8, 14, 0.571)
    assert (nodes["after_order_he"]["dropped"], nodes["after_order_he"]["went_on"]) == (3, 5)
    assert (nodes["language"]["dropped"], nodes["last_chance_he"]["dropped"]) == (10, 3)
    assert [node["name"] for node in found["nodes"] if node["dead_end"]] == ["last_chance_he"]
    assert {edge["target"] for edge in found["edges"] if edge["looped"]} == {"menu:language", "menu:main_he", "menu:order_he"}
    (secret,) = [edge["label"] for edge in found["edges"] if edge["source"] == "menu:after_order_he"]
    assert secret == "1 digit", "in a secret menu every digit is masked"


def test_the_page_draws_and_tells_the_same(called: bridges.Running):
    got = called.get("/debug/map")
    page = got.body.decode()
    assert (got.status, "'unsafe" in got.headers["content-security-policy"]) == (200, False)
    drawing = ElementTree.fromstring(page[page.index("<svg width=\"", page.index('class="map"')) : page.rindex("</svg>") + 6])
    names = [text.text for text in drawing.iter("text") if text.get("class") == "name"]
    for menu in ("language", "main_he", "main_en", "order_he", "after_order_he", "last_chance_he"):
        assert menu in names
        assert f'<a href="/debug/?menu={menu}&amp;origin=real">{menu}</a>' in page
    assert 'href="/debug/?menu=main_he&amp;digits=7&amp;origin=real"' in page
    for words in ("✕ 8 hung up here, 57 %", "⊘ dead end", "↺", "4 digits"):
        assert words in page
    for link in drawing.iter("a"):
        assert "".join(link.itertext()).strip()
    assert not re.search(r"style=|onclick|<script>", page)


def test_filters_stand_in_the_url(called: bridges.Running):
    assert looked_up(called)["calls"] == TOTAL + 1
    assert looked_up(called, number=CALLED)["calls"] == 0
    assert looked_up(called, number=CALLED, origin="phone")["calls"] == 1
    assert looked_up(called, number="073123456", origin="all")["calls"] == 0, "an exact number"
    assert looked_up(called, platform="voicenter", last="1h")["calls"] == TOTAL + 1
    assert looked_up(called, platform="other")["calls"] == 0
    assert looked_up(called, until="2020-01-01")["calls"] == 0
    assert looked_up(called, **{"from": "2020-01-01T00:00:00+02:00"})["calls"] == TOTAL + 1
    assert len(looked_up(called, **{"from": "yesterday"}, last="week", origin="moon")["problems"]) == 3
    assert len(looked_up(called, **{"from": "0001-01-01T00:00+14:00"}, until="9999-12-31")["problems"]) == 2, "no time of ours"
    page = called.get("/debug/map?platform=%3Cscript%3E").body.decode()
    assert "that fits" in page
    page = called.get(f"/debug/map?number={CALLED}&origin=phone&from=2020-01-01T02:00%2B02:00").body.decode()
    assert f'href="/debug/?menu=main_en&amp;digits=3&amp;from=2020-01-01T00%3A00%3A00&amp;number={CALLED}&amp;origin=phone"' in page
    assert len(looked_up(called, **{"from": "0001-01-01T00:00+14:00"}, until="9999-12-31")["problems"]) == 2, "no time of ours"
    page = called.get("/debug/map?platform=%3Cscript%3E").body.decode()
    assert "<script>" not in page
    assert "<option selected>&lt;script&gt;</option>" in page


def test_a_menu_is_text_in_the_drawing(called: bridges.Running):
    called.post(question(IVR_UNIQUE_ID="xss", MENU="<b>&\"'</b>", DTMF="1"))
    awaited(lambda: any(node["name"].startswith("<b>") for node in looked_up(called)["nodes"]))
    page = called.get("/debug/map").body.decode()
    assert "<b>" not in page
    assert "&lt;b&gt;" in page
