"""Replay from the page: its form asks for what was masked, its result says what came back then and now, masked as ever."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.support import backend as backends
from tests.support import bridge as bridges
from tests.support.bridge import awaited
from tests.support.calls import xml
from tests.support.lines import Answers, line, placed

TOML = """
[backend]
url = "{backend}"
[debug]
enabled = true
"""
CALLED, CALLER = "0731234567", "0541112233"
NUMBERS = {"called_number": CALLED, "caller_number": CALLER, "caller_name": "Dana"}
ANSWERS: Answers = {
    (None, ""): {"action": "menu", "menu": "main", "prompt": "welcome"},
    ("main", "1"): {"action": "menu", "menu": "order", "prompt": "number", "max_digits": 4},
    ("order", "1234"): {"action": "call", "target": "0501234567"},
}


@pytest.fixture(scope="module")
def called(tmp_path_factory: pytest.TempPathFactory) -> Iterator[bridges.Running]:
    folder: Path = tmp_path_factory.mktemp("replay")
    with backends.running(line(ANSWERS)) as backend, bridges.running(folder, TOML.format(backend=backend.url)) as bridge:
        assert placed(bridge, "c1", ("1", "1234"), CALLED, CALLER) == ["main", "order", "CALL"]
        rows(bridge, "c1", 5)
        yield bridge


def rows(bridge: bridges.Running, call_id: str, count: int) -> list[dict]:
    def look() -> list[dict]:
        found: list[dict] = json.loads(bridge.get(f"/debug/call?id={call_id}", Accept="application/json").body).get("exchanges", [])
        return found if len(found) >= count else []

    return sorted(awaited(look, 20), key=lambda row: row["id"])


def sent(bridge: bridges.Running, id: str, accept: str = "text/html", **values: str) -> bridges.Reply:
    """The form, filled in and sent."""
    form = bridge.get(f"/debug/replay?id={id}")
    token = re.search(r'name="csrf_token" value="([^"]*)"', form.body.decode())
    assert token, form.body
    cookie = {"Cookie": form.headers["set-cookie"].partition(";")[0]} if "set-cookie" in form.headers else {}
    fields = {"id": id, "csrf_token": html.unescape(token[1])} | {name if name == "as_masked" else f"set-{name}": value for name, value in values.items()}
    kind = {"Content_Type": "application/x-www-form-urlencoded"}
    return bridge.post(urlencode(fields).encode(), "/debug/replay", Accept=accept, **kind, **cookie)


def test_the_form_asks_for_what_was_masked_and_offers_the_rest(called: bridges.Running):
    page = called.get("/debug/replay?id=c1").body.decode()
    inputs = dict(re.findall(r'<input id="set-([^"]+)" [^>]*?value="([^"]*)"', page))
    assert inputs == {
        "called_number": "", "caller_number": "", "caller_name": "", "1.digits": "", "2.digits": "1", "3.digits": "", "1.menu": "-1", "2.menu": "main",
        "3.menu": "order", "1.previous_menu": "-1", "2.previous_menu": "-1", "3.previous_menu": "main", "target": "", "duration": "125",
        "ring_duration": "15", "call_status": "ANSWERED",
    }  # fmt: skip
    required = re.findall(r'<input id="set-([^"]+)"[^>]* required', page)
    assert required == ["called_number", "caller_number", "caller_name", "3.digits", "target"]
    fields = json.loads(called.get("/debug/replay?id=c1", Accept="application/json").body)["fields"]
    assert {field["key"] for field in fields if field["masked"]} == set(required)
    for secret in (CALLED, CALLER, "1234"):
        assert secret not in page


def test_a_whole_call_comes_back_as_it_was(called: bridges.Running):
    got = sent(called, "c1", **NUMBERS, **{"3.digits": "1234", "target": "0500000555"})
    page = got.body.decode()
    assert got.status == 200
    assert "Everything came back as it was" in page
    call_id = re.search(r"/debug/call\?id=(rb-replay-[0-9A-Z]{26}-of-[0-9A-Z]{26})", page)
    assert call_id
    again = rows(called, call_id[1], 5)
    assert [row["turn"] for row in again if row["event"] == "action_requested"] == [1, 2, 3]
    assert {row["origin"] for row in again} == {"replay"}
    assert "call ********67" in page
    for secret in (CALLED, CALLER, "0501234567", "Dana"):
        assert secret not in page


def test_a_turn_that_is_changed_says_where_it_leads_now(called: bridges.Running):
    turn = rows(called, "c1", 5)[1]["id"]
    got = sent(called, turn, "application/json", **NUMBERS, digits="9")
    (said,) = json.loads(got.body)["turns"]
    assert (said["same"], said["elsewhere"], said["then"], said["now"]) == (False, True, "menu order", "hangup")
    page = sent(called, turn, **NUMBERS, digits="9").body.decode()
    assert "changed: digits" in page
    assert re.search(r"was: <span[^>]*>menu order</span>, now: <span[^>]*>hangup</span>", page)


def test_what_is_missing_is_asked_for_again_and_what_was_typed_stays(called: bridges.Running):
    got = sent(called, "c1", caller_number="0549990000", caller_name="<b>", **{"1.digits": "5", "nonsense": "1"})
    page = got.body.decode()
    assert got.status == 422
    assert len(re.findall(r'aria-invalid="true"', page)) == 3
    assert 'value="0549990000"' in page
    assert 'value="&lt;b&gt;"' in page
    assert "no such field" in page
    got = sent(called, "c1", as_masked="1")
    assert (got.status, b"Not as it was" in got.body) == (200, True)


def test_what_cannot_be_replayed_says_why(called: bridges.Running):
    assert called.get("/debug/replay?id=nothing").status == 404
    assert called.get("/debug/replay").status == 404
    called.post(xml(IVR_UNIQUE_ID="long", Note="x" * 20_000))
    (long,) = rows(called, "long", 1)
    got = called.get(f"/debug/replay?id={long['id']}")
    assert (got.status, b"only the beginning is kept" in got.body) == (409, True)
    delivery = next(row for row in rows(called, "c1", 5) if row["method"] == "call_ended")
    got = called.get(f"/debug/replay?id={delivery['id']}")
    assert (got.status, b"the delivery of an event" in got.body) == (409, True)
