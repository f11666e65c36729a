"""The caller never hears dead air: whatever the backend does, HTTP 200 and a valid action in time."""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import threading
import time
import uuid

import jsonschema
import pytest

from rpcbridge.schemas.jsonschema import events_schema
from tests.support import backend as backends
from tests.support import bridge as bridges
from tests.support.backend import in_turn, raw, reply, reset, slow, trickle
from tests.support.calls import HANGUP, QUESTION, as_json, xml
from tests.support.profile import check_reply

pytestmark = pytest.mark.alone

DEADLINE = 0.8
GRACE = 0.6  # three times the 200 ms that are promised: tests run on busy machines
MENU = {"action": "menu", "menu": "m", "prompt": "p"}

SERVED = {
    "action": "menu", "menu": "fallback", "prompt": "technical_problem",
    "loops": 1, "loop_delay": 3, "max_digits": 1, "validate_digits": False,
}  # fmt: skip

TOML = """
[server]
threads = 24
max_calls = 16
[backend]
url = "{url}"
deadline = "800ms"
breaker = {{ failures = 1000 }}
[events]
attempt_timeout = "1s"
retry_after = ["1s"]
[fallback]
action = "menu"
menu = "fallback"
prompt = "technical_problem"
[[route]]
called_number = "refused"
url = "http://127.0.0.1:1"
[[route]]
called_number = "no-such-host"
url = "http://no-such-host.invalid"
[[route]]
called_prefix = "vip"
fallback = {{ action = "call", target = "0501234567" }}
"""


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory):
    with (
        backends.running(reply(MENU)) as backend,
        bridges.running(tmp_path_factory.mktemp("fallback"), TOML.format(url=backend.url)) as bridge,
    ):
        yield bridge, backend


def fallback(bridge: bridges.Running, body: bytes) -> dict:
    """Post, and check that the fallback came in time and is valid; the log's line."""
    trace = uuid.uuid4().hex
    answer = bridge.post(body, traceparent=f"00-{trace}-{'b' * 16}-01")
    said = check_reply(answer.status, answer.headers, answer.body)
    assert (said["ACTION"], said["DATA"]["REC"], said["DATA"]["MENU"]) == ("MENU", "technical_problem", "fallback")
    assert answer.seconds < DEADLINE + GRACE
    line = bridge.last_line(trace_id=trace, method="GET_IVR_ACTION")
    assert line["outcome"] == "fallback"
    return line


