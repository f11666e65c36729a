"""The phone page's steps against a real bridge: whole calls across workers, every fault of the drill, and nobody else hears of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import backend as backends
from tests.support import bridge as bridges
from tests.support import shop as shops
from tests.support.backend import reply
from tests.support.bridge import awaited
from tests.support.calls import xml as question

DEBUG = '[debug]\nenabled = true\n[fallback]\naction = "hangup"\nprompt = "technical_problem"\n'
FORM = {
    "called_number": "0731234567", "caller_number": "0541112233", "caller_name": "Dana Levi", "platform": "voicenter", "dialect": "xmlrpc",
    "fault": "", "fault_from": 1,
}  # fmt: skip
TOKEN = 'true\ntoken = "let-me-in-please-now"'
JSON = {"Accept": "application/json"}


def stepped(bridge: bridges.Running, step: str, body: object, *, token: bool = True) -> bridges.Reply:
    """A step as the page asks for it: with the token that the page was given."""
    page = bridge.get("/debug/phone")
    given = re.search(rb'name="csrf-token" content="([^"]*)"', page.body)
    headers = {"Content-Type": "application/json", "Cookie": page.headers.get("set-cookie", "").partition(";")[0]}
    if token:
        headers["X-CSRF-Token"] = given[1].decode() if given else ""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return bridge.post(data, f"/debug/phone/{step}", **{name: value for name, value in headers.items() if value})


def taken(bridge: bridges.Running, step: str, body: object) -> dict[str, Any]:
    got = stepped(bridge, step, body)
    assert got.status == 200, got.body
    found: dict[str, Any] = json.loads(got.body)
    return found


def steps_of(took: dict[str, Any]) -> list[str]:
    return [step["step"] for step in took["scene"]["steps"]]


def recorded(bridge: bridges.Running, call_id: str, method: str) -> dict[str, Any]:
    """The newest exchange of one method in one call, as soon as it is there."""

    def look() -> list[dict[str, Any]]:
        found = json.loads(bridge.get(f"/debug/exchanges?call_id={call_id}", **JSON).body)["exchanges"]
        return [one for one in found if one["method"] == method]

    return dict(awaited(look, 20)[0])


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[bridges.Running]:
    """Three workers in front of the example backend."""
    folder = tmp_path_factory.mktemp("phone")
    with shops.running() as url, bridges.running(folder, f'[backend]\nurl = "{url}"\n{DEBUG}', WEB_CONCURRENCY="3") as bridge:
        yield bridge


@pytest.mark.parametrize("dialect", ["xmlrpc", "json", "jsonrpc"])
def test_a_whole_call_whichever_worker_takes_each_step(shop: bridges.Running, dialect: str):
    took = taken(shop, "call", FORM | {"dialect": dialect})
    turns = [took]
    for digits in ("1", "1", "1234", "1", "2"):
        took = taken(shop, "press", {"session": took["session"], "digits": digits})
        turns.append(took)
    assert [turn["exchange"]["action"] for turn in turns] == ["menu", "menu", "menu", "say_digits", "menu", "call"]
    assert [turn["session"]["call"]["turns"] for turn in turns] == [1, 2, 3, 4, 5, 6]
    assert steps_of(turns[3]) == ["play", "say", "collect"]
    assert turns[3]["scene"]["steps"][1]["digits"] == "0547"
    assert steps_of(took) == ["play", "dial"]
    took = taken(shop, "dialled", {"session": took["session"], "outcome": "busy"})
    assert (took["exchange"], steps_of(took), took["scene"]["steps"][0]["menu"]) == (None, ["collect"], "nobody_he")
    took = taken(shop, "press", {"session": took["session"], "digits": "1"})
    assert (steps_of(took), took["over"]) == (["play", "speak"], True)
    took = taken(shop, "hangup", {"session": took["session"]})
    assert (took["acknowledged"], took["exchange"]["outcome"], took["scene"]) == ("STATUS 0", "stored", None)
    call_id = took["session"]["call"]["call_id"]
    assert re.fullmatch("rb-phone-[0-9A-HJKMNP-TV-Z]{26}", call_id)
    assert recorded(shop, call_id, "call_ended")["outcome"] == "delivered"
    assert recorded(shop, call_id, "GET_IVR_ACTION")["origin"] == "phone"
    assert shop.last_line(call_id=call_id, method="call_ended")["origin"] == "phone"


def test_what_passed_is_shown_at_its_five_stations_masked_as_it_is_recorded(shop: bridges.Running):
    took = taken(shop, "call", FORM)
    html = took["turn"]
    for title in ("Phone system asks", "Event", "Backend is asked", "Backend answers", "Phone system is answered"):
        assert title in html
    for secret in ("0731234567", "0541112233", "Dana Levi"):
        assert secret not in html
        assert secret not in json.dumps(took["exchange"])
    kept = json.loads(awaited(lambda: (got := shop.get(f"/debug/exchanges/{took['exchange']['id']}", **JSON)).status == 200 and got).body)
    assert {name: kept[name] for name in took["exchange"]} == took["exchange"]


def test_silence_and_too_many_digits(shop: bridges.Running):
    took = taken(shop, "press", {"session": taken(shop, "call", FORM)["session"], "digits": ""})
    assert took["scene"]["steps"][0]["menu"] == "last_chance_he"
    took = taken(shop, "press", {"session": took["session"], "digits": "12"})
    assert took["scene"]["steps"][0]["menu"] == "order_he", "the 2 was not taken"


def test_a_prompt_that_collects_nothing_goes_on_by_itself(tmp_path: Path, backend: backends.Backend):
    backend.behave = reply({"action": "menu", "menu": "<img src=x onerror=alert(1)>", "prompt": "שלום", "max_digits": 0, "loops": 2})
    with bridges.running(tmp_path, f'[backend]\nurl = "{backend.url}"\n{DEBUG}') as bridge:
        took = taken(bridge, "call", FORM)
        step = took["scene"]["steps"][0]
        assert (step["size"], step["loops"], step["prompt"]) == (0, 2, {"kind": "name", "said": "שלום"})
        assert "<img" not in took["turn"]
        assert "&lt;img" in took["turn"]
        took = taken(bridge, "press", {"session": took["session"], "digits": ""})
        assert backend.questions[-1].json["menu"] == "<img src=x onerror=alert(1)>"
        assert taken(bridge, "hangup", {"session": took["session"]})["acknowledged"] == "STATUS 0"


HEARD = {  # the fault: why there was no answer, how many attempts, between how many ms
    "down": ("refused", (2, 99), (300, 1500)),
    "slow": ("timeout", (1, 1), (1300, 4500)),
    "500": ("http_5xx", (1, 1), (0, 1000)),
    "garbage": ("html", (1, 1), (0, 1000)),
    "wrong_action": ("unknown_action", (1, 1), (0, 1000)),
}


@pytest.fixture(scope="module")
def drilled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[bridges.Running, backends.Backend, backends.Backend]]:
    """A bridge with one worker, its backend, and the hook that alerts go to."""
    healthy = reply({"action": "menu", "menu": "main", "prompt": "welcome"})
    with backends.running(healthy) as backend, backends.running(reply(b"")) as hook:
        backend.take = reply(b"", 204)
        toml = f'[backend]\nurl = "{backend.url}"\ndeadline = "1500ms"\n{DEBUG}[alerts]\nurl = "{hook.url}"\n'
        with bridges.running(tmp_path_factory.mktemp("drill"), toml) as bridge:
            yield bridge, backend, hook


@pytest.mark.alone
@pytest.mark.parametrize("fault", HEARD)
def test_what_the_caller_hears_when_the_backend_fails_and_when(drilled: tuple, fault: str):
    bridge, backend, _ = drilled
    reason, (fewest, most), (soonest, latest) = HEARD[fault]
    before = len(backend.questions)
    took = taken(bridge, "call", FORM | {"fault": fault})
    seen = took["exchange"]
    assert (seen["outcome"], seen["action"], seen["reason"]) == ("fallback", "hangup", reason)
    assert fewest <= len(seen["attempts"]) <= most
    assert soonest <= seen["total_ms"] <= latest
    assert [step["prompt"]["said"] for step in took["scene"]["steps"][:1]] == ["technical_problem"]
    assert (took["over"], len(backend.questions)) == (True, before)
    assert "The caller hears nothing for" in took["turn"]
    assert taken(bridge, "hangup", {"session": took["session"]})["acknowledged"] == "STATUS 0"
    call_id = took["session"]["call"]["call_id"]
    assert call_id.startswith("rb-drill-")
    assert awaited(lambda: backend.events("call_ended", call_id=call_id), 20)
    assert recorded(bridge, call_id, "GET_IVR_ACTION")["origin"] == "drill"


def test_a_drill_can_begin_later_in_the_call(drilled: tuple):
    bridge, backend, _ = drilled
    took = taken(bridge, "call", FORM | {"fault": "500", "fault_from": 2})
    assert took["exchange"]["outcome"] == "answered"
    assert backend.questions[-1].json["call_id"] == took["session"]["call"]["call_id"]
    took = taken(bridge, "press", {"session": took["session"], "digits": "1"})
    assert (took["exchange"]["outcome"], took["exchange"]["reason"]) == ("fallback", "http_5xx")


def test_nobody_else_hears_of_a_drill(drilled: tuple):
    bridge, backend, hook = drilled
    for fault in ["down"] * 3 + ["wrong_action"] * 6 + ["500"] * 6:  # more than open a breaker
        assert taken(bridge, "call", FORM | {"fault": fault})["exchange"]["reason"] == HEARD[fault][0]
    checks = {check["name"]: check for check in json.loads(bridge.get("/readyz", **JSON).body)["checks"]}
    assert {name: checks[name]["ok"] for name in ("breaker", "backend", "alerts")} == {"breaker": True, "backend": True, "alerts": True}
    assert bridge.lines("breaker_opened") == []
    assert bridge.post(question(IVR_UNIQUE_ID="real")).status == 200
    assert "origin" not in bridge.last_line(call_id="real", outcome="answered")
    assert bridge.last_line(outcome="fallback")["origin"] == "drill"
    # What is told of a real call comes after what would have been told of the drills.
    backend.behave = reply({"action": "dance"})
    bridge.post(question(IVR_UNIQUE_ID="really-wrong"))
    assert awaited(lambda: backend.events("action_rejected"), 20)
    alert = awaited(lambda: hook.requests, 20)[0].json
    assert (alert["alert"], alert["count"]) == ("fallbacks", 1)
    assert [event.json["call_id"] for event in backend.events("action_rejected")] == ["really-wrong"]
    backend.behave = reply({"action": "hangup"})


SESSION = {"platform": "voicenter", "fault": "", "fault_from": 1, "call": {}}


@pytest.mark.parametrize(
    ("form", "fields"),
    [
        ({}, {"called_number", "caller_number", "caller_name", "dialect", "platform", "fault", "fault_from"}),
        (FORM | {"called_number": ""}, {"called_number"}),
        (FORM | {"called_number": 730000000}, {"called_number"}),
        (FORM | {"called_number": "1" * 81, "caller_name": "a\0b"}, {"called_number", "caller_name"}),
        (FORM | {"caller_name": "\ud800"}, {"caller_name"}),
        (FORM | {"platform": "../../etc", "dialect": ["xmlrpc"], "fault": "rm"}, {"platform", "dialect", "fault"}),
        (FORM | {"fault_from": 0}, {"fault_from"}),
        (FORM | {"fault_from": 1.5}, {"fault_from"}),
        (FORM | {"fault_from": True}, {"fault_from"}),
    ],
)
def test_every_field_of_the_form_that_cannot_be_used_is_named(shop: bridges.Running, form: dict, fields: set[str]):
    got = stepped(shop, "call", form)
    said = json.loads(got.body)
    assert (got.status, {problem["field"] for problem in said["problems"]}) == (400, fields)


@pytest.mark.parametrize(
    ("step", "body", "status", "said"),
    [
        ("call", b"", 400, "no JSON"),
        ("call", b"[" * 30_000, 400, "JSON"),
        ("call", b"[]", 400, "expected a JSON object"),
        ("call", b'{"caller_name": "' + b"x" * 70_000 + b'"}', 413, "larger than"),
        ("dance", b"{}", 404, "no such step"),
        ("press", {"digits": "1"}, 400, "session: expected an object"),
        ("press", {"session": SESSION, "digits": "1"}, 400, "call.called_number: missing"),
        ("press", {"session": [], "digits": "1"}, 400, "session: expected an object"),
        ("dialled", {"session": SESSION | {"platform": "none"}, "outcome": "busy"}, 400, "session.platform: expected one of voicenter"),
        ("hangup", {"session": {"call": {"call_id": "x"}}}, 400, "session.platform"),
    ],
)
def test_what_is_no_step_is_refused(shop: bridges.Running, step: str, body: object, status: int, said: str):
    got = stepped(shop, step, body)
    assert (got.status, got.headers["content-type"]) == (status, "application/json")
    assert said in json.loads(got.body)["error"]


def test_no_step_touches_a_call_that_the_page_did_not_begin(shop: bridges.Running):
    session = taken(shop, "call", FORM)["session"]
    for call_id in ("ced4619f30fc17182d8e41ddf4d6869X", "rb-phone-x", session["call"]["call_id"].replace("phone", "drill"), ""):
        forged = session | {"call": session["call"] | {"call_id": call_id}}
        for step, more in (("press", {"digits": "1"}), ("hangup", {}), ("dialled", {"outcome": "busy"})):
            got = stepped(shop, step, {"session": forged, **more})
            assert (got.status, "call_id" in json.loads(got.body)["error"]) == (400, True)


def test_a_step_out_of_its_order_is_refused(shop: bridges.Running):
    session = taken(shop, "call", FORM)["session"]
    for step, more, said in (
        ("dialled", {"outcome": "busy"}, "dials nobody"), ("press", {"digits": "1a"}, "digits: expected 0-9"),
        ("press", {"digits": "1" * 33}, "digits: "), ("press", {"digits": None}, "digits: "), ("dialled", {"outcome": 3}, "outcome: "),
    ):  # fmt: skip
        got = stepped(shop, step, {"session": session, **more})
        assert (got.status, said in json.loads(got.body)["error"]) == (400, True), got.body


def test_the_page_offers_what_there_is(shop: bridges.Running):
    page = shop.get("/debug/phone")
    assert page.status == 200
    for text in (b'value="jsonrpc"', b'value="wrong_action"', b'value="voicenter"', b'role="log"', b"phone.js", b'data-key="#"'):
        assert text in page.body
    assert b"style=" not in page.body
    told = json.loads(shop.get("/debug/phone", **JSON).body)
    assert told["dialects"] == {"voicenter": ["xmlrpc", "json", "jsonrpc"], "mediaservice": ["rest"]}
    assert told["choices"]["fault"] == ["", *HEARD]
    assert shop.get("/debug/static/phone.js").status == 200
    assert shop.get("/debug/phone/call").status == 405


def test_a_step_without_the_page_s_token_is_refused(shop: bridges.Running):
    assert stepped(shop, "call", FORM, token=False).status == 403


def test_the_phone_works_while_nothing_can_be_recorded(tmp_path: Path, backend: backends.Backend):
    toml = f'[backend]\nurl = "{backend.url}"\n{DEBUG.replace("true", TOKEN)}[database]\nurl = "sqlite:///{tmp_path}/none/x.db"\n'
    with bridges.running(tmp_path, toml) as bridge:
        bridge.headers["Authorization"] = "Bearer let-me-in-please-now"
        took = taken(bridge, "call", FORM)
        assert (took["exchange"], steps_of(took)) == (None, ["end"])
        assert "cannot be shown now" in took["turn"]
        took = taken(bridge, "hangup", {"session": took["session"]})
        assert took["acknowledged"] is None


def test_only_who_may_look_may_call(tmp_path: Path, backend: backends.Backend):
    with bridges.running(tmp_path, f'[backend]\nurl = "{backend.url}"\n{DEBUG.replace("true", TOKEN)}') as bridge:
        assert bridge.post(json.dumps(FORM).encode(), "/debug/phone/call").status in (401, 403)
        assert backend.questions == []
