"""A real bridge between an emulated tenant and a backend: forwards, calls placed, interrupts, recordings, alarms; every order judged."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jwt
import pytest

from rpcbridge.pbx.platforms.mediaservice.tenant import DOMAIN, Tenant
from rpcbridge.pbx.scripted import Script
from rpcbridge.pbx.served import Given
from rpcbridge.transport import Transport
from tests.pbx.configured import CONFIGURED
from tests.pbx.test_same_words import worded
from tests.support import backend as backends
from tests.support import bridge as bridges
from tests.support import mediaservice as judge
from tests.support.backend import in_turn, reply
from tests.support.bridge import awaited
from tests.support.rsa_keys import pair

TOKEN = "a-token-of-32-characters-or-more-1"
MENU = {"action": "menu", "menu": "main", "prompt": "main_menu"}
BYE = {"action": "hangup", "prompt": "goodbye", "cause": 16}
NOBODY = {"menu": "nobody", "prompt": "nobody_answers", "loops": 2}
CALL = {"action": "call", "target": "0501234567", "ring_timeout": 20}


@dataclass
class Line:
    """All three."""

    bridge: bridges.Running
    backend: backends.Backend
    tenant: Tenant

    def answers(self, *actions: dict) -> None:
        """What the backend answers, one after the other, from now on."""
        self.backend.requests.clear()
        self.backend.behave = in_turn(*map(reply, actions))

    def post(self, path: str, body: dict) -> dict[str, Any]:
        """A request of the backend's by itself."""
        got = self.bridge.post(json.dumps(body).encode(), f"/api/{path}", Authorization=f"Bearer {TOKEN}", Content_Type="application/json")
        assert got.status == 202, got.body
        answer: dict[str, Any] = json.loads(got.body)
        return answer

    def event(self, name: str, **said: object) -> dict[str, Any]:
        return dict(awaited(lambda: self.backend.events(name, **said), 10)[0].json)

    def orders(self) -> list[tuple[str, dict[str, Any]]]:
        """What was ordered; every request by its token and by the document."""
        found = []
        for came in self.tenant.requests:
            operation, body = came.path.removeprefix(f"/mediaservice/{DOMAIN}/"), json.loads(came.body)
            judge.valid_request(operation, came.method, body)
            claims = jwt.decode(came.headers["authorization"].removeprefix("Bearer "), pair("a").public_key(), ["RS256"])
            assert claims["exp"] > time.time()
            found.append((operation, body))
        return found


@pytest.fixture(scope="module")
def bridged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[bridges.Running, backends.Backend, int]]:
    folder, port = tmp_path_factory.mktemp("real"), bridges.free_port()
    with backends.running(reply(BYE)) as backend:
        backend.take = reply(b"", 204)
        toml = f'[backend]\nurl = "{backend.url}"\n[api]\ntoken = "{TOKEN}"\n{CONFIGURED["mediaservice"](folder, port)}'
        with bridges.running(folder, toml) as bridge:
            yield bridge, backend, port


@pytest.fixture
def line(bridged: tuple[bridges.Running, backends.Backend, int]) -> Iterator[Line]:
    bridge, backend, port = bridged
    with Tenant(f"http://127.0.0.1:{bridge.port}/mediaservice", Transport(), address=("127.0.0.1", port)) as tenant:
        yield Line(bridge, backend, tenant)


def later(seconds: float, do: Any) -> None:
    threading.Timer(seconds, do).start()


def test_a_forward_to_a_busy_target_with_a_menu_for_that(line: Line):
    line.answers(CALL | {"on_failure": NOBODY}, BYE)
    script = Script((".5",), outcome="busy")
    turns = list(line.tenant.place(script))
    assert worded(turns) == [
        "hears 0501234567 being dialled for at most 20 s", "the line is busy", 'hears "nobody_answers"; up to 1 digit wanted',
        "presses 5 as the prompt plays the 2. time", 'hears "goodbye"', "is hung up on",
    ]  # fmt: skip
    ended = line.event("call_ended", call_id=script.call_id)
    assert (ended["call_status"], ended["hangup_cause"], ended["ended_by"]) == ("busy", 17, "backend")
    assert [question.json["menu"] for question in line.backend.questions] == [None, "nobody"]
    assert line.orders() == []


def test_a_call_is_placed_and_serves_its_menu(line: Line):
    line.answers(BYE)
    placed = line.post("calls", {"to": "0540000000", "caller_number": "0730000000", "ring_timeout": 25, "reference": "order 7", "action": MENU})
    turns = list(line.tenant.take(Script(("1",))))
    assert worded(turns)[:3] == ["hears 0540000000 being dialled for at most 25 s", 'hears "main_menu"; up to 1 digit wanted', "presses 1"]
    ended = line.event("call_ended", call_id=placed["call_id"])
    assert (ended["direction"], ended["call_status"], ended["reference"]) == ("outbound", "answered", "order 7")
    assert line.event("call_ringing", call_id=placed["call_id"])
    assert line.event("call_answered", call_id=placed["call_id"])["target"] == "0540000000"
    assert [operation for operation, _ in line.orders()] == ["placeivrcall"]


