"""`/api/calls` through a real bridge: calls placed, moved on, recorded and shown; the platform's API is a server of ours and judges what it gets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from tests.support import backend as backends
from tests.support import bridge as bridges
from tests.support.backend import Backend, in_turn, reply, reset, slow
from tests.support.bridge import Reply, Running, awaited
from tests.support.on_the_line import DIAL, MENU, OnTheLine, names, orders, platform_api, settings
from tests.web.test_api import BEARER, TOKEN, problem

IDS = count(1)
BYE = {"action": "hangup", "prompt": "bye"}
NEWS = {"action": "menu", "menu": "news", "prompt": "news"}
OUT = {"to": "0501112222", "caller_number": "0730000000", "reference": "order-7", "state": {"order": 7}}
DONE = reply({"success": True})


@dataclass
class Place:
    bridge: Running
    backend: Backend
    api: Backend
    database: Path

    def post(self, path: str, body: Any, **headers: str) -> Reply:
        return self.bridge.post(json.dumps(body).encode(), f"/api/calls{path}", **BEARER | {"Content_Type": "application/json"} | headers)

    def done(self, path: str, body: Any) -> dict:
        """What a request that is carried out answers."""
        said = self.post(path, body)
        assert (said.status, said.headers["content-type"]) == (202, "application/json"), said
        return json.loads(said.body)

    def shown(self, call_id: str) -> dict:
        said = self.bridge.get(f"/api/calls/{call_id}", **BEARER)
        assert said.status == 200, said
        return json.loads(said.body)

    def call(self, *answers: dict) -> OnTheLine:
        self.backend.behave = in_turn(*map(reply, answers))
        return OnTheLine(self.bridge, f"s-{next(IDS)}")

    def picked_up(self, reference: Any) -> OnTheLine:
        """A placed call as the platform reports it: it rings, and is answered."""
        call = OnTheLine(self.bridge, f"s-{next(IDS)}", reference=reference)
        self.rings(call)
        out = {"callerParticipantId": f"{call.session}-ivr", "calleeParticipantId": f"{call.session}-person"}
        assert call.answered(**out).status == 200
        return call

    def rings(self, call: OnTheLine) -> None:
        body = {"sessionId": call.session, "event": "ringing", "participantId": f"{call.session}-person", "monitoringParticipant": False}
        assert call.sent("callNotify", **body).status == 200

    def kept(self) -> int:
        with sqlalchemy.create_engine(f"sqlite:///{self.database}").connect() as connection:
            return int(connection.exec_driver_sql("SELECT count(*) FROM sessions").scalar_one())


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("calls")
    with ExitStack() as stack:
        backend, api = stack.enter_context(backends.running(reply(MENU))), stack.enter_context(platform_api())
        backend.take = reply(b"", 204)
        toml = settings(
            backend.url, database=f"sqlite:///{folder / 'bridge.db'}", platform=api.url, folder=folder, section='timeout = "1s"\n',
            more=f'[api]\ntoken = "{TOKEN}"\n',
        )  # fmt: skip
        yield Place(stack.enter_context(bridges.running(folder, toml)), backend, api, folder / "bridge.db")


@pytest.fixture
def place(running: Place) -> Place:
    running.api.behave = DONE
    running.api.requests.clear()
    return running


def test_a_call_is_placed_and_asks_when_it_is_answered(place: Place):
    place.backend.behave = in_turn(reply(MENU), reply(BYE))
    said = place.done("", OUT)
    assert said["status"] == "dialing"
    assert said["call_id"].startswith("rb-")
    [(operation, body)] = orders(place.api)
    assert operation == "placeivrcall"
    assert {name: body[name] for name in body if name != "sessionReferenceId"} == {
        "destAddr": "sip:0501112222@customer.example", "maxRingTime": 30, "sipFrom": "0730000000",
    }  # fmt: skip
    assert set(body["sessionReferenceId"]) == {"rb"}, "nothing but our key"
    call = place.picked_up(body["sessionReferenceId"])
    assert names(call.command()) == ["welcome"]
    question = place.backend.questions[-1].json
    assert {name: question[name] for name in ("call_id", "direction", "reference", "reason", "turn", "state", "caller_number", "called_number")} == {
        "call_id": said["call_id"], "direction": "outbound", "reference": "order-7", "reason": "call_started", "turn": 1, "state": {"order": 7},
        "caller_number": "0730000000", "called_number": "0501112222",
    }  # fmt: skip
    shown = place.shown(said["call_id"])
    assert {name: shown[name] for name in ("call_id", "status", "direction", "menu", "call_status", "reference", "state")} == {
        "call_id": said["call_id"], "status": "ivr", "direction": "outbound", "menu": "main", "call_status": "answered",
        "reference": "order-7", "state": MENU["state"],
    }  # fmt: skip
    assert names(call.command("1")) == ["bye"]
    assert call.completed().status == 200
    awaited(lambda: place.backend.events("call_ended", call_id=said["call_id"]))
    assert [event.json["event"] for event in place.backend.events(call_id=said["call_id"])] == ["call_ringing", "call_answered", "call_ended"]
    assert place.shown(said["call_id"])["status"] == "ended"


def test_a_call_with_an_action_of_its_own_does_not_ask(place: Place):
    said = place.done("", OUT | {"action": NEWS, "ring_timeout": 12, "max_duration": 60, "caller_name": "Shop"})
    [(_, body)] = orders(place.api)
    assert (body["maxRingTime"], body["displayName"]) == (12, "Shop")
    call, asked = place.picked_up(body["sessionReferenceId"]), len(place.backend.questions)
    assert names(call.command()) == ["news"]
    assert len(place.backend.questions) == asked
    assert place.shown(said["call_id"])["menu"] == "news"


@pytest.mark.parametrize(
    "behave", [slow(3.0, DONE), reset(), reply(b"", 500), reply(b"not json")], ids=["time-out", "reset", "500", "unreadable"]
)
def test_what_nobody_knows_is_unclear_until_a_callback_brings_the_key(place: Place, behave: backends.Behaviour):
    place.api.behave = behave
    said = place.done("", OUT)
    assert said["status"] == "unclear"
    [(_, body)] = orders(place.api)  # surely not sent twice
    assert place.shown(said["call_id"])["status"] == "unclear"
    call = OnTheLine(place.bridge, f"s-{next(IDS)}", reference=body["sessionReferenceId"])
    place.rings(call)
    assert place.shown(said["call_id"])["status"] == "dialing"


def test_a_call_that_rings_before_its_order_is_answered_is_not_unclear(place: Place):
    rung: list[str] = []

    def rings_and_says_nothing(connection, request):
        call = OnTheLine(place.bridge, f"s-{next(IDS)}", reference=request.json["sessionReferenceId"])
        place.rings(call)
        rung.append(call.session)
        reset()(connection, request)

    place.api.behave = rings_and_says_nothing
    said = place.done("", OUT)
    assert rung
    assert (said["status"], place.shown(said["call_id"])["status"]) == ("dialing", "dialing")


@pytest.mark.parametrize(
    ("behave", "outcome"), [(reply({"success": False, "reason": "0501112222 is busy"}), "refused"), (reply(b"", 404), "refused")],
    ids=["success false", "404"],
)  # fmt: skip
def test_of_a_call_that_was_refused_nothing_is_kept(place: Place, behave: backends.Behaviour, outcome: str):
    place.api.behave = behave
    kept = place.kept()
    said = problem(place.post("", OUT), 502, "order_failed")
    assert said["outcome"] == outcome
    assert "0501112222" not in json.dumps(said)
    assert place.kept() == kept


def test_all_faults_of_a_request_are_named(place: Place):
    kept = place.kept()
    wanted = {"caller_numbr": "1", "ring_timeout": "soon", "action": {"action": "go_to_layer", "layer": 3, "prompt": "x"}}
    said = problem(place.post("", wanted), 422, "invalid_request")
    assert {one["field"] for one in said["errors"]} == {"caller_numbr", "to", "ring_timeout", "action.layer"}
    for body in ([], "x", None, 7):
        assert place.post("", body).status in (400, 422)
    problem(place.bridge.post(b"{", "/api/calls", **BEARER | {"Content_Type": "application/json"}), 400, "not_json")
    assert (orders(place.api), place.kept()) == ([], kept)


def test_an_action_in_the_ivr_interrupts_it_and_is_served(place: Place):
    call = place.call(MENU)
    call.in_ivr()
    assert place.done(f"/{call.session}/action", NEWS)["status"] == "ivr"
    assert orders(place.api) == [("interruptivrcommand", {"replyId": f"{call.session}-command-1", "sessionId": call.session})]
    assert names(call.command()) == ["news"]
    assert place.shown(call.session)["menu"] == "news"


def test_an_action_while_connected_takes_the_person_out_and_is_served(place: Place):
    call = place.call(DIAL)
    call.begin()
    assert call.answered("target").status == 200
    assert place.shown(call.session)["status"] == "connected"
    place.done(f"/{call.session}/action", NEWS)
    assert orders(place.api) == [("splitconnection", {"replyId": f"{call.session}-reply-c", "connectionId": f"{call.session}-c"})]
    assert call.event("calleeConnectionSplit", "target")["action"] == "drop"
    assert call.event("callerConnectionSplit")["action"] == "ivr"
    assert names(call.command()) == ["news"]


def test_an_action_that_the_platform_refused_has_not_happened(place: Place):
    place.api.behave = reply({"success": False})
    talking = place.call(DIAL)
    talking.begin()
    assert talking.answered("target").status == 200
    said = problem(place.post(f"/{talking.session}/action", NEWS), 502, "order_failed")
    assert said["outcome"] == "refused"
    assert place.shown(talking.session)["status"] == "connected"
    assert talking.event("calledPartyDrop", "target")["action"] == "drop", "and not the action that was refused"
    listening = place.call(MENU, BYE)
    listening.in_ivr()
    problem(place.post(f"/{listening.session}/action", NEWS), 502, "order_failed")
    assert names(listening.command("7")) == ["bye"]
    assert place.backend.questions[-1].json["menu"] == "main"


def test_an_action_of_which_nobody_knows_may_have_happened(place: Place):
    place.api.behave = reset()
    call = place.call(MENU)
    call.in_ivr()
    said = problem(place.post(f"/{call.session}/action", NEWS), 502, "order_failed")
    assert said["outcome"] == "unclear"
    assert names(call.command()) == ["news"]


def test_a_recording_begins_and_ends(place: Place):
    call = place.call(DIAL)
    call.begin()
    assert call.answered("target").status == 200
    for wish in ("start", "stop"):
        assert place.done(f"/{call.session}/recording", {"recording": wish})["status"] == "connected"
    of = {"replyId": f"{call.session}-reply-c", "connectionId": f"{call.session}-c"}
    name = f"rec-{call.reference['rb']}-1.mp3"
    assert orders(place.api) == [("startrecording", {"recordingFileName": name, **of}), ("stoprecording", of)]
    for wrong in ({}, {"recording": "pause"}, {"recording": True}, {"recording": "start", "name": "x"}):
        problem(place.post(f"/{call.session}/recording", wrong), 422, "invalid_request")


def test_what_the_phase_of_a_call_does_not_allow(place: Place):
    ringing = place.call(DIAL)
    ringing.begin()
    over = place.call(BYE)
    over.begin()
    assert over.completed().status == 200
    for call in (ringing, over):
        problem(place.post(f"/{call.session}/action", NEWS), 409, "wrong_phase")
        problem(place.post(f"/{call.session}/recording", {"recording": "start"}), 409, "wrong_phase")
    assert orders(place.api) == []


def test_an_action_that_is_none(place: Place):
    call = place.call(MENU)
    call.in_ivr()
    said = problem(place.post(f"/{call.session}/action", {"action": "menu", "loops": "many"}), 422, "invalid_request")
    assert {one["field"] for one in said["errors"]} == {"menu", "prompt", "loops"}
    assert orders(place.api) == []


def test_calls_that_nobody_knows(place: Place):
    for id in ("unknown", "rb-unknown", "a b", "%2e%2e"):
        for said in (place.bridge.get(f"/api/calls/{id.replace(' ', '%20')}", **BEARER), place.post(f"/{id.replace(' ', '%20')}/action", NEWS)):
            problem(said, 404, "unknown_call")


def test_without_a_token_nothing_is_placed(place: Place):
    for path in ("", "/x/action", "/x/recording"):
        problem(place.bridge.post(json.dumps(OUT).encode(), f"/api/calls{path}", Content_Type="application/json"), 401, "no_token")
        problem(place.post(path, OUT, Authorization="Bearer wrong"), 401, "token")
    problem(place.bridge.get("/api/calls/x"), 401, "no_token")
    assert orders(place.api) == []


def test_a_bridge_that_is_not_opened_or_knows_no_platform(tmp_path: Path):
    toml = '[backend]\nurl = "http://127.0.0.1:9"\n[mediaservice]\ndomain = "customer.example"\n'
    with bridges.running(tmp_path, toml) as closed:
        assert closed.post(json.dumps(OUT).encode(), "/api/calls", Content_Type="application/json").status == 403
    with bridges.running(tmp_path, f'{toml}[api]\ntoken = "{TOKEN}"\n') as alone:
        said = problem(alone.post(json.dumps(OUT).encode(), "/api/calls", **BEARER | {"Content_Type": "application/json"}), 422, "invalid_request")
        assert "set mediaservice.url" in json.dumps(said)


def test_no_number_is_in_the_log(place: Place):
    log = place.bridge.said('"outcome":"ordered"')
    for secret in ("0501112222", "0730000000", "0540000000", TOKEN, "eyJ"):
        assert secret not in log
