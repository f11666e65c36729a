"""An emulated tenant over HTTP: calls against a bridge that is played by hand, and the API that it orders by."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from rpcbridge.errors import ReplyError
from rpcbridge.pbx.platforms.mediaservice import Behaviour
from rpcbridge.pbx.platforms.mediaservice.tenant import DOMAIN, Tenant
from rpcbridge.pbx.scripted import Script, Turn
from rpcbridge.pbx.served import Came, Given, Served
from rpcbridge.transport import Transport
from tests.pbx.mediaservice.playing import BYE, CALL, DROP, IVR, QUIET, REFERENCE, menu
from tests.support import mediaservice as judge


class Reply(NamedTuple):
    status: int
    body: bytes


Order = tuple[str, Callable[["Played"], Mapping[str, Any]]]


class Played:
    """A bridge by hand: what it answers to each question, and what it orders once a reply is with the platform."""

    def __init__(self, *answers: Any, after: Mapping[int, Order] | None = None) -> None:
        self.answers = list(answers)
        self.after = dict(after or {})  # by the how-manieth question
        self.came: list[tuple[str, dict[str, Any]]] = []
        self.ordered: list[Reply] = []
        self.tenant: Tenant

    def answer(self, came: Came) -> Given:
        callback = came.path.removeprefix("/mediaservice/")
        body = json.loads(came.body)
        judge.valid_callback(callback, body)
        self.came.append((callback, body))
        if callback not in ("newCall", "getIvrCommand", "callEvent"):
            return Given(body=b"{}")
        asked = sum(1 for name, _ in self.came if name in ("newCall", "getIvrCommand", "callEvent"))
        if asked in self.after:
            threading.Timer(0.1, self.order, self.after[asked]).start()
        answer = self.answers.pop(0)
        return answer if isinstance(answer, Given) else Given(body=json.dumps(answer).encode())

    def order(self, operation: str, body: Callable[[Played], Mapping[str, Any]]) -> None:
        given = body(self)
        judge.valid_request(operation, "post", given)
        self.ordered.append(sent(self.tenant, operation, given))

    def last(self, callback: str) -> dict[str, Any]:
        return next(body for name, body in reversed(self.came) if name == callback)

    @property
    def names(self) -> list[str]:
        return [body["event"] if name == "callEvent" else name for name, body in self.came]


def sent(tenant: Tenant, path: str, body: Mapping[str, Any] | bytes | None, method: str = "POST", domain: str = DOMAIN) -> Reply:
    """By a client that is not ours."""
    address = urlsplit(tenant.url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=5)
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    connection.request(method, f"{address.path}/{domain}/{path}", data, {"Authorization": "Bearer x"})
    response = connection.getresponse()
    reply = Reply(response.status, response.read())
    connection.close()
    return reply


@contextmanager
def between(bridge: Played, **options: Any) -> Iterator[Tenant]:
    with Served(bridge.answer) as served, Tenant(f"{served.url}/mediaservice", Transport(), **options) as tenant:
        bridge.tenant = tenant
        yield tenant


def words(turns: list[Turn]) -> list[str]:
    return [line for turn in turns for line in turn.heard]


def of_connection(bridge: Played) -> dict[str, Any]:
    answered = bridge.last("callAnswered")
    return {"connectionId": answered["connectionId"], "replyId": answered["replyId"]}


def test_an_inbound_ivr_with_two_silent_loops_and_then_digits():
    again = menu("order", dtmf={"flush": False})
    bridge = Played(IVR, menu("order"), again, again, BYE)
    with between(bridge) as tenant:
        turns = list(tenant.place(Script(("..1234",))))
    assert words(turns) == ['hears "order"; up to 4 digits wanted', "presses 1234 as the prompt plays the 3. time", 'hears "goodbye"', "is hung up on",
                            "is acknowledged (HTTP 200)"]  # fmt: skip
    assert [turn.action for turn in turns if turn.question] == ["ivr", "collect", "collect", "collect", "hangup"]
    assert bridge.last("getIvrCommand")["dtmfParams"]["dtmfMatch"] == "1234"


def test_silence_to_the_end_is_said_once():
    again = menu("order", dtmf={"flush": False})
    bridge = Played(IVR, menu("order"), again, again, BYE)
    with between(bridge) as tenant:
        assert words(list(tenant.place(Script(("",)))))[1] == "stays silent: the prompt plays 3 times, 3 s after each"


def test_a_forward_to_a_busy_target_with_a_menu_for_that():
    bridge = Played(CALL, IVR, menu("nobody", digits=1), BYE)
    with between(bridge) as tenant:
        turns = list(tenant.place(Script(("1",), outcome="busy")))
    assert words(turns)[:4] == [
        "hears 0501234567 being dialled for at most 20 s", "the line is busy", 'hears "nobody"; up to 1 digit wanted', "presses 1",
    ]  # fmt: skip
    assert bridge.names[:5] == ["newCall", "callNotify", "calledPartyFailure", "callAnswered", "getIvrCommand"]


def test_a_transfer_from_inside_the_ivr():
    connecting = QUIET | {"phrases": [{"format": "file", "fileName": "connecting"}]}
    bridge = Played(IVR, menu("main", digits=1), connecting, CALL, DROP, DROP, after={3: ("splitconnection", of_connection)})
    with between(bridge) as tenant:
        turns = list(tenant.place(Script(("2",))))
    assert words(turns)[2:5] == ['hears "connecting"', "hears 0501234567 being dialled for at most 20 s", "talks to 0501234567; then both hang up"]
    assert [reply.status for reply in bridge.ordered] == [200]
    assert bridge.names[-6:] == ["callerConnectionSplit", "calleeConnectionSplit", "callNotify", "callAnswered", "calledPartyDrop", "sessionCompleted"]
    (order,) = tenant.requests
    assert (order.path, order.headers["authorization"]) == (f"/mediaservice/{DOMAIN}/splitconnection", "Bearer x")


def test_a_transfer_that_nobody_orders_goes_on_in_the_ivr():
    bridge = Played(IVR, menu("main", digits=1), QUIET, BYE)
    with between(bridge, told_within=0.05) as tenant:
        assert "hears nothing for 2 s" in words(list(tenant.place(Script(("2",)))))


def test_an_outbound_call_with_a_menu():
    bridge = Played(menu("for_you", digits=1), BYE)
    wanted = {"sipFrom": "0730000000", "displayName": "Shop", "destAddr": "sip:0540000000@trunk.example", "maxRingTime": 25, "sessionReferenceId": REFERENCE}
    judge.valid_request("placeivrcall", "post", wanted)
    with between(bridge) as tenant:
        assert json.loads(sent(tenant, "placeivrcall", wanted).body) == {"success": True}
        turns = list(tenant.take(Script(("1",))))
    assert words(turns)[0] == "hears 0540000000 being dialled for at most 25 s"
    assert bridge.names == ["callNotify", "callAnswered", "getIvrCommand", "getIvrCommand", "sessionCompleted"]
    assert json.loads(bridge.came[0][1]["sessionReferenceId"]) == REFERENCE
    with between(Played()) as tenant, pytest.raises(TimeoutError):
        tenant.take(Script(), 0.01)


def test_the_caller_is_gone_in_mid_prompt():
    bridge = Played(IVR, menu("long_prompt"), DROP)
    with between(bridge) as tenant:
        assert words(list(tenant.place(Script())))[1] == "hangs up"
    assert bridge.names[-2:] == ["callingPartyDrop", "sessionCompleted"]


def test_an_ivr_that_is_interrupted():
    def interrupt(bridge: Played) -> dict[str, Any]:
        command = bridge.last("getIvrCommand")
        return {"sessionId": command["sessionId"], "replyId": command["replyId"]}

    bridge = Played(IVR, menu("main"), menu("news"), DROP, after={2: ("interruptivrcommand", interrupt)})
    with between(bridge) as tenant:
        assert words(list(tenant.place(Script(("!",)))))[:2] == ['hears "main"; up to 4 digits wanted', 'hears "news"; up to 4 digits wanted']


def test_a_conversation_that_is_recorded_and_then_ended():
    def start(bridge: Played) -> dict[str, Any]:
        return {**of_connection(bridge), "recordingFileName": "rec-1.mp3"}

    bridge = Played(CALL, DROP, after={1: ("startrecording", start)})
    with between(bridge) as tenant:
        list(tenant.place(Script(listens=1)))
    assert bridge.last("recordingReady")["recordingFileName"] == "rec-1.mp3"
    assert bridge.names[-3:] == ["calledPartyDrop", "recordingReady", "sessionCompleted"]


def test_the_target_is_hung_up():
    def target(bridge: Played) -> dict[str, Any]:
        answered = bridge.last("callAnswered")
        return {"participantId": answered["calleeParticipantId"], "replyId": answered["replyId"], "sessionId": bridge.last("newCall")["sessionId"]}

    bridge = Played(CALL, DROP, after={1: ("hangupparticipant", target)})
    with between(bridge) as tenant:
        assert words(list(tenant.place(Script(listens=1))))[-2:] == ["is hung up on (cause 16, normal call clearing)", "is acknowledged (HTTP 200)"]


def test_an_alarm_on_a_bad_reply_and_the_lost_end_of_a_session():
    bridge = Played({"action": "call", "destAddr": "nowhere"})
    with between(bridge) as tenant, pytest.raises(ReplyError, match="destAddr: expected a SIP URI"):
        list(tenant.place(Script()))
    assert bridge.last("alarm")["error"] == "Invalid sip address: nowhere"
    bridge = Played(IVR, Given(503))
    with between(bridge) as tenant, pytest.raises(ReplyError, match="HTTP 503"):
        list(tenant.place(Script()))
    assert bridge.last("alarm")["error"] == "getIvrCommand request error"
    bridge = Played(IVR, BYE)
    with between(bridge, behaviour=Behaviour(completed="lost")) as tenant:
        list(tenant.place(Script()))
    assert "sessionCompleted" not in bridge.names


def test_orders_for_nobody_are_refused():
    with between(Played(IVR, BYE)) as tenant:
        for path, body, status in (
            ("splitconnection", {"connectionId": "x", "replyId": "y"}, 404), ("splitconnection", {"connectionId": "x"}, 400),
            ("splitconnection", b"[]", 400), ("placeivrcall", {"destAddr": "0540000000"}, 400), ("no-such", {}, 404), ("", {}, 404),
        ):  # fmt: skip
            got = sent(tenant, path, body)
            assert (got.status, json.loads(got.body)["success"]) == (status, False), path
        assert sent(tenant, "splitconnection", None, "GET").status == 405
        assert sent(tenant, "placeivrcall", {}, domain="another.example").status == 404
        turns = list(tenant.place(Script()))
        over = turns[-1].sent["sessionId"]
        assert sent(tenant, "interruptivrcommand", {"sessionId": over, "replyId": "x"}).status == 404, "the call is over"


def test_failures_and_delays_as_they_are_told():
    with between(Played()) as tenant:
        tenant.fail("promptfile", Given(500), Given(delay=0.01))
        assert sent(tenant, "promptfile", None, "GET").status == 500
        assert json.loads(sent(tenant, "promptfile", None, "GET").body)["files"] == []


def test_the_prompt_storage():
    with between(Played()) as tenant:
        for name in ("a.mp3", "b.mp3", "c.mp3"):
            assert sent(tenant, f"promptfile/{name}", name.encode(), "PUT").status == 200
        first = json.loads(sent(tenant, "promptfile", None, "GET").body)
        assert ([file["name"] for file in first["files"]], first["next"]) == (["a.mp3", "b.mp3"], "b.mp3")
        judge.valid_response("promptfile", "get", first)
        last = json.loads(sent(tenant, "promptfile?next=b.mp3", None, "GET").body)
        assert (last["files"], last["next"]) == ([{"name": "c.mp3", "size": 5}], None)
        assert sent(tenant, "promptfile/a.mp3", None, "GET").body == b"a.mp3"
        assert json.loads(sent(tenant, "promptfile/a.mp3/url", None, "GET").body)["url"].startswith("https://")
        assert sent(tenant, "promptfile/a.mp3/move", {"bucketName": "b", "bucketRegion": "r", "type": "s3"}).status == 200
        assert sent(tenant, "promptfile/b.mp3", None, "DELETE").status == 200
        assert sent(tenant, "promptfile/a.mp3", None, "GET").status == 404
        assert list(tenant.files) == ["c.mp3"]
