"""The five stations as a page shows them: laid out and in colours, as they are where that fails; the ladder as a file of its own."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest
from flask import Flask

from rpcbridge.inspector.exports import Around
from rpcbridge.inspector.ladder import laid_out
from rpcbridge.web.debug import drawing
from rpcbridge.web.debug.stations import coloured, station_views
from tests.inspector.recorded import document
from tests.support.bridge import ROOT
from tests.support.markup import elements

SVG = "{http://www.w3.org/2000/svg}"


def test_the_five_stations_in_order():
    views = station_views(document())
    assert [view.name for view in views] == ["platform_request", "event", "backend_request", "backend_response", "platform_response"]
    assert all(view.there and view.shown for view in views)
    assert [view.form for view in views] == ["xml", "json", "json", "json", "xml"]
    assert views[2].line == "POST http://b.example/ivr/action"


def test_what_the_exchange_did_not_reach_is_not_there():
    views = station_views(document(event=None, answer=None, response=""))
    assert [view.there for view in views] == [True, False, True, False, False]


@pytest.mark.parametrize(
    "body", ["<methodCall><a", "{'half", "[[[[", "<![CDATA[", "plain text", "a=1&b=%3C", "\x01\x02", "{" * 5000, "<" * 5000, "<a>" * 3000, '{"a":"' + "x" * 9000 + '"}']
)
def test_a_payload_that_nothing_can_be_made_of_is_shown_as_it_is(body: str):
    (view, *_) = station_views(document(request=body))
    assert view.there
    said = [tag for tag, _ in elements(str(view.shown))]
    assert set(said) <= {"span"}


def test_colours_are_classes_and_everything_in_a_payload_is_text():
    html = str(coloured('<value class="x"><script>alert("1")</script><img src=x onerror=alert(1)></value>'))
    assert {tag for tag, _ in elements(html)} == {"span"}
    assert {name for _, attributes in elements(html) for name in attributes} == {"class"}
    assert str(coloured("<" + "x" * 20_000)).count("<") == 0, "too long for colours, not for being shown"


def test_colours_can_be_left_out():
    assert "<span" not in "".join(str(view.shown) for view in station_views(document(), colours=False))


def test_a_payload_of_which_only_the_beginning_was_kept_says_so():
    seen = document(request="<methodCall>" + "x" * 16_372)
    seen["stations"]["platform_request"]["size"] = 40_000
    assert [view.cut for view in station_views(seen)] == [True, False, False, False, False]


def test_raw_is_there_where_it_is_not_what_is_shown():
    seen = document(answer='{"action":"hangup"}')
    views = station_views(seen)
    assert views[3].raw == '{"action":"hangup"}'
    assert "\n" in str(views[3].shown)
    assert station_views(document(answer="plain"))[3].raw == ""


@pytest.fixture
def alone() -> ElementTree.Element:
    """A ladder with an attack in it, as a file."""
    attack = '"><script>alert(1)</script>&\x01]]>'
    ladder = laid_out([document(1, says={"menu": attack}, method=attack), document(2, 5.0, outcome="fallback", reason="timeout")], {})
    with Flask("drawing", template_folder=str(ROOT / "rpcbridge/web/debug/templates")).app_context():
        return ElementTree.fromstring(drawing.alone(ladder, attack).encode())


def test_the_ladder_alone_is_well_formed_and_needs_nothing_from_elsewhere(alone: ElementTree.Element):
    tags = {element.tag.removeprefix(SVG) for element in alone.iter()}
    assert tags == {"svg", "title", "desc", "style", "rect", "g", "path", "text"}
    assert not [name for element in alone.iter() for name in element.attrib if name.endswith("href") or name == "style"]


def test_the_ladder_alone_says_its_colours_and_what_it_is(alone: ElementTree.Element):
    style = alone.find(f"{SVG}style")
    assert style is not None
    assert style.text is not None
    assert "var(" not in style.text
    assert "light-dark" not in style.text
    assert "prefers-color-scheme: dark" in style.text
    assert alone.get("role") == "img"
    described = alone.find(f"{SVG}desc")
    assert described is not None
    assert "FALLBACK: timeout" in str(described.text)


def test_the_ladder_alone_of_a_call_that_nobody_dialled_says_so():
    id = "rb-replay-01KB0Q9A0H6R8S1T3V5W7X9Y2Z-of-01KB0Q8ZJ5T3V9W2X4Y6Z8A0BC"
    file = drawing.as_svg([document(1, call_id=id)], Around("http://127.0.0.1:8080", "0.1.0"))
    assert f">A replay, no real caller: call {id}<" in file.body.decode()