@pytest.mark.parametrize(("outcome", "status"), [("busy", "busy"), ("noanswer", "no_answer")])
def test_a_call_is_placed_that_nobody_takes(line: Line, outcome: str, status: str):
    line.answers(BYE)
    placed = line.post("calls", {"to": "0540000000"})
    list(line.tenant.take(Script(outcome=outcome)))
    assert line.event("call_ended", call_id=placed["call_id"])["call_status"] == status
    assert line.backend.questions == []


def test_a_call_is_placed_and_transferred(line: Line):
    line.answers(CALL)
    line.post("calls", {"to": "0540000000", "caller_number": "0730000000", "action": MENU})
    turns = list(line.tenant.take(Script(("1",))))
    assert worded(turns)[-2:] == ["hears 0501234567 being dialled for at most 20 s", "talks to 0501234567; then both hang up"]
    assert [operation for operation, _ in line.orders()] == ["placeivrcall", "splitconnection"]


def test_an_action_now_interrupts_the_ivr(line: Line):
    line.answers(MENU)
    script = Script(("!",))
    later(0.4, lambda: line.post(f"calls/{script.call_id}/action", MENU | {"menu": "news", "prompt": "news"}))
    assert worded(line.tenant.place(script)) == ['hears "main_menu"; up to 1 digit wanted', 'hears "news"; up to 1 digit wanted', "hangs up"]
    assert [operation for operation, _ in line.orders()] == ["interruptivrcommand"]


def test_an_action_now_takes_a_person_out_of_a_conversation(line: Line):
    line.answers(CALL)
    script = Script(listens=1)
    later(0.4, lambda: line.post(f"calls/{script.call_id}/action", MENU))
    assert worded(line.tenant.place(script))[-2:] == ['hears "main_menu"; up to 1 digit wanted', "hangs up"]
    assert [operation for operation, _ in line.orders()] == ["splitconnection"]


def test_a_recording_of_a_conversation_and_the_longest_one(line: Line):
    line.answers(CALL | {"max_duration": 2, "record": True})
    script = Script(listens=1)
    turns = list(line.tenant.place(script))
    ((operation, body),) = line.orders()
    answered = next(turn.sent for turn in turns if turn.method == "callAnswered")
    assert (operation, body["participantId"]) == ("hangupparticipant", answered["calleeParticipantId"])
    assert worded(turns)[-1] == "is hung up on"
    ready = line.event("recording_ready", call_id=script.call_id)["recording"]
    assert (ready["name"].endswith("-1.mp3"), ready["ok"]) == (True, True)


def test_a_message_up_to_its_limit(line: Line):
    line.answers({"action": "record", "prompt": "beep", "max_duration": 60})
    script = Script(speaks_on=True)
    said = worded(line.tenant.place(script))
    assert said == ['hears "beep"', "is recorded for at most 60 s, and speaks on", "is hung up on"]
    assert [operation for operation, _ in line.orders()][:1] == ["startrecording"]
    assert line.event("recording_ready", call_id=script.call_id)["recording"]["ok"] is True


def test_a_hybrid_site_is_ordered_at_its_own_address(bridged: tuple[bridges.Running, backends.Backend, int]):
    bridge, backend, port = bridged
    backend.behave = in_turn(reply(MENU), reply(CALL))
    with Tenant(f"http://127.0.0.1:{bridge.port}/mediaservice", Transport(), address=("127.0.0.1", port), hybrid=True) as tenant:
        assert "talks to 0501234567; then both hang up" in worded(tenant.place(Script(("1",))))
        assert [came.path for came in tenant.requests if "split" in came.path] == [f"/site/{DOMAIN}/splitconnection"]


def test_an_order_that_fails_is_given_once_more(line: Line):
    line.tenant.fail("splitconnection", Given(500))
    line.answers(MENU, CALL | {"on_failure": NOBODY})
    turns = list(line.tenant.place(Script(("1",))))
    assert "talks to 0501234567; then both hang up" in worded(turns)
    assert [operation for operation, _ in line.orders()].count("splitconnection") == 2


def test_a_caller_who_is_gone_in_mid_prompt(line: Line):
    line.answers(MENU)
    script = Script()
    list(line.tenant.place(script))
    ended = line.event("call_ended", call_id=script.call_id)
    assert (ended["ended_by"], "call_status" in ended) == ("caller", False)