MISBEHAVIOURS = {
    "slow": (slow(3, reply(MENU)), "timeout"),
    "trickling head": (trickle(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n" * 9, 0.2), "timeout"),
    "trickling body": (
        in_turn(lambda c, r: (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n", close=False)(c, r), trickle(b"{" * 90, 0.2)(c, r))),
        "timeout",
    ),
    "reset": (reset(), "reset"),
    "reset in the middle": (reset(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"), "reset"),
    "closed without a word": (raw(b""), "reset"),
    "redirect": (reply(b"", 302, "Location: /login\r\n"), "http_3xx"),
    "400": (reply(b"", 400), "http_4xx"),
    "404": (reply(MENU, 404), "http_4xx"),
    "500": (reply(MENU, 500), "http_5xx"),
    "503 for ever": (reply(b"", 503), "http_5xx"),
    "empty": (reply(b""), "empty"),
    "204": (reply(b"", 204), "empty"),
    "HTML": (reply(b"<html><body>Fatal error</body></html>", 200, "Content-Type: text/html\r\n"), "html"),
    "garbage instead of HTTP": (raw(b"\x00\x01\x02 garbage \r\n\r\n"), "not_http"),
    "a TLS server": (raw(b"\x15\x03\x01\x00\x02\x02\x46"), "not_http"),
    "wrong JSON": (reply(b'{"action": "menu",}'), "not_json"),
    "NaN": (reply(b'{"action": "hangup", "cause": NaN}'), "not_json"),
    "deep JSON": (reply(b"[" * 100_000), "not_json"),
    "a list": (reply([MENU]), "invalid_answer"),
    "null": (reply(None), "invalid_answer"),
    "unknown action": (reply({"action": "transfer"}), "unknown_action"),
    "no action": (reply({"menu": "m"}), "unknown_action"),
    "missing field": (reply({"action": "menu", "menu": "m"}), "invalid_answer"),
    "bad field": (reply(MENU | {"max_digits": "four"}), "invalid_answer"),
    "unknown key": (reply(MENU | {"max_digit": 4}), "invalid_answer"),
    "bad native": (reply({"native": {"ACTION": "MENU", "DATA": {}}}), "invalid_answer"),
    "native error": (reply({"STATUS": 1, "ACTION": "HANGUP", "DATA": {}}), "invalid_answer"),
    "what the platform lacks": (reply(MENU | {"prompt": {"text": "hello"}}), "not_supported"),
    "too large": (reply(b" " * 300_000), "too_large"),
    "endless": (raw(b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 300_000), "too_large"),
    "endless headers": (raw(b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 400_000), "too_large"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISBEHAVIOURS)
@pytest.mark.parametrize("written", [xml, as_json], ids=["xml", "json"])
def test_the_caller_hears_the_fallback_in_time(line, name: str, written):
    bridge, backend = line
    backend.behave, reason = MISBEHAVIOURS[name]
    said = fallback(bridge, written(IVR_UNIQUE_ID=f"{name}{written}"))
    assert said["fallback_reason"].startswith(reason), said
    assert said["detail"]


# Not an answer: the backend was too late, gone, or said itself that it has none.
FAILURES = ("timeout", "reset", "http_", "not_http", "too_large")


@pytest.mark.parametrize("name", MISBEHAVIOURS)
def test_a_backend_is_told_of_an_answer_that_cannot_be_used_and_of_nothing_else(line, name: str):
    bridge, backend = line
    backend.behave, reason = MISBEHAVIOURS[name]
    backend.take = reply(b"", 204)
    call_id = f"told {name}".replace(" ", "-")
    said = fallback(bridge, xml(IVR_UNIQUE_ID=call_id))
    if reason.startswith(FAILURES):
        assert backend.events("action_rejected", call_id=call_id) == []
        return
    (request,) = bridges.awaited(lambda: backend.events("action_rejected", call_id=call_id))
    event = request.json
    jsonschema.validate(event, events_schema(), jsonschema.Draft202012Validator)
    assert list(event) == [
        "event", "event_id", "occurred_at", "platform", "call_id", "direction", "caller_number", "caller_name", "called_number", "rejected",
    ]  # fmt: skip
    assert (event["rejected"]["reason"], event["event_id"] == said["event_id"]) == (said["fallback_reason"], False)
    assert event["rejected"]["served"] == SERVED
    assert all(problem["message"] for problem in event["rejected"]["problems"])
    fields = {"bad field": "max_digits", "missing field": "prompt", "unknown key": "max_digit", "empty": ""}
    if name in fields:
        assert [problem["field"] for problem in event["rejected"]["problems"]] == [fields[name]]
    delivered = bridge.last_line(method="action_rejected", event_id=event["event_id"])
    assert (delivered["outcome"], delivered["trace_id"]) == ("delivered", said["trace_id"])


@pytest.mark.parametrize(("number", "reasons"), [("refused", {"refused"}), ("no-such-host", {"dns", "connect_timeout"})])
def test_a_backend_that_is_not_there(line, number: str, reasons: set[str]):
    assert fallback(line[0], xml(DID=number))["fallback_reason"] in reasons


def test_a_route_has_a_fallback_of_its_own(line):
    bridge, backend = line
    backend.behave = reply(b"", 500)
    said = check_reply(*_parts(bridge.post(xml(DID="vip7"))))
    assert (said["ACTION"], said["DATA"]["TARGET"], said["DATA"]["CALLERID"]) == ("CALL", "0501234567", "vip7")


def test_a_route_keeps_its_fallback_when_the_question_is_unusable_or_shared(line):
    bridge, backend = line
    backend.behave = slow(0.3, reply(b"", 500))
    said: list[str] = []

    def call(body: bytes) -> None:
        said.append(check_reply(*_parts(bridge.post(body)))["ACTION"])

    threads = [threading.Thread(target=call, args=(xml(DID="vip8"),)) for _ in range(3)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    call(xml(DID="vip8", DTMF=["1"]))
    assert said == ["CALL"] * 4


@pytest.mark.parametrize("answer", [{"native": {"ACTION": "HANGUP"}, "state": {"a": 1}}, {"ACTION": "HANGUP", "state": {"a": 1}}])
def test_state_may_stand_in_either_form_of_a_native_answer(line, answer: dict):
    bridge, backend = line
    backend.behave = reply(answer)
    assert check_reply(*_parts(bridge.post(xml())))["ACTION"] == "HANGUP"


def test_nothing_stands_beside_a_native_answer(line):
    bridge, backend = line
    backend.behave = reply({"native": {"ACTION": "HANGUP"}, "state": 1, "promt": "x"})
    assert "promt: unknown key beside native" in fallback(bridge, xml())["detail"]


@pytest.mark.parametrize(
    "body",
    [
        as_json(data={"DID": [[]] * 6000}), as_json(data=json.loads("[" * 40 + "]" * 40)), xml(data=[""] * 6000),
        xml(data="text"), xml(data=[1]), xml(DTMF=[1, 2]), as_json(data=5), as_json(data=[{}]), b'{"METHOD": "GET_IVR_ACTION"}',
        b"<methodCall><methodName>GET_IVR_ACTION</methodName></methodCall>",
        xml().replace(b"<string>-1</string>", b"<int>minus one</int>"),
        xml().replace(b"<string>017W</string>", b"<uuid>017W</uuid>"),
        b'{"METHOD": "GET_IVR_ACTION", "DATA": ' + b"[" * 100_000,
    ],
)  # fmt: skip
def test_a_question_whose_parameters_are_unusable_still_gets_an_action(line, body: bytes):
    bridge, backend = line
    backend.requests.clear()
    assert fallback(bridge, body)["fallback_reason"] in ("invalid_params", "not_a_call")
    assert backend.questions == []


def test_a_field_that_does_not_change_the_question_is_left_out(line):
    bridge, backend = line
    backend.behave = reply(MENU)
    backend.requests.clear()
    answer = bridge.post(xml(CALLER_NAME=["a"], DID={"b": "c"}, IVR_UNIQUE_ID=" id\n1 "))
    assert check_reply(*_parts(answer))["DATA"]["MENU"] == "m"
    event = backend.questions[0].json
    assert (event["caller_number"], event["call_id"]) == (QUESTION["CALLER_ID"], "id1")
    assert not {"caller_name", "called_number"} & set(event)
    assert bridge.last_line(call_id="id1", method="GET_IVR_ACTION")["repairs"] == ["blanks DATA.IVR_UNIQUE_ID", "unreadable DATA.CALLER_NAME", "unreadable DATA.DID"]


def test_slow_bodies_do_not_hold_back_a_caller(line):
    """As many as there are threads; who gets no place at least hears the fallback at once."""
    bridge, backend = line
    backend.behave = reply(MENU)
    head = b"POST /voicenter HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n<"
    slow_ones = [socket.create_connection(("127.0.0.1", bridge.port)) for _ in range(22)]
    try:
        for connection in slow_ones:
            connection.sendall(head)
        time.sleep(0.1)
        answer = bridge.post(xml(IVR_UNIQUE_ID="beside slow bodies"))
        check_reply(*_parts(answer))
        assert answer.seconds < DEADLINE + GRACE
    finally:
        for connection in slow_ones:
            connection.close()


def test_strangers_do_not_hold_the_threads(line):
    """What is refused is not read: a wrong path's body that trickles must not keep a thread."""
    bridge, backend = line
    backend.behave = reply(MENU)
    head = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
    strangers = [socket.create_connection(("127.0.0.1", bridge.port)) for _ in range(48)]
    stop = threading.Event()

    def trickle_on() -> None:
        while not stop.wait(0.2):
            for connection in strangers:
                with contextlib.suppress(OSError):
                    connection.sendall(b"x")

    for place, connection in enumerate(strangers):
        connection.sendall(head % (b"/nowhere" if place % 2 else b"/voicenter/nope"))
    thread = threading.Thread(target=trickle_on)
    thread.start()
    try:
        time.sleep(0.5)
        answer = bridge.post(xml(IVR_UNIQUE_ID="beside strangers"))
        check_reply(*_parts(answer))
        assert answer.seconds < DEADLINE + GRACE
    finally:
        stop.set()
        thread.join()
        for connection in strangers:
            connection.close()


def test_a_log_that_cannot_be_written_costs_no_reply(tmp_path):
    command = ["bash", "-c", f"exec {sys.executable} -m rpcbridge serve 2>/dev/full"]
    with backends.running(reply(MENU)) as backend:
        toml = f'[backend]\nurl = "{backend.url}"\n'
        with bridges.running(tmp_path, toml, command=command, logs=False) as bridge:
            assert check_reply(*_parts(bridge.post(xml())))["ACTION"] == "MENU"
            backend.behave = reply(b"", 500)
            assert check_reply(*_parts(bridge.post(xml())))["ACTION"] == "HANGUP"


def test_more_calls_than_max_calls(line):
    bridge, backend = line
    backend.behave = slow(0.5, reply(MENU))
    said: list[str] = []

    def call(number: int) -> None:
        answer = bridge.post(xml(IVR_UNIQUE_ID=f"many-{number}"))
        said.append(check_reply(*_parts(answer))["DATA"]["MENU"])

    threads = [threading.Thread(target=call, args=(number,)) for number in range(20)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert said.count("m") == 16
    assert said.count("fallback") == 4
    with_route: list[str] = []
    threads = [threading.Thread(target=call, args=(number,)) for number in range(16)]
    [thread.start() for thread in threads]
    time.sleep(0.2)
    with_route.append(check_reply(*_parts(bridge.post(xml(DID="vip9"))))["ACTION"])
    [thread.join() for thread in threads]
    assert with_route == ["CALL"], "the route's fallback, not the default one"
    assert bridge.last_line(outcome="fallback", fallback_reason="too_many_calls")


def test_identical_questions_in_flight_share_one_call(line):
    bridge, backend = line
    backend.behave = slow(0.3, reply(MENU))
    backend.requests.clear()

    def post_all(bodies: list[bytes]) -> None:
        threads = [threading.Thread(target=lambda body=body: check_reply(*_parts(bridge.post(body)))) for body in bodies]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]

    post_all([xml(IVR_UNIQUE_ID="shared")] * 4)
    assert len(backend.questions) == 1
    post_all([xml(IVR_UNIQUE_ID="shared")])
    assert len(backend.questions) == 2, "the same menu and digit legitimately recur"
    anonymous = xml(data={name: value for name, value in QUESTION.items() if name != "IVR_UNIQUE_ID"})
    post_all([anonymous] * 3)
    assert len(backend.questions) == 5, "without an id nobody knows whether it is the same call"


@pytest.mark.parametrize("written", [xml, as_json], ids=["xml", "json"])
@pytest.mark.parametrize(
    ("name", "behaves", "reasons"),
    [
        ("204", [reply(b"", 204)], [""]), ("html", [reply(b"<html>", 200)], [""]), ("500", [reply(b"", 500)], ["http_5xx", "http_5xx"]),
        ("slow", [slow(3, reply())], ["timeout", "timeout"]), ("reset", [reset()], ["reset", "reset"]),
        ("503", [reply(b"", 503), reply(b"", 200)], ["http_5xx", ""]), ("410", [reply(b"", 410)], ["http_4xx"]),
    ],
)  # fmt: skip
def test_a_hang_up_is_acknowledged_when_it_is_on_disk_whatever_becomes_of_it(line, written, name: str, behaves, reasons: list[str]):
    bridge, backend = line
    call_id = f"{name}-{written.__name__}"
    behave = in_turn(*behaves)
    backend.take = lambda connection, request: (behave if request.json["call_id"] == call_id else reply(b"", 204))(connection, request)
    body = written("HANGUP_CALL", IVR_UNIQUE_ID=call_id)
    answer = bridge.post(body)
    assert check_reply(*_parts(answer)) == {"STATUS": 0}
    assert answer.seconds < DEADLINE + GRACE
    assert check_reply(*_parts(bridge.post(body))) == {"STATUS": 0}, "whoever reports it twice is acknowledged twice"
    last = "dead_letter" if reasons[-1] else "delivered"
    bridge.last_line(method="call_ended", call_id=call_id, outcome=last)
    bridge.last_line(method="HANGUP_CALL", call_id=call_id, outcome="duplicate")
    assert len(bridge.lines_of(call_id, "HANGUP_CALL")) == 2
    attempts = bridge.lines_of(call_id, "call_ended")
    assert [line.get("fallback_reason", "") for line in attempts] == reasons
    assert [line["outcome"] for line in attempts[:-1]] == ["postponed"] * (len(reasons) - 1)
    assert len({line["event_id"] for line in attempts}) == 1, "the same on every redelivery"
    came = [request.headers["rpcbridge-attempt"] for request in backend.events("call_ended", call_id=call_id)]
    assert sorted(set(came)) == [str(number) for number, _ in enumerate(reasons, 1)]
    if last == "dead_letter":
        assert bridge.last_line("dead_letter", event_id=attempts[0]["event_id"])


@pytest.mark.parametrize("written", [xml, as_json], ids=["xml", "json"])
def test_a_hang_up_is_not_acknowledged_where_it_cannot_be_stored(tmp_path, written):
    with backends.running(reply(MENU)) as backend:
        toml = f'[backend]\nurl = "{backend.url}"\ndeadline = "800ms"\n[database]\nurl = "sqlite:///{tmp_path}/no/such/folder/x.db"\n'
        with bridges.running(tmp_path, toml) as bridge:
            for _ in range(2):
                answer = bridge.post(written("HANGUP_CALL"))
                assert check_reply(*_parts(answer)) == {"STATUS": 1}
                assert answer.seconds < DEADLINE + GRACE
            said = bridge.last_line(method="HANGUP_CALL")
            assert (said["level"], said["outcome"], said["fallback_reason"]) == ("warning", "not_stored", "database")
            assert len(bridge.lines("outbox_failing")) == 1, "said once, not for every event"
            assert b"[-] outbox failing (" in bridge.get("/readyz?verbose").body
            answer = bridge.post(written())
            assert check_reply(*_parts(answer))["DATA"]["MENU"] == "m", "and a caller does not notice"
            assert "turn" not in bridge.last_line(method="GET_IVR_ACTION")
        assert not backend.events()


def test_a_hang_up_without_a_struct_is_not_acknowledged(line):
    bridge, backend = line
    backend.requests.clear()
    for body in (xml("HANGUP_CALL", "text"), as_json("HANGUP_CALL", 5), b'{"METHOD": "HANGUP_CALL"}'):
        assert check_reply(*_parts(bridge.post(body))) == {"STATUS": 1}
    said = bridge.last_line(method="HANGUP_CALL", outcome="not_stored")
    assert said["fallback_reason"] in ("invalid_params", "not_a_call")
    assert not [request for request in backend.events("call_ended") if "call_id" not in request.json]


def test_a_log_line_holds_no_number_and_no_digits(line):
    bridge, backend = line
    backend.behave = reply({"action": "call", "target": "", "caller_number": ["0547654321"]})
    bridge.post(xml(DTMF="987654", MENU="secret"))
    bridge.post(b"0547654321")
    text = bridge.log.read_text()
    for number in (QUESTION["DID"], QUESTION["CALLER_ID"], QUESTION["CALLER_NAME"], HANGUP["TARGET"], "987654", "0547654321"):
        assert number not in text


def _parts(answer: bridges.Reply) -> tuple[int, dict[str, str], bytes]:
    return answer.status, answer.headers, answer.body
